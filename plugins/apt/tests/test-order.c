/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* How packages are grouped for dpkg, and how stanzas are read. */
#include "fake-host.h"

/* Made of "name|fields": a package whose stanza is the fields. */
static struct vmforge_package *
package_new (const char *name, const char *fields)
{
  struct vmforge_package *package = g_new0 (struct vmforge_package, 1);
  package->size = sizeof *package;
  package->name = package->id = name;
  package->data = g_strdup_printf ("Package: %s\n%s", name, fields);
  return package;
}

static guint
group_of (GPtrArray *groups, const char *name)
{
  for (guint i = 0; i < groups->len; i++) {
    GPtrArray *group = g_ptr_array_index (groups, i);
    for (guint j = 0; j < group->len; j++)
      if (g_str_equal (((const struct vmforge_package *)g_ptr_array_index (group, j))->name, name))
        return i;
  }
  g_assert_not_reached ();
}

static void
packages_free (struct vmforge_package **packages)
{
  for (; *packages != NULL; packages++) {
    g_free ((char *)(*packages)->data);
    g_free (*packages);
  }
}

static void
test_essential_first (void)
{
  struct vmforge_package *packages[] = {package_new ("shell", "Depends: libc | musl\nEssential: yes\n"),
                                        package_new ("libc", ""), package_new ("editor", "Depends: libc\n"),
                                        NULL};
  g_autoptr (GPtrArray) groups = apt_order_groups ((const struct vmforge_package *const *)packages);
  g_assert_cmpuint (group_of (groups, "shell"), ==, 0);
  g_assert_cmpuint (group_of (groups, "libc"), ==, 0);
  g_assert_cmpuint (group_of (groups, "editor"), ==, 1);
  packages_free (packages);
}

static void
test_pre_dependency_earlier (void)
{
  struct vmforge_package *packages[] = {package_new ("init", "Pre-Depends: systemd (>= 1)\n"),
                                        package_new ("systemd", "Pre-Depends: libs\n"),
                                        package_new ("libs", "Depends: libs-data\n"),
                                        package_new ("libs-data", ""),
                                        package_new ("tool", "Depends: init\n"),
                                        NULL};
  g_autoptr (GPtrArray) groups = apt_order_groups ((const struct vmforge_package *const *)packages);
  g_assert_cmpuint (group_of (groups, "libs"), <, group_of (groups, "systemd"));
  g_assert_cmpuint (group_of (groups, "systemd"), <, group_of (groups, "init"));
  g_assert_cmpuint (group_of (groups, "libs-data"), <=, group_of (groups, "libs"));
  g_assert_cmpuint (group_of (groups, "init"), <=, group_of (groups, "tool"));
  packages_free (packages);
}

static void
test_provided_names (void)
{
  struct vmforge_package *packages[] = {package_new ("mta-user", "Pre-Depends: mail-transport-agent\n"),
                                        package_new ("exim", "Provides: mail-transport-agent (= 1), smtpd\n"),
                                        NULL};
  g_autoptr (GPtrArray) groups = apt_order_groups ((const struct vmforge_package *const *)packages);
  g_assert_cmpuint (group_of (groups, "exim"), <, group_of (groups, "mta-user"));
  packages_free (packages);
}

static void
test_cycle_ends (void)
{
  struct vmforge_package *packages[] = {package_new ("a", "Pre-Depends: b\n"),
                                        package_new ("b", "Depends: a\n"), NULL};
  g_autoptr (GPtrArray) groups = apt_order_groups ((const struct vmforge_package *const *)packages);
  guint total = 0;
  for (guint i = 0; i < groups->len; i++)
    total += ((GPtrArray *)g_ptr_array_index (groups, i))->len;
  g_assert_cmpuint (total, ==, 2);
  packages_free (packages);
}

static void
test_removals_left_out (void)
{
  struct vmforge_package *packages[] = {package_new ("gone", ""), NULL};
  packages[0]->flags = VMFORGE_PACKAGE_REMOVE;
  g_autoptr (GPtrArray) groups = apt_order_groups ((const struct vmforge_package *const *)packages);
  g_assert_cmpuint (groups->len, ==, 1);
  g_assert_cmpuint (((GPtrArray *)g_ptr_array_index (groups, 0))->len, ==, 0);
  packages_free (packages);
}

static void
test_folded_field (void)
{
  static const char stanza[] = "Package: x\nDepends: a,\n b (>= 2)\nDescription: one\n two\n";
  g_autofree char *depends = apt_stanza_get (stanza, "depends");
  g_assert_cmpstr (depends, ==, "a, b (>= 2)");
  g_assert_null (apt_stanza_get (stanza, "Pre-Depends"));
}

static void
test_shortened_stanza (void)
{
  static const char stanza[] =
      "Package: x\nDescription: one\n two\nVersion: 1\nSHA256: 00\nDepends: a,\n b\n";
  g_autofree char *shorter = apt_stanza_shorten (stanza, strlen (stanza));
  g_assert_cmpstr (shorter, ==, "Package: x\nVersion: 1\nDepends: a,\n b\n");
}

