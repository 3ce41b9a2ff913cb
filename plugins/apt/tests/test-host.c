/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which mirror of the host a build uses. */
#include "fake-host.h"

#define PROFILE                                                                                              \
  "{\"id\":\"toyland\",\"settings\":{\"mirror\":\"http://ftp.toy.org/toys\",\"components\":[\"main\"],"      \
  "\"security_mirror\":\"http://sec.toy.org/toys-security\","                                                \
  "\"suites\":[\"one\",\"one-updates\",\"one-security\"]}}"
#define MIRROR   "http://ftp.toy.org/toys"
#define SECURITY "http://sec.toy.org/toys-security"

static void
assert_mirror (const char *const *targets, const char *suite, const char *profile_url, const char *wanted)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, PROFILE);
  fake.output = targets;
  g_assert_cmpint (apt_host_read (&fake.call, &fake.apt), ==, 0);
  g_autofree char *url = apt_host_mirror (&fake.apt, suite, profile_url);
  g_assert_cmpstr (url, ==, wanted);
}

static void
a_mirror_that_has_the_suite_is_used (void)
{
  static const char *const targets[] = {"one|main|http://near.example/pub/toys/",
                                        "one-security|main|http://near.example/pub/toys-security/", NULL};
  assert_mirror (targets, "one", MIRROR, "http://near.example/pub/toys");
  assert_mirror (targets, "one-updates", MIRROR, "http://near.example/pub/toys");
  assert_mirror (targets, "one-security", SECURITY, "http://near.example/pub/toys-security");
}

static void
a_mirror_of_another_release_is_used_if_it_is_the_distributions (void)
{
  static const char *const targets[] = {"zero|main|http://near.example/toys/",
                                        "zero|main|http://de.toy.org/toys/", NULL};
  assert_mirror (targets, "one", MIRROR, "http://de.toy.org/toys");
}

static void
another_vendors_archive_is_not_used (void)
{
  static const char *const other_suite[] = {"stable|main|http://vendor.example/toys/", NULL};
  static const char *const other_component[] = {"one|vendor|http://vendor.example/toys/", NULL};
  static const char *const other_path[] = {"one|main|http://vendor.example/things/", NULL};
  static const char *const number[] = {"zero|main|http://192.0.2.1/toys/", NULL};
  static const char *const none[] = {NULL};
  assert_mirror (other_suite, "one", MIRROR, MIRROR);
  assert_mirror (other_component, "one", MIRROR, MIRROR);
  assert_mirror (other_path, "one", MIRROR, MIRROR);
  assert_mirror (number, "one", MIRROR, MIRROR);
  assert_mirror (none, "one", MIRROR, MIRROR);
}

static void
the_archive_with_most_suites_is_used (void)
{
  static const char *const targets[] = {"one|main|http://vendor.example/toys/",
                                        "one|main|http://near.example/toys/",
                                        "one-updates|main|http://near.example/toys/", NULL};
  assert_mirror (targets, "one", MIRROR, "http://near.example/toys");
}

static void
the_archive_of_security_updates_is_another (void)
{
  static const char *const targets[] = {"one-security|main|http://sec.example/toys/",
                                        "one|main|http://near.example/toys/", NULL};
  assert_mirror (targets, "one", MIRROR, "http://near.example/toys");
  assert_mirror (targets, "one-security", MIRROR, "http://sec.example/toys");
}

static void
credentials_and_unknown_lists_are_left_out (void)
{
  static const char *const targets[] = {
      "one|main|http://me:secret@near.example/toys/", "one|main|mirror+http://near.example/toys/",
      "one|main|mirror://x.example/toys/", "one|main|mirror+file:/nonexistent/toys/", NULL};
  assert_mirror (targets, "one", MIRROR, MIRROR);
}

static void
the_host_is_asked_once (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, PROFILE);
  static const char *const before[] = {"one|main|http://near.example/toys/", NULL};
  static const char *const after[] = {"one|main|http://far.example/toys/",
                                      "one-updates|main|http://far.example/toys/", NULL};
  fake.output = before;
  g_assert_cmpint (apt_host_read (&fake.call, &fake.apt), ==, 0);
  fake.output = after;
  g_assert_cmpint (apt_host_read (&fake.call, &fake.apt), ==, 0);
  g_autofree char *url = apt_host_mirror (&fake.apt, "one", MIRROR);
  g_assert_cmpstr (url, ==, "http://near.example/toys");
}

/* The formats of apt itself, by the apt of this machine. */
static void
assert_format (const char *name, const char *sources)
{
  g_autofree char *apt_get = g_find_program_in_path ("apt-get");
  if (apt_get == NULL) {
    g_test_skip ("this machine has no apt-get");
    return;
  }
  g_auto (FakeHost) fake;
  fake_host_init (&fake, PROFILE);
  g_auto (GStrv) parts = g_strsplit (sources, "@FOLDER@", -1);
  g_autofree char *text = g_strjoinv (fake.folder, parts);
  g_autofree char *file = g_strconcat ("etc/sources.list.d/", name, NULL);
  g_autofree char *written = fake_host_write (&fake, file, text);
  g_autofree char *list = fake_host_write (&fake, "mirrors.list",
                                           "# near\n\nhttp://near.example/toys\tpriority:1\n"
                                           "http://far.example/toys\n");
  g_autofree char *conf = g_strdup_printf ("Dir::Etc \"%s/etc\";\nDir::Cache::pkgcache \"\";\n"
                                           "Dir::State::lists \"%s/cache\";\nAPT::Architecture \"amd64\";\n",
                                           fake.folder, fake.folder);
  g_autofree char *conf_path = fake_host_write (&fake, "apt.conf", conf);
  fake.apt_config = conf_path;
  g_assert_cmpint (apt_host_read (&fake.call, &fake.apt), ==, 0);
  g_autofree char *url = apt_host_mirror (&fake.apt, "one", MIRROR);
  g_assert_cmpstr (url, ==, "http://near.example/toys");
}

static void
the_one_line_format_is_read (void)
{
  assert_format ("toy.list", "deb [arch=amd64 trusted=yes] http://near.example/toys/ one main extra\n"
                             "deb-src http://source.example/toys one main\n"
                             "# deb http://off.example/toys one main\n");
}

static void
the_deb822_format_is_read (void)
{
  assert_format ("toy.sources",
                 "Types: deb deb-src\nURIs: http://near.example/toys\nSuites: one one-updates\n"
                 "Components: main\n\n"
                 "Enabled: no\nTypes: deb\nURIs: http://off.example/toys\nSuites: one\n"
                 "Components: main\n");
}

static void
a_list_of_mirrors_gives_its_first (void)
{
  assert_format ("toy.list", "deb mirror+file:@FOLDER@/mirrors.list one main\n");
  assert_format ("toy.sources", "Types: deb\nURIs: mirror+file:@FOLDER@/mirrors.list\nSuites: one\n"
                                "Components: main\n");
}

#define ADD(function) g_test_add_func ("/apt/host/" #function, function)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (a_mirror_that_has_the_suite_is_used);
  ADD (a_mirror_of_another_release_is_used_if_it_is_the_distributions);
  ADD (another_vendors_archive_is_not_used);
  ADD (the_archive_with_most_suites_is_used);
  ADD (the_archive_of_security_updates_is_another);
  ADD (credentials_and_unknown_lists_are_left_out);
  ADD (the_host_is_asked_once);
  ADD (the_one_line_format_is_read);
  ADD (the_deb822_format_is_read);
  ADD (a_list_of_mirrors_gives_its_first);
  return g_test_run ();
}
