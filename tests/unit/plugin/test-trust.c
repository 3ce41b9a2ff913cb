/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which folders root loads plugins from. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define NOBODY 65534

/* A folder below the fixture's, with this mode; its path. */
static char *
make_folder (Fixture *fixture, const char *name, int mode)
{
  char *path = g_build_filename (fixture->folder, name, NULL);
  g_assert_cmpint (g_mkdir (path, 0755), ==, 0);
  g_assert_cmpint (g_chmod (path, mode), ==, 0);
  return path;
}

static void
search (Fixture *fixture, const char *folder)
{
  g_autofree char *path = g_build_filename (fixture->folder, folder, NULL);
  g_setenv ("VMFORGE_PLUGIN_PATH", path, TRUE);
}

static void
assert_found (void)
{
  GError *error = NULL;
  const VfPlugin *plugin = vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "toy", &error);
  g_assert_no_error (error);
  g_assert_nonnull (plugin->descriptor);
}

static void
assert_not_trusted (const char *text)
{
  GError *error = NULL;
  g_assert_null (vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "toy", &error));
  g_assert_nonnull (strstr (error->message, "vmforge-toy.so"));
  fixture_assert_error (&error, VMFORGE_ERROR_ENVIRONMENT, text);
}

static void
a_folder_that_others_can_write_is_not_trusted (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = make_folder (fixture, "theirs", 0775);
  g_free (fixture_install (fixture, "toy", "theirs/vmforge-toy.so"));
  search (fixture, "theirs");
  g_autofree char *text = g_strdup_printf ("is in folder '%s', writable by others (mode 0775)", folder);
  assert_not_trusted (text);
}

static void
a_folder_of_another_user_is_not_trusted (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = make_folder (fixture, "theirs", 0755);
  g_free (fixture_install (fixture, "toy", "theirs/vmforge-toy.so"));
  g_assert_cmpint (chown (folder, NOBODY, NOBODY), ==, 0);
  search (fixture, "theirs");
  g_autofree char *text = g_strdup_printf ("is in folder '%s' of user 65534", folder);
  assert_not_trusted (text);
}

static void
a_folder_above_that_everybody_can_write_is_not_trusted (Fixture *fixture, gconstpointer data)
{
  g_autofree char *above = make_folder (fixture, "above", 0777);
  g_autofree char *folder = make_folder (fixture, "above/ours", 0755);
  g_free (fixture_install (fixture, "toy", "above/ours/vmforge-toy.so"));
  search (fixture, "above/ours");
  g_autofree char *text = g_strdup_printf ("is in folder '%s', writable by others (mode 0777)", above);
  assert_not_trusted (text);
}

static void
a_link_hides_no_folder (Fixture *fixture, gconstpointer data)
{
  g_autofree char *above = make_folder (fixture, "above", 0777);
  g_autofree char *folder = make_folder (fixture, "above/ours", 0755);
  g_autofree char *link = g_build_filename (fixture->folder, "link", NULL);
  g_free (fixture_install (fixture, "toy", "above/ours/vmforge-toy.so"));
  g_assert_cmpint (symlink ("above/ours", link), ==, 0);
  search (fixture, "link");
  assert_not_trusted ("/above', writable by others (mode 0777)");
}

static void
a_folder_above_may_be_of_a_user (Fixture *fixture, gconstpointer data)
{
  g_autofree char *above = make_folder (fixture, "home", 0775);
  g_autofree char *folder = make_folder (fixture, "home/build", 0755);
  g_free (fixture_install (fixture, "toy", "home/build/vmforge-toy.so"));
  g_assert_cmpint (chown (above, NOBODY, NOBODY), ==, 0);
  search (fixture, "home/build");
  assert_found ();
}

static void
a_sticky_folder_is_trusted (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = make_folder (fixture, "sticky", 01777);
  g_free (fixture_install (fixture, "toy", "sticky/vmforge-toy.so"));
  search (fixture, "sticky");
  assert_found ();
}

static void
what_is_named_by_path_is_wanted_wherever_it_lies (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = make_folder (fixture, "theirs", 0777);
  g_autofree char *path = fixture_install (fixture, "toy", "theirs/vmforge-toy.so");
  GError *error = NULL;
  search (fixture, "theirs");
  vf_plugin_load (path, &error);
  g_assert_no_error (error);
  assert_found ();
}

static void
a_file_in_the_path_is_one_plugin (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = make_folder (fixture, "theirs", 0777);
  g_free (fixture_install (fixture, "toy", "theirs/vmforge-toy.so"));
  g_free (fixture_install (fixture, "older", "theirs/vmforge-older.so"));
  search (fixture, "theirs/vmforge-toy.so");
  assert_found ();
  GError *error = NULL;
  g_assert_null (vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "older", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_SPEC, "no storage plugin 'older'");
}

static void
who_is_not_root_minds_nothing (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = make_folder (fixture, "theirs", 0777);
  g_free (fixture_install (fixture, "toy", "theirs/vmforge-toy.so"));
  g_assert_cmpint (g_chmod (fixture->folder, 0755), ==, 0);
  search (fixture, "theirs");
  g_assert_cmpint (seteuid (NOBODY), ==, 0);
  assert_found ();
  g_assert_cmpint (seteuid (0), ==, 0);
}

#define ADD(function)                                                                                        \
  g_test_add ("/plugin/trust/" #function, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (geteuid () != 0) {
    g_print ("1..0 # SKIP only root minds\n");
    return 0;
  }
  ADD (a_folder_that_others_can_write_is_not_trusted);
  ADD (a_folder_of_another_user_is_not_trusted);
  ADD (a_folder_above_that_everybody_can_write_is_not_trusted);
  ADD (a_link_hides_no_folder);
  ADD (a_folder_above_may_be_of_a_user);
  ADD (a_sticky_folder_is_trusted);
  ADD (what_is_named_by_path_is_wanted_wherever_it_lies);
  ADD (a_file_in_the_path_is_one_plugin);
  ADD (who_is_not_root_minds_nothing);
  return g_test_run ();
}
