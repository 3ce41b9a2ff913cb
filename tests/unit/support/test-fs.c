/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/fs.h"

#include "common.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

typedef struct {
  char *path;
  int fd;
} Folder;

static void
set_up (Folder *folder, gconstpointer data)
{
  folder->path = begin_folder ();
  folder->fd = open (folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
tear_down (Folder *folder, gconstpointer data)
{
  vf_fd_clear (&folder->fd);
  end_folder (folder->path);
}

static void
put (Folder *folder, const char *name, const char *text)
{
  g_autofree char *path = make_file (folder->path, name, text, 0644);
}

static void
make_folder (Folder *folder, const char *name)
{
  g_autoptr (GError) error = NULL;
  vf_fs_mkdir_p (folder->fd, name, 0755, &error);
  g_assert_no_error (error);
}

static void
assert_text (Folder *folder, const char *name, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = vf_fs_read (folder->fd, name, 1 << 20, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, wanted);
}

static guint
count_entries (Folder *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder->path, 0, NULL);
  guint n = 0;
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_mkdir_parents (Folder *folder, gconstpointer data)
{
  make_folder (folder, "a/b/c");
  make_folder (folder, "a/b/c");
  make_folder (folder, "a/d/");
  g_assert_true (vf_fs_exists (folder->fd, "a/b/c"));
  g_assert_true (vf_fs_exists (folder->fd, "a/d"));
}

static void
test_mkdir_over_file (Folder *folder, gconstpointer data)
{
  put (folder, "a", "");
  GError *error = NULL;
  g_assert_false (vf_fs_mkdir_p (folder->fd, "a/b", 0755, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'a/b': Not a directory");
  error = NULL;
  g_assert_false (vf_fs_mkdir_p (folder->fd, "a", 0755, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'a': Not a directory");
}

static void
test_open_dir (Folder *folder, gconstpointer data)
{
  put (folder, "file", "");
  GError *error = NULL;
  vf_autofd int fd = vf_fs_open_dir (folder->fd, ".", &error);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (vf_fs_open_dir (folder->fd, "file", &error), ==, -1);
  assert_error (error, VMFORGE_ERROR_FAILED, "cannot open the folder 'file': Not a directory");
}

static void
test_read (Folder *folder, gconstpointer data)
{
  gsize length = 0;
  put (folder, "file", "12345");
  g_autofree char *text = vf_fs_read (folder->fd, "file", 5, &length, NULL);
  g_assert_cmpstr (text, ==, "12345");
  g_assert_cmpuint (length, ==, 5);
}

static void
test_read_too_large (Folder *folder, gconstpointer data)
{
  gsize length = 99;
  put (folder, "file", "12345");
  GError *error = NULL;
  g_assert_null (vf_fs_read (folder->fd, "file", 4, &length, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'file' is larger than 4 bytes");
  g_assert_cmpuint (length, ==, 99);
}

static void
test_write (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  put (folder, "file", "old and longer");
  vf_fs_write (folder->fd, "file", "new", 3, 0640, &error);
  g_assert_no_error (error);
  assert_text (folder, "file", "new");
  struct stat st;
  g_assert_cmpint (fstatat (folder->fd, "file", &st, 0), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, 0640);
  g_assert_cmpuint (count_entries (folder), ==, 1);
}

static void
test_write_keeps_readers (Folder *folder, gconstpointer data)
{
  put (folder, "file", "old");
  vf_autofd int reader = openat (folder->fd, "file", O_RDONLY | O_CLOEXEC);
  g_assert_true (vf_fs_write (folder->fd, "file", "new", 3, 0644, NULL));
  char text[4] = "";
  g_assert_cmpint (read (reader, text, 3), ==, 3);
  g_assert_cmpstr (text, ==, "old");
}

static void
test_write_fails (Folder *folder, gconstpointer data)
{
  make_folder (folder, "taken");
  GError *error = NULL;
  g_assert_false (vf_fs_write (folder->fd, "taken", "x", 1, 0644, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "cannot write 'taken'");
  g_assert_cmpuint (count_entries (folder), ==, 1);
}

static void
test_write_all (Folder *folder, gconstpointer data)
{
  GError *error = NULL;
  vf_autofd int full = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  g_assert_false (vf_fs_write_all (full, "x", 1, &error));
  assert_error (error, VMFORGE_ERROR_NO_SPACE, "cannot write: No space");
}

static void
test_exists (Folder *folder, gconstpointer data)
{
  g_assert_cmpint (symlinkat ("nowhere", folder->fd, "link"), ==, 0);
  g_assert_true (vf_fs_exists (folder->fd, "link"));
  g_assert_false (vf_fs_exists (folder->fd, "nowhere"));
}

static void
assert_removed (Folder *folder, const char *name)
{
  g_autoptr (GError) error = NULL;
  vf_fs_remove (folder->fd, name, &error);
  g_assert_no_error (error);
  g_assert_false (vf_fs_exists (folder->fd, name));
}

static void
test_remove (Folder *folder, gconstpointer data)
{
  make_folder (folder, "tree/a/b");
  make_folder (folder, "tree/c");
  put (folder, "tree/a/file", "");
  put (folder, "tree/a/b/.hidden", "");
  assert_removed (folder, "tree");
}

static void
test_remove_absent (Folder *folder, gconstpointer data)
{
  assert_removed (folder, "absent");
  assert_removed (folder, "absent/below");
}

static void
test_remove_link (Folder *folder, gconstpointer data)
{
  make_folder (folder, "kept");
  put (folder, "kept/file", "");
  make_folder (folder, "tree");
  g_assert_cmpint (symlinkat ("../kept", folder->fd, "tree/link"), ==, 0);
  g_assert_cmpint (symlinkat ("kept", folder->fd, "link"), ==, 0);
  assert_removed (folder, "tree");
  assert_removed (folder, "link");
  g_assert_true (vf_fs_exists (folder->fd, "kept/file"));
}

static void
test_remove_deep (Folder *folder, gconstpointer data)
{
  vf_autofd int fd = fcntl (folder->fd, F_DUPFD_CLOEXEC, 3);
  for (int i = 0; i < 600; i++) {
    g_assert_cmpint (mkdirat (fd, "deep", 0755), ==, 0);
    int below = openat (fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    vf_fd_clear (&fd);
    fd = below;
  }
  assert_removed (folder, "deep");
}

static void
test_remove_closes (Folder *folder, gconstpointer data)
{
  int before = dup (0);
  close (before);
  make_folder (folder, "tree/a/b");
  assert_removed (folder, "tree");
  int after = dup (0);
  close (after);
  g_assert_cmpint (before, ==, after);
}

/* In a child, which may change its mounts. Exit status: 0 as wanted, 77 mounting is not allowed here. */
static void
remove_around_mount (Folder *folder)
{
  int flags = CLONE_NEWNS | (geteuid () == 0 ? 0 : CLONE_NEWUSER);
  g_autofree char *from = g_build_filename (folder->path, "kept", NULL);
  g_autofree char *to = g_build_filename (folder->path, "tree/sub", NULL);
  if (unshare (flags) < 0 || mount ("none", "/", "none", MS_REC | MS_PRIVATE, "") < 0 ||
      mount (from, to, "none", MS_BIND, "") < 0)
    _exit (77);
  g_autoptr (GError) error = NULL;
  /* By path: the descriptor of before leads into the mounts of before. */
  g_autofree char *tree = g_build_filename (folder->path, "tree", NULL);
  if (vf_fs_remove (AT_FDCWD, tree, &error) ||
      strstr (error->message, "tree/sub' is on another filesystem") == NULL)
    _exit (1);
  _exit (0);
}

static void
test_remove_bind_mount (Folder *folder, gconstpointer data)
{
  make_folder (folder, "kept");
  put (folder, "kept/file", "precious");
  make_folder (folder, "tree/sub");
  pid_t child = fork ();
  if (child == 0)
    remove_around_mount (folder);
  int status;
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  assert_text (folder, "kept/file", "precious");
  if (WEXITSTATUS (status) == 77)
    g_test_skip ("mounting is not allowed here, neither to us nor in a user namespace");
  else
    g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

static void
copy (Folder *folder, const char *from_name, const char *to_name)
{
  g_autoptr (GError) error = NULL;
  vf_autofd int from = openat (folder->fd, from_name, O_RDONLY | O_CLOEXEC);
  vf_autofd int to = openat (folder->fd, to_name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  vf_fs_copy_data (from, to, NULL, &error);
  g_assert_no_error (error);
}

static void
test_copy (Folder *folder, gconstpointer data)
{
  put (folder, "from", "some text");
  copy (folder, "from", "to");
  assert_text (folder, "to", "some text");
}

static void
test_copy_empty (Folder *folder, gconstpointer data)
{
  put (folder, "from", "");
  copy (folder, "from", "to");
  assert_text (folder, "to", "");
}

static void
make_sparse (Folder *folder, const char *name)
{
  vf_autofd int fd = openat (folder->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  g_assert_cmpint (pwrite (fd, "middle", 6, 32 << 20), ==, 6);
  g_assert_cmpint (ftruncate (fd, 64 << 20), ==, 0);
}

static void
test_copy_holes (Folder *folder, gconstpointer data)
{
  make_sparse (folder, "from");
  copy (folder, "from", "to");
  vf_autofd int fd = openat (folder->fd, "to", O_RDONLY | O_CLOEXEC);
  struct stat st;
  g_assert_cmpint (fstat (fd, &st), ==, 0);
  g_assert_cmpint (st.st_size, ==, 64 << 20);
  g_assert_cmpint (st.st_blocks * 512, <, 8 << 20);
  char text[7] = "";
  g_assert_cmpint (pread (fd, text, 6, 32 << 20), ==, 6);
  g_assert_cmpstr (text, ==, "middle");
}

static void
test_copy_over (Folder *folder, gconstpointer data)
{
  make_sparse (folder, "from");
  g_autofree char *old = g_strnfill (1 << 20, 'x');
  put (folder, "to", old);
  copy (folder, "from", "to");
  char byte = 'x';
  vf_autofd int fd = openat (folder->fd, "to", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (pread (fd, &byte, 1, 100), ==, 1);
  g_assert_cmpint (byte, ==, '\0');
}

static void
test_copy_other_filesystem (Folder *folder, gconstpointer data)
{
  char *other = g_strdup ("/dev/shm/vmforge-test-XXXXXX");
  g_autofree char *text = g_strnfill (300000, 'y');
  put (folder, "from", text);
  vf_autofd int from = openat (folder->fd, "from", O_RDONLY | O_CLOEXEC);
  vf_autofd int to = g_mkstemp_full (other, O_RDWR | O_CLOEXEC, 0600);
  g_assert_cmpint (to, >=, 0);
  g_unlink (other);
  g_free (other);
  g_autoptr (GError) error = NULL;
  vf_fs_copy_data (from, to, NULL, &error);
  g_assert_no_error (error);
  g_autofree char *back = g_malloc0 (300001);
  g_assert_cmpint (pread (to, back, 300000, 0), ==, 300000);
  g_assert_true (g_str_equal (back, text));
}

static void
test_copy_cancelled (Folder *folder, gconstpointer data)
{
  put (folder, "from", "some text");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_cancellable_cancel (cancellable);
  vf_autofd int from = openat (folder->fd, "from", O_RDONLY | O_CLOEXEC);
  vf_autofd int to = openat (folder->fd, "to", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  GError *error = NULL;
  g_assert_false (vf_fs_copy_data (from, to, cancellable, &error));
  assert_error (error, VMFORGE_ERROR_CANCELLED, "");
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*func) (Folder *, gconstpointer);
  } tests[] = {
      {"/fs/missing parents are made, and what is there is fine", test_mkdir_parents},
      {"/fs/a file is no folder", test_mkdir_over_file},
      {"/fs/only folders open as folders", test_open_dir},
      {"/fs/a file of the limit is read", test_read},
      {"/fs/a larger file is an error", test_read_too_large},
      {"/fs/writing replaces the file and leaves no other", test_write},
      {"/fs/who reads the old file still does", test_write_keeps_readers},
      {"/fs/a write that fails leaves no other file", test_write_fails},
      {"/fs/a full device is no space", test_write_all},
      {"/fs/a dangling link is there", test_exists},
      {"/fs/a tree is removed", test_remove},
      {"/fs/what is not there is removed", test_remove_absent},
      {"/fs/links are removed, not followed", test_remove_link},
      {"/fs/a deep tree is removed", test_remove_deep},
      {"/fs/removing leaves no descriptor open", test_remove_closes},
      {"/fs/a bind mount is left alone", test_remove_bind_mount},
      {"/fs/data is copied", test_copy},
      {"/fs/an empty file is copied", test_copy_empty},
      {"/fs/holes stay holes", test_copy_holes},
      {"/fs/nothing of the old target shows through the holes", test_copy_over},
      {"/fs/data is copied between filesystems", test_copy_other_filesystem},
      {"/fs/copying can be cancelled", test_copy_cancelled},
  };
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].name, Folder, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
