/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"
#include "support/digest.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
assert_refused (const char *path, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeStore) store = vmforge_store_open (path, "plain", &error);
  g_assert_null (store);
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_ENVIRONMENT);
  g_assert_nonnull (strstr (error->message, part));
  g_assert_null (strchr (error->message, '\n'));
}

static void
an_absent_store_is_made (void)
{
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_assert_cmpstr (store->path, ==, path);
  g_assert_cmpuint (strlen (store->id), ==, 32);
  g_assert_cmpstr (store->storage_name, ==, "plain");
  g_assert_true (vf_fs_exists (store->fd, "locks"));
  g_assert_true (vf_fs_exists (store->fd, "cache/packages"));
  struct stat st;
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0755);
  common_remove (path);
}

static void
a_store_keeps_its_id (void)
{
  char *path = common_path ();
  g_autoptr (VmforgeStore) first = common_open (path);
  g_autoptr (VmforgeStore) second = common_open (path);
  g_assert_cmpstr (first->id, ==, second->id);
  common_remove (path);
}

static void
open_child (const char *path, gpointer data)
{
  g_autoptr (VmforgeStore) store = common_open (path);
}

static void
processes_that_make_one_store_agree (void)
{
  char *path = common_path ();
  pid_t pids[8];
  for (gsize i = 0; i < G_N_ELEMENTS (pids); i++)
    pids[i] = common_fork (open_child, path, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (pids); i++)
    g_assert_cmpint (common_wait (pids[i]), ==, 0);
  common_remove (path);
}

static void
the_environment_names_a_store (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_setenv ("VMFORGE_STORE", path, TRUE);
  g_autoptr (VmforgeStore) store = vmforge_store_open (NULL, "plain", &error);
  g_unsetenv ("VMFORGE_STORE");
  g_assert_no_error (error);
  g_assert_cmpstr (store->path, ==, path);
  common_remove (path);
}

static void
a_folder_with_other_files_is_refused (void)
{
  char *path = common_path ();
  g_autofree char *file = g_build_filename (path, "letter.txt", NULL);
  g_assert_cmpint (mkdir (path, 0755), ==, 0);
  g_assert_true (g_file_set_contents (file, "x", 1, NULL));
  assert_refused (path, "letter.txt");
  g_assert_cmpint (unlink (file), ==, 0);
  /* Nothing was left behind: it is empty again. */
  g_assert_cmpint (rmdir (path), ==, 0);
  common_remove (path);
}

static void
a_mount_point_and_a_cut_off_store_are_accepted (void)
{
  char *path = common_path ();
  g_autofree char *lost = g_build_filename (path, "lost+found", NULL);
  g_autofree char *temporary = g_build_filename (path, ".tmp-1-2", NULL);
  g_assert_cmpint (g_mkdir_with_parents (lost, 0755), ==, 0);
  g_assert_true (g_file_set_contents (temporary, "{", 1, NULL));
  g_autoptr (VmforgeStore) store = common_open (path);
  g_assert_false (vf_fs_exists (store->fd, ".tmp-1-2"));
  common_remove (path);
}

static void
a_file_in_the_way_is_named (void)
{
  char *path = common_path ();
  g_autofree char *below = g_build_filename (path, "below", NULL);
  g_assert_true (g_file_set_contents (path, "x", 1, NULL));
  assert_refused (path, "is a file");
  assert_refused (below, "Not a directory");
  common_remove (path);
}

static void
a_newer_format_is_refused (void)
{
  char *path = common_path ();
  vmforge_store_free (common_open (path));
  g_autofree char *file = g_build_filename (path, "store.json", NULL);
  g_assert_true (g_file_set_contents (file, "{\"format\":2,\"id\":\"x\"}", -1, NULL));
  assert_refused (path, "format 2");
  common_remove (path);
}

static void
a_damaged_store_file_is_named (void)
{
  char *path = common_path ();
  vmforge_store_free (common_open (path));
  g_autofree char *file = g_build_filename (path, "store.json", NULL);
  g_assert_true (g_file_set_contents (file, "{\"format\":1,\"id\":\"short\"}", -1, NULL));
  assert_refused (path, "damaged");
  common_remove (path);
}

static void
a_store_that_cannot_be_written_says_so (void)
{
  char *path = common_path ();
  vmforge_store_free (common_open (path));
  g_autofree char *inside = g_build_filename (path, "locks", "new", NULL);
  g_assert_cmpint (chmod (path, 0555), ==, 0);
  uid_t user = geteuid ();
  if (user == 0)
    g_assert_cmpint (seteuid (65534), ==, 0);
  assert_refused (path, "not root");
  assert_refused (inside, "not root");
  if (user == 0)
    g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_cmpint (chmod (path, 0755), ==, 0);
  common_remove (path);
}

static void
a_plain_store_can_be_read_by_anyone_and_writes_nothing (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  vmforge_store_free (common_open (path));
  uid_t user = geteuid ();
  if (user == 0)
    g_assert_cmpint (seteuid (65534), ==, 0);
  g_autoptr (VmforgeStore) store = vf_store_open_plain (path, &error);
  g_assert_no_error (error);
  g_assert_null (store->storage);
  g_autoptr (GPtrArray) stages = vf_store_list_stages (store, &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) images = vf_store_list_images (store, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (stages->len + images->len, ==, 0);
  if (user == 0)
    g_assert_cmpint (seteuid (0), ==, 0);
  common_remove (path);
}

static void
a_plain_store_must_exist (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_assert_null (vf_store_open_plain (path, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_ENVIRONMENT);
  g_assert_cmpint (access (path, F_OK), <, 0);
  common_remove (path);
}

static void
an_unknown_storage_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_assert_null (vmforge_store_open (path, "plane", &error));
  g_assert_nonnull (error);
  common_remove (path);
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
  g_test_add_func ("/store/an-absent-store-is-made", an_absent_store_is_made);
  g_test_add_func ("/store/a-store-keeps-its-id", a_store_keeps_its_id);
  g_test_add_func ("/store/processes-that-make-one-store-agree", processes_that_make_one_store_agree);
  g_test_add_func ("/store/the-environment-names-a-store", the_environment_names_a_store);
  g_test_add_func ("/store/a-folder-with-other-files-is-refused", a_folder_with_other_files_is_refused);
  g_test_add_func ("/store/a-mount-point-and-a-cut-off-store-are-accepted",
                   a_mount_point_and_a_cut_off_store_are_accepted);
  g_test_add_func ("/store/a-file-in-the-way-is-named", a_file_in_the_way_is_named);
  g_test_add_func ("/store/a-newer-format-is-refused", a_newer_format_is_refused);
  g_test_add_func ("/store/a-damaged-store-file-is-named", a_damaged_store_file_is_named);
  g_test_add_func ("/store/a-store-that-cannot-be-written-says-so", a_store_that_cannot_be_written_says_so);
  g_test_add_func ("/store/a-plain-store-can-be-read-by-anyone",
                   a_plain_store_can_be_read_by_anyone_and_writes_nothing);
  g_test_add_func ("/store/a-plain-store-must-exist", a_plain_store_must_exist);
  g_test_add_func ("/store/an-unknown-storage-is-refused", an_unknown_storage_is_refused);
  return g_test_run ();
}
