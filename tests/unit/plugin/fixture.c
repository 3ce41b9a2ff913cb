/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>

static void
on_log (enum vmforge_log_level level, const char *line, gpointer user_data)
{
  g_ptr_array_add (((Fixture *)user_data)->lines, g_strdup_printf ("%d %s", (int)level, line));
}

static void
on_progress (double fraction, const char *what, gpointer user_data)
{
  Fixture *fixture = user_data;
  fixture->fraction = fraction;
  g_free (fixture->what);
  fixture->what = g_strdup (what);
}

void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  fixture->folder = g_dir_make_tmp ("vmforge-test-XXXXXX", &error);
  g_assert_no_error (error);
  g_setenv ("VMFORGE_PLUGIN_PATH", fixture->folder, TRUE);
  fixture->lines = g_ptr_array_new_with_free_func (g_free);
  fixture->cancellable = g_cancellable_new ();
  fixture->host = (VfHost){
      .cancellable = fixture->cancellable, .log = on_log, .progress = on_progress, .user_data = fixture};
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    if (!g_file_test (child, G_FILE_TEST_IS_SYMLINK) && g_file_test (child, G_FILE_TEST_IS_DIR))
      remove_tree (child);
    else
      g_unlink (child);
  }
  g_rmdir (path);
}

void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  remove_tree (fixture->folder);
  g_free (fixture->folder);
  g_free (fixture->what);
  g_ptr_array_unref (fixture->lines);
  g_object_unref (fixture->cancellable);
}

char *
fixture_write (Fixture *fixture, const char *file, const void *data, gsize length)
{
  char *path = g_build_filename (fixture->folder, file, NULL);
  GError *error = NULL;
  g_file_set_contents (path, data, (gssize)length, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (path, 0755), ==, 0);
  return path;
}

char *
fixture_install (Fixture *fixture, const char *name, const char *file)
{
  g_autofree char *source = g_strdup_printf ("%s/vmforge-%s.so", plugin_test_dir, name);
  g_autofree char *data = NULL;
  gsize length;
  GError *error = NULL;
  g_file_get_contents (source, &data, &length, &error);
  g_assert_no_error (error);
  return fixture_write (fixture, file, data, length);
}

void
fixture_assert_error (GError **error, VmforgeError code, const char *text)
{
  g_assert_error (*error, VMFORGE_ERROR, (int)code);
  if (!strstr ((*error)->message, text))
    g_error ("'%s' is not in '%s'", text, (*error)->message);
  g_assert_null (strchr ((*error)->message, '\n'));
  g_clear_error (error);
}
