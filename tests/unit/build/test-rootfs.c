/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/rootfs.h"

#include "support/fs.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define EPOCH 1700000000

/* outer/root is the root filesystem; nothing may ever appear beside it. */
typedef struct {
  char *outer;
  VfRootfs *root;
  VfAccess own; /* what a user who is not root can give */
} Fixture;

static void
make (const Fixture *fixture, const char *folder)
{
  g_autofree char *path = g_build_filename (fixture->root->path, folder, NULL);
  g_assert_cmpint (g_mkdir_with_parents (path, 0755), ==, 0);
}

static void
make_link (const Fixture *fixture, const char *target, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->root->path, name, NULL);
  g_assert_cmpint (symlink (target, path), ==, 0);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fixture->outer = g_dir_make_tmp ("vmforge-rootfs-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (fixture->outer, "root", NULL);
  g_assert_cmpint (g_mkdir (path, 0755), ==, 0);
  fixture->root = vf_rootfs_open (path, EPOCH, &error);
  g_assert_no_error (error);
  fixture->own = (VfAccess){0640, getuid (), getgid ()};
  make (fixture, "etc");
  make (fixture, "run");
  make (fixture, "var");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->outer, 0, NULL);
  g_assert_cmpstr (g_dir_read_name (dir), ==, "root");
  g_assert_null (g_dir_read_name (dir));
  vf_rootfs_close (fixture->root);
  g_assert_true (vf_fs_remove (AT_FDCWD, fixture->outer, NULL));
  g_free (fixture->outer);
}

static void
assert_resolves (const Fixture *fixture, const char *path, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = vf_rootfs_resolve (fixture->root, path, TRUE, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, expected);
}

/* Refused by all that takes a path, with its name, and nothing is written. */
static void
assert_leaves (const Fixture *fixture, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_rootfs_write (fixture->root, path, "x", 1, &fixture->own, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, "leaves the root filesystem"));
  g_assert_false (vf_rootfs_symlink (fixture->root, path, "x", getuid (), getgid (), NULL));
  g_assert_false (vf_rootfs_mkdir (fixture->root, path, &fixture->own, NULL));
  g_assert_false (vf_rootfs_exists (fixture->root, path));
}

static void
ordinary_links_stay_inside (Fixture *fixture, gconstpointer data)
{
  make_link (fixture, "/run", "var/run");
  make_link (fixture, "../run/lock", "var/lock");
  make_link (fixture, "etc/../run", "loop");
  assert_resolves (fixture, "/var/run/x", "run/x");
  assert_resolves (fixture, "/var/lock/x", "run/lock/x");
  assert_resolves (fixture, "/loop/y", "run/y");
  assert_resolves (fixture, "//etc/.//x", "etc/x");
  assert_resolves (fixture, "/etc/../var/run", "run");
  assert_resolves (fixture, "/", "");
}

static void
dots_that_climb_above_the_root_are_refused (Fixture *fixture, gconstpointer data)
{
  assert_leaves (fixture, "/../evil");
  assert_leaves (fixture, "/etc/../../evil");
  assert_leaves (fixture, "../evil");
}

static void
links_that_climb_above_the_root_are_refused (Fixture *fixture, gconstpointer data)
{
  make_link (fixture, "../..", "etc/up");
  make_link (fixture, "../../../../evil", "etc/file");
  make_link (fixture, "/../evil", "etc/absolute");
  assert_leaves (fixture, "/etc/up/evil");
  assert_leaves (fixture, "/etc/file");
  assert_leaves (fixture, "/etc/absolute");
}