static void
test_relation_names (void)
{
  g_autoptr (GPtrArray) names =
      apt_stanza_relation ("Depends: a:any (>= 1) | b [amd64], c <!nocheck>\n", "Depends");
  g_assert_cmpuint (names->len, ==, 3);
  g_assert_cmpstr (names->pdata[0], ==, "a");
  g_assert_cmpstr (names->pdata[1], ==, "b");
  g_assert_cmpstr (names->pdata[2], ==, "c");
}

static gboolean
has_name (GPtrArray *packages, const char *name)
{
  for (guint i = 0; i < packages->len; i++)
    if (g_str_equal (((const struct vmforge_package *)g_ptr_array_index (packages, i))->name, name))
      return TRUE;
  return FALSE;
}

static void
test_removals (void)
{
  struct vmforge_package *packages[] = {
      package_new ("new", "Conflicts: old, some-agent\nBreaks: broken (<< 2)\n"),
      package_new ("coming", "Provides: thing\n"),
      package_new ("chosen", ""),
      package_new ("old", ""),
      package_new ("broken", ""),
      package_new ("agent", "Provides: some-agent (= 1)\n"),
      package_new ("refuses", "Conflicts: thing\n"),
      package_new ("free", "Conflicts: stranger\n"),
      NULL,
  };
  for (guint i = 2; packages[i] != NULL; i++)
    packages[i]->flags = VMFORGE_PACKAGE_REMOVE;
  const char *const asked[] = {"old", "broken", "agent", "refuses:amd64", "free=1", NULL};
  g_autoptr (GPtrArray) before = g_ptr_array_new (), after = g_ptr_array_new ();
  apt_order_removals ((const struct vmforge_package *const *)packages, asked, before, after);
  static const char *const first[] = {"chosen", "old", "broken", "agent", "refuses"};
  for (guint i = 0; i < G_N_ELEMENTS (first); i++)
    g_assert_true (has_name (before, first[i]));
  g_assert_cmpuint (before->len, ==, G_N_ELEMENTS (first));
  g_assert_true (has_name (after, "free"));
  g_assert_cmpuint (after->len, ==, 1);
  packages_free (packages);
}

static void
test_names (void)
{
  static const char *const names[] = {"plain", "versioned=1:2-3", "suited/bookworm", "foreign:amd64", NULL};
  static const char *const found[] = {"plain", "versioned", "suited", "foreign"};
  for (guint i = 0; i < G_N_ELEMENTS (found); i++)
    g_assert_true (apt_names_contain (names, found[i]));
  g_assert_false (apt_names_contain (names, "plai"));
  g_assert_false (apt_names_contain (names, "plainer"));
  g_assert_false (apt_names_contain (names, "bookworm"));
  g_assert_false (apt_names_contain (NULL, "plain"));
}

static void
test_archives (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, "{}");
  AptDpkg dpkg = {.call = &fake.call, .cache = "/store/cache"};
  struct vmforge_package package = {.size = sizeof package, .name = "a", .digest = "0"};
  g_autoptr (GPtrArray) packages = g_ptr_array_new ();
  g_ptr_array_add (packages, &package);
  fake.archive = "/store/cache/packages/01/23";
  g_autoptr (GPtrArray) archives = apt_dpkg_archives (&dpkg, packages);
  g_assert_cmpuint (archives->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (archives, 0), ==, APT_CACHE_INSIDE "/packages/01/23");
  fake.archive = "/store/cache-of-others/01/23";
  g_assert_null (apt_dpkg_archives (&dpkg, packages));
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED, "is not below '/store/cache'");
  fake.archive = NULL;
  g_assert_null (apt_dpkg_archives (&dpkg, packages));
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED, "package 'a' is not in the cache");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/apt/order/essential packages and what they need come first", test_essential_first);
  g_test_add_func ("/apt/order/a pre-dependency is in an earlier group", test_pre_dependency_earlier);
  g_test_add_func ("/apt/order/a provided name counts as the package", test_provided_names);
  g_test_add_func ("/apt/order/a cycle ends and loses no package", test_cycle_ends);
  g_test_add_func ("/apt/order/packages to remove are in no group", test_removals_left_out);
  g_test_add_func ("/apt/stanza/a folded field is one line", test_folded_field);
  g_test_add_func ("/apt/stanza/a shortened stanza keeps what dpkg needs", test_shortened_stanza);
  g_test_add_func ("/apt/stanza/a relation gives all names without versions", test_relation_names);
  g_test_add_func ("/apt/order/what_is_in_the_way_goes_first", test_removals);
  g_test_add_func ("/apt/names/version_suite_and_architecture_do_not_count", test_names);
  g_test_add_func ("/apt/dpkg/archives_lie_below_the_cache_of_the_configuration", test_archives);
  return g_test_run ();
}
