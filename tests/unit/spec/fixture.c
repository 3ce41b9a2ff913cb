/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"

#include "support/fs.h"

#include <glib/gstdio.h>

void
fixture_use_profiles (gboolean data)
{
  g_autofree char *path =
      data ? g_test_build_filename (G_TEST_DIST, "spec", "data", "profiles", NULL)
           : g_test_build_filename (G_TEST_DIST, "..", "..", "plugins", "apt", "profiles", NULL);
  g_setenv ("VMFORGE_PROFILE_PATH", path, TRUE);
}

void
folder_setup (Folder *folder, gconstpointer data)
{
  fixture_use_profiles (FALSE);
  folder->path = g_dir_make_tmp ("vmforge-spec-XXXXXX", NULL);
  g_assert_nonnull (folder->path);
}

void
folder_teardown (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  vf_fs_remove (-1, folder->path, &error);
  g_assert_no_error (error);
  g_free (folder->path);
}

const char *
folder_write (Folder *folder, const char *name, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  return g_intern_string (path);
}

void
assert_error (const GError *error, const char *folder, const char *expected)
{
  g_assert_nonnull (error);
  g_auto (GStrv) parts = g_strsplit (error->message, folder, -1);
  g_autofree char *message = g_strjoinv ("@", parts);
  g_assert_cmpstr (message, ==, expected);
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
}

VmforgeSpec *
folder_load (Folder *folder, const char *name, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  VmforgeSpec *spec = vmforge_spec_load (path, &error);
  if (expected == NULL) {
    g_assert_no_error (error);
    g_assert_nonnull (spec);
  } else {
    g_assert_null (spec);
    assert_error (error, folder->path, expected);
  }
  return spec;
}

VmforgeSpec *
folder_load_text (Folder *folder, const char *lines, const char *expected)
{
  g_autofree char *text =
      g_strconcat ("vmforge: 1\nname: test\ndistro: {id: debian, release: bookworm}\n", lines, "\n", NULL);
  folder_write (folder, "a.yaml", text);
  return folder_load (folder, "a.yaml", expected);
}

void
assert_words (char **words, const char *expected)
{
  g_autofree char *joined = g_strjoinv (" ", words);
  g_assert_cmpstr (joined, ==, expected);
}
