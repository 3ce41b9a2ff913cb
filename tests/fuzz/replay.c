/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Runs a fuzz target over every file of a folder, each a test. */
#include <glib.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
replay (gconstpointer path)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  /* A copy of the exact size, so that a sanitizer sees a read beyond its end. */
  g_autofree uint8_t *data = length == 0 ? NULL : g_memdup2 (text, length);
  g_assert_cmpint (LLVMFuzzerTestOneInput (data, length), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = g_dir_open (argv[1], 0, &error);
  g_assert_no_error (error);
  g_autofree char *kind = g_path_get_basename (argv[1]);
  const char *name;
  while ((name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *test = g_strdup_printf ("/fuzz/%s/%s", kind, name);
    g_test_add_data_func_full (test, g_build_filename (argv[1], name, NULL), replay, g_free);
  }
  return g_test_run ();
}
