/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/new-project.h"

#include "fixture.h"
#include "support/fs.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define LIMIT (1024 * 1024)

/* The templates of the source tree. */
static char *
templates (void)
{
  return g_test_build_filename (G_TEST_DIST, "..", "..", "core", "plugin", "templates", NULL);
}

static char **
make (Fixture *fixture, const char *kind, const char *name, const char *folder, GError **error)
{
  g_autofree char *source = templates (), *dir = g_build_filename (fixture->folder, folder, NULL);
  return vf_new_project (source, kind, name, dir, error);
}

static guint
count_entries (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint count = 0;
  while (dir && g_dir_read_name (dir))
    count++;
  return count;
}

/* Each file has a licence that asks for nothing, and no placeholder is left but those that the user fills in.
 */
static void
check_file (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = vf_fs_read (AT_FDCWD, path, LIMIT, NULL, &error);
  g_assert_no_error (error);
  if (!strstr (text, "SPDX-License-Identifier: 0BSD"))
    g_error ("'%s' has no SPDX line", path);
  if (strstr (text, "@NAME@") || strstr (text, "@UPPERNAME@") || strstr (text, "@DATE@"))
    g_error ("'%s' has a placeholder", path);
  if (g_str_has_suffix (path, "/my-own.c"))
    g_assert_nonnull (strstr (text, ".name = \"my-own\""));
}

static void
writes_a_project (Fixture *fixture, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) files = make (fixture, kind, "my-own", "new", &error);
  g_assert_no_error (error);
  g_autofree char *dir = g_build_filename (fixture->folder, "new", NULL);
  g_assert_cmpuint (g_strv_length (files), ==, count_entries (dir));
  g_assert_true (g_strv_contains ((const char *const *)files, "my-own.c"));
  g_assert_true (g_strv_contains ((const char *const *)files, "vmforge-my-own.1"));
  for (char **file = files; *file; file++) {
    g_autofree char *path = g_build_filename (dir, *file, NULL);
    check_file (path);
  }
  g_assert_cmpuint (count_entries (fixture->folder), ==, 1);
}

static void
fills_an_empty_folder (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = g_build_filename (fixture->folder, "empty", NULL);
  g_autoptr (GError) error = NULL;
  GStatBuf before, after;
  g_assert_cmpint (g_mkdir (dir, 0710), ==, 0);
  g_assert_cmpint (g_stat (dir, &before), ==, 0);
  g_auto (GStrv) files = make (fixture, "storage", "plain", "empty/", &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_stat (dir, &after), ==, 0);
  g_assert_cmpuint (before.st_ino, ==, after.st_ino);
  g_assert_cmpuint (before.st_mode, ==, after.st_mode);
  g_assert_cmpuint (count_entries (dir), ==, g_strv_length (files));
}

typedef struct {
  const char *kind, *name, *text;
} Refusal;

static const Refusal refusals[] = {
    {"transport", "wire", "there is no template of a transport plugin"},
    {"pakage", "crate", "unknown kind of plugin 'pakage' (did you mean 'package'?)"},
    {"storage", "exports", "'exports' is a name that vmforge itself uses"},
    {"storage", "Plain", "'Plain' is no name for a plugin"},
    {"storage", "../plain", "'../plain' is no name for a plugin"},
    {"storage", "", "'' is no name for a plugin"},
};

static void
refuses_what_is_none (Fixture *fixture, gconstpointer data)
{
  const Refusal *refusal = data;
  GError *error = NULL;
  g_assert_null (make (fixture, refusal->kind, refusal->name, "new", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_SPEC, refusal->text);
  g_assert_cmpuint (count_entries (fixture->folder), ==, 0);
}

static void
overwrites_nothing (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *path = fixture_write (fixture, "mine", "mine", 4);
  g_autofree char *source = templates ();
  g_assert_null (vf_new_project (source, "storage", "plain", fixture->folder, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_SPEC, "is not empty");
  g_assert_cmpuint (count_entries (fixture->folder), ==, 1);
  g_assert_null (vf_new_project (source, "storage", "plain", path, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "cannot make a project in");
}

/* A template whose second file cannot be read, as a folder cannot. */
static void
leaves_nothing_where_it_fails (Fixture *fixture, gconstpointer where)
{
  GError *error = NULL;
  g_autofree char *templates_dir = g_build_filename (fixture->folder, "templates", NULL);
  g_autofree char *broken = g_build_filename (templates_dir, "storage", "b", NULL);
  g_autofree char *good = g_build_filename (templates_dir, "storage", "a", NULL);
  g_autofree char *parent = g_build_filename (fixture->folder, "parent", NULL);
  g_autofree char *dir = g_build_filename (parent, where, NULL);
  g_assert_cmpint (g_mkdir_with_parents (broken, 0755), ==, 0);
  g_assert_cmpint (g_mkdir (parent, 0755), ==, 0);
  g_assert_true (g_file_set_contents (good, "a", 1, NULL));
  g_assert_null (vf_new_project (templates_dir, "storage", "plain", dir, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "cannot read 'b'");
  g_assert_cmpuint (count_entries (parent), ==, 0);
}

/* A plugin that works is a thing of minutes. */
static void
storage_is_small (void)
{
  g_autofree char *source = templates (), *path = g_build_filename (source, "storage", "NAME.c", NULL);
  g_autofree char *text = vf_fs_read (AT_FDCWD, path, LIMIT, NULL, NULL);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), <, 60);
}

#define ADD(path, data, function)                                                                            \
  g_test_add (path, Fixture, data, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/new-project/storage", "storage", writes_a_project);
  ADD ("/new-project/package", "package", writes_a_project);
  ADD ("/new-project/empty-folder", NULL, fills_an_empty_folder);
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++) {
    g_autofree char *path = g_strdup_printf ("/new-project/refuses/%u", i);
    ADD (path, &refusals[i], refuses_what_is_none);
  }
  ADD ("/new-project/overwrites-nothing", NULL, overwrites_nothing);
  ADD ("/new-project/fails/new-folder", "new", leaves_nothing_where_it_fails);
  ADD ("/new-project/fails/empty-folder", "", leaves_nothing_where_it_fails);
  g_test_add_func ("/new-project/storage-is-small", storage_is_small);
  return g_test_run ();
}
