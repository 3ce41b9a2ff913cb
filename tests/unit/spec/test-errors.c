/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* data/errors.txt: wrong specs with the exact text of their errors; and what no text file can hold. */
#include "fixture.h"

#include <string.h>

typedef struct {
  char *name;
  gboolean whole; /* lines are the file, not just its end */
  GString *lines;
  char *expected;
} Case;

static void
write_companions (Folder *folder)
{
  folder_write (folder, "text", "hello\n");
  folder_write (folder, "empty", "");
  folder_write (folder, "private", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
  folder_write (folder, "binary",
                "\x7f"
                "ELF\xff\xfe");
  folder_write (folder, "key.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
}

static void
test_case (gconstpointer data)
{
  const Case *item = data;
  Folder folder;
  folder_setup (&folder, NULL);
  write_companions (&folder);
  g_autoptr (VmforgeSpec) spec = NULL;
  if (item->whole) {
    folder_write (&folder, "a.yaml", item->lines->str);
    spec = folder_load (&folder, "a.yaml", item->expected);
  } else
    spec = folder_load_text (&folder, item->lines->str, item->expected);
  folder_teardown (&folder, NULL);
}

static void
case_free (gpointer data)
{
  Case *item = data;
  g_free (item->name);
  g_string_free (item->lines, TRUE);
  g_free (item->expected);
  g_free (item);
}

static void
add_cases (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "spec", "data", "errors.txt", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  Case *item = NULL;
  for (char **line = lines; *line != NULL; line++) {
    if (g_str_has_prefix (*line, "== ") || g_str_has_prefix (*line, "=== ")) {
      item = g_new0 (Case, 1);
      item->whole = (*line)[2] == '=';
      item->name = g_strconcat ("/spec/errors/", strchr (*line, ' ') + 1, NULL);
      item->lines = g_string_new (NULL);
    } else if (item != NULL && g_str_has_prefix (*line, "-> ")) {
      item->expected = g_strdup (*line + 3);
      g_test_add_data_func_full (item->name, item, test_case, case_free);
      item = NULL;
    } else if (item != NULL)
      g_string_append_printf (item->lines, "%s\n", *line);
  }
}

static void
test_absent_file (Folder *folder, gconstpointer data)
{
  folder_load (folder, "a.yaml", "cannot read '@/a.yaml': No such file or directory");
}

static void
test_folder_as_file (Folder *folder, gconstpointer data)
{
  folder_load (folder, ".", "cannot read '@/.': Is a directory");
}

static void
test_undecodable_bytes (Folder *folder, gconstpointer data)
{
  folder_write (folder, "a.yaml", "vmforge: 1\nname: \xff\n");
  folder_load (folder, "a.yaml", "@/a.yaml:2:7: this is no YAML: invalid leading UTF-8 octet");
}

static void
test_control_character (Folder *folder, gconstpointer data)
{
  folder_write (folder, "a.yaml",
                "vmforge: 1\nname: \"a\x01"
                "b\"\n");
  folder_load (folder, "a.yaml", "@/a.yaml:2:9: this is no YAML: control characters are not allowed");
}

static void
test_longer_circle (Folder *folder, gconstpointer data)
{
  folder_write (folder, "a.yaml", "extends: b.yaml\n");
  folder_write (folder, "b.yaml", "name: b\nextends: [c/c.yaml]\n");
  folder_write (folder, "c/c.yaml", "extends: ../b.yaml\n");
  folder_load (
      folder, "a.yaml",
      "@/c/c.yaml:1:10: 'extends' goes in a circle: @/a.yaml → @/b.yaml → @/c/c.yaml → @/c/../b.yaml");
}

static void
test_long_chain (Folder *folder, gconstpointer data)
{
  for (guint i = 0; i < 20; i++) {
    g_autofree char *name = g_strdup_printf ("%u.yaml", i);
    g_autofree char *text = g_strdup_printf ("extends: %u.yaml\n", i + 1);
    folder_write (folder, name, text);
  }
  folder_load (folder, "0.yaml", "@/15.yaml:1:10: 'extends' goes through more than 16 files");
}

/* Without a bound the parents of parents would be 3^16 files. */
static void
test_wide_family (Folder *folder, gconstpointer data)
{
  for (guint i = 0; i < 15; i++) {
    g_autofree char *name = g_strdup_printf ("%u.yaml", i);
    g_autofree char *text = g_strdup_printf ("extends: [%u.yaml, %u.yaml, %u.yaml]\n", i + 1, i + 1, i + 1);
    folder_write (folder, name, text);
  }
  folder_write (folder, "15.yaml", "name: a\n");
  folder_load (folder, "0.yaml", "@/14.yaml:1:20: 'extends' reads more than 64 files");
}

/* Errors of a parent name the parent. */
static void
test_error_in_parent (Folder *folder, gconstpointer data)
{
  folder_write (folder, "base.yaml", "base:\n  packages: [a]\n  pakages: []\n");
  folder_load_text (folder, "extends: base.yaml",
                    "@/base.yaml:3:3: unknown key 'pakages' in stage 'base' (did you mean 'packages'?)");
}

static void
test_password_is_not_repeated (Folder *folder, gconstpointer data)
{
  g_autofree char *path = g_build_filename (folder->path, "a.yaml", NULL);
  g_autoptr (GError) error = NULL;
  folder_write (folder, "a.yaml",
                "vmforge: 1\nname: a\ndistro: {id: debian, release: \"12\"}\n"
                "base: {users: [{name: a, password: hunter2}]}\n");
  g_assert_null (vmforge_spec_load (path, &error));
  g_assert_null (strstr (error->message, "hunter2"));
}

#define ADD(name, func) g_test_add ("/spec/errors/" name, Folder, NULL, folder_setup, func, folder_teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_cases ();
  ADD ("an absent file", test_absent_file);
  ADD ("a folder instead of a file", test_folder_as_file);
  ADD ("bytes that are no UTF-8", test_undecodable_bytes);
  ADD ("a control character", test_control_character);
  ADD ("a longer circle of extends names its files", test_longer_circle);
  ADD ("a long chain of extends is bounded", test_long_chain);
  ADD ("a wide family of extends is bounded", test_wide_family);
  ADD ("an error of a parent names the parent", test_error_in_parent);
  ADD ("a password is not repeated", test_password_is_not_repeated);
  return g_test_run ();
}