static void
links_in_circles_are_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  make_link (fixture, "b", "etc/a");
  make_link (fixture, "a", "etc/b");
  g_assert_false (vf_rootfs_write (fixture->root, "/etc/a/x", "x", 1, &fixture->own, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
}

static void
a_file_gets_content_mode_and_time (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  struct stat info;
  make_link (fixture, "/run", "var/run");
  vf_rootfs_write (fixture->root, "/var/run/file", "text", 4, &fixture->own, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fstatat (fixture->root->fd, "run/file", &info, 0), ==, 0);
  g_assert_cmpint (info.st_mode & 07777, ==, 0640);
  g_assert_cmpint (info.st_mtime, ==, EPOCH);
  g_autofree char *text = vf_rootfs_read (fixture->root, "/var/run/file", NULL);
  g_assert_cmpstr (text, ==, "text");
}

static void
a_link_is_replaced_not_written_through (Fixture *fixture, gconstpointer data)
{
  g_assert_true (vf_rootfs_write (fixture->root, "/etc/zone", "zone", 4, &fixture->own, NULL));
  make_link (fixture, "zone", "etc/localtime");
  g_assert_true (vf_rootfs_write (fixture->root, "/etc/localtime", "mine", 4, &fixture->own, NULL));
  g_autofree char *zone = vf_rootfs_read (fixture->root, "/etc/zone", NULL);
  g_assert_cmpstr (zone, ==, "zone");
  g_assert_false (vf_rootfs_is_link (fixture->root, "/etc/localtime"));
}

static void
a_folder_is_not_replaced_by_a_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_rootfs_write (fixture->root, "/etc", "x", 1, &fixture->own, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_clear_error (&error);
  g_assert_false (vf_rootfs_write (fixture->root, "/etc/new/", "x", 1, &fixture->own, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
}

static void
a_copy_whose_digest_differs_is_not_placed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_rootfs_write (fixture->root, "/etc/from", "text", 4, &fixture->own, NULL));
  int from = openat (fixture->root->fd, "etc/from", O_RDONLY | O_CLOEXEC);
  g_assert_false (vf_rootfs_copy (fixture->root, "/etc/to", from, "0000", &fixture->own, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_false (vf_rootfs_exists (fixture->root, "/etc/to"));
  g_assert_false (vf_rootfs_exists (fixture->root, "/etc/.vmforge-new"));
  close (from);
}

static void
emptying_a_folder_keeps_it_and_follows_no_link (Fixture *fixture, gconstpointer data)
{
  make (fixture, "var/tmp/a/b");
  g_assert_true (vf_rootfs_write (fixture->root, "/etc/kept", "x", 1, &fixture->own, NULL));
  make_link (fixture, "../../etc", "var/tmp/link");
  g_assert_true (vf_rootfs_empty (fixture->root, "/var/tmp", NULL));
  g_assert_true (vf_rootfs_exists (fixture->root, "/var/tmp"));
  g_assert_false (vf_rootfs_exists (fixture->root, "/var/tmp/a"));
  g_assert_false (vf_rootfs_is_link (fixture->root, "/var/tmp/link"));
  g_assert_true (vf_rootfs_exists (fixture->root, "/etc/kept"));
  g_assert_true (vf_rootfs_empty (fixture->root, "/var/absent", NULL));
}

static void
assert_refused (const Fixture *fixture, const char *path, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = vf_rootfs_read (fixture->root, path, &error);
  g_assert_null (text);
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, words));
  g_clear_error (&error);
  text = vf_rootfs_read_if_any (fixture->root, path, "fallback", &error);
  g_assert_null (text);
  g_assert_nonnull (strstr (error->message, words));
}

static void
a_pipe_is_not_waited_for (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->root->path, "etc/hosts", NULL);
  g_assert_cmpint (mkfifo (path, 0644), ==, 0);
  alarm (10); /* waiting would be for ever */
  assert_refused (fixture, "/etc/hosts", "'/etc/hosts' in the root filesystem is no regular file");
  alarm (0);
}

static void
a_file_without_end_is_not_read (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->root->path, "etc/hosts", NULL);
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  g_assert_cmpint (truncate (path, (off_t)1 << 40), ==, 0);
  assert_refused (fixture, "/etc/hosts",
                  "'/etc/hosts' in the root filesystem is too large: it has 1.0 TiB, and may have 16.0 MiB");
}

static void
an_absent_file_reads_as_the_fallback (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = vf_rootfs_read_if_any (fixture->root, "/etc/hosts", "fallback", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, "fallback");
}

#define ADD(test) g_test_add ("/build/rootfs/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (ordinary_links_stay_inside);
  ADD (dots_that_climb_above_the_root_are_refused);
  ADD (links_that_climb_above_the_root_are_refused);
  ADD (links_in_circles_are_refused);
  ADD (a_file_gets_content_mode_and_time);
  ADD (a_link_is_replaced_not_written_through);
  ADD (a_folder_is_not_replaced_by_a_file);
  ADD (a_copy_whose_digest_differs_is_not_placed);
  ADD (a_pipe_is_not_waited_for);
  ADD (a_file_without_end_is_not_read);
  ADD (an_absent_file_reads_as_the_fallback);
  ADD (emptying_a_folder_keeps_it_and_follows_no_link);
  return g_test_run ();
}
