/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/clamp.h"
#include "support/fs.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define EPOCH 1700000000

typedef struct {
  char *folder;
  int fd;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("vmforge-clamp-XXXXXX", NULL);
  fixture->fd = open (fixture->folder, O_PATH | O_CLOEXEC);
  g_assert_cmpint (fixture->fd, >=, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  close (fixture->fd);
  g_assert_true (vf_fs_remove (AT_FDCWD, fixture->folder, NULL));
  g_free (fixture->folder);
}

static void
make (const Fixture *fixture, const char *name, mode_t type, gint64 seconds, long nanoseconds)
{
  const struct timespec times[] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  int fd = -1;
  if (type == S_IFDIR)
    g_assert_cmpint (mkdirat (fixture->fd, name, 0755), ==, 0);
  else if (type == S_IFLNK)
    g_assert_cmpint (symlinkat ("/nowhere", fixture->fd, name), ==, 0);
  else
    g_assert_cmpint (fd = openat (fixture->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0400), >=, 0);
  if (fd >= 0)
    close (fd);
  g_assert_cmpint (utimensat (fixture->fd, name, times, AT_SYMLINK_NOFOLLOW), ==, 0);
}

static void
assert_time (const Fixture *fixture, const char *name, gint64 seconds, long nanoseconds)
{
  struct stat st;
  g_assert_cmpint (fstatat (fixture->fd, name, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
  g_assert_cmpint (st.st_mtim.tv_sec, ==, seconds);
  g_assert_cmpint (st.st_mtim.tv_nsec, ==, nanoseconds);
}

static void
clamp (const Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  vf_clamp_times (fixture->fd, EPOCH, &error);
  g_assert_no_error (error);
}

static void
test_later (Fixture *fixture, gconstpointer data)
{
  make (fixture, "folder", S_IFDIR, EPOCH, 0);
  make (fixture, "folder/file", S_IFREG, EPOCH + 1, 0);
  make (fixture, "folder/link", S_IFLNK, EPOCH, 1);
  clamp (fixture);
  assert_time (fixture, "folder/file", EPOCH, 0);
  assert_time (fixture, "folder/link", EPOCH, 0);
  assert_time (fixture, "folder", EPOCH, 0); /* new entries had changed it */
  assert_time (fixture, ".", EPOCH, 0);
}

static void
test_earlier (Fixture *fixture, gconstpointer data)
{
  make (fixture, "old", S_IFREG, EPOCH - 1, 999999999);
  make (fixture, "before-1970", S_IFREG, -5, 7);
  clamp (fixture);
  assert_time (fixture, "old", EPOCH - 1, 999999999);
  assert_time (fixture, "before-1970", -5, 7);
}

static void
test_mounted (Fixture *fixture, gconstpointer data)
{
  if (geteuid () != 0) {
    g_test_skip ("needs root");
    return;
  }
  g_autofree char *place = g_build_filename (fixture->folder, "place", NULL);
  make (fixture, "place", S_IFDIR, EPOCH, 0);
  g_assert_cmpint (unshare (CLONE_NEWNS), ==, 0);
  g_assert_cmpint (mount ("none", "/", "none", MS_REC | MS_PRIVATE, NULL), ==, 0);
  close (fixture->fd); /* it is of the namespace before */
  fixture->fd = open (fixture->folder, O_PATH | O_CLOEXEC);
  g_assert_cmpint (mount ("tmpfs", place, "tmpfs", 0, NULL), ==, 0);
  make (fixture, "place/file", S_IFREG, EPOCH + 9, 0);
  clamp (fixture);
  assert_time (fixture, "place/file", EPOCH + 9, 0);
  g_assert_cmpint (umount2 (place, MNT_DETACH), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/clamp/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("what is later gets the time, by a nanosecond too", test_later);
  ADD ("what is earlier keeps its own", test_earlier);
  ADD ("what is mounted there is left alone", test_mounted);
  return g_test_run ();
}
