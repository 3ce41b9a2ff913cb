/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What was changed in a filesystem gets its time, whatever the change, and nothing else is touched. */
#include "build/changes.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define EPOCH  1700000000
#define BEFORE (EPOCH - 1000)
#define LATER  (EPOCH + 1000)

typedef struct {
  char *folder; /* a memory filesystem of this process alone */
  int fd;
  VfChanges *changes;
} Fixture;

static void
make_file (const Fixture *fixture, const char *name, gint64 seconds)
{
  const struct timespec times[] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
  int fd = openat (fixture->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  g_assert_cmpint (write (fd, "x", 1), ==, 1);
  close (fd);
  g_assert_cmpint (utimensat (fixture->fd, name, times, 0), ==, 0);
}

static void
set_time (const Fixture *fixture, const char *name, gint64 seconds)
{
  const struct timespec times[] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
  g_assert_cmpint (utimensat (fixture->fd, name, times, AT_SYMLINK_NOFOLLOW), ==, 0);
}

static gint64
get_time (const Fixture *fixture, const char *name)
{
  struct stat st;
  g_assert_cmpint (fstatat (fixture->fd, name, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
  return st.st_mtim.tv_sec;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  static const char *const folders[] = {".", "etc", "usr", "usr/lib"};
  fixture->folder = g_dir_make_tmp ("vmforge-changes-XXXXXX", NULL);
  g_assert_cmpint (mount ("tmpfs", fixture->folder, "tmpfs", 0, NULL), ==, 0);
  fixture->fd = open (fixture->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (gsize i = 1; i < G_N_ELEMENTS (folders); i++)
    g_assert_cmpint (mkdirat (fixture->fd, folders[i], 0755), ==, 0);
  make_file (fixture, "etc/old", BEFORE);
  make_file (fixture, "etc/gone", BEFORE);
  make_file (fixture, "usr/lib/untouched",
             LATER); /* which a stage cannot have, and which tells what was looked at */
  for (gsize i = G_N_ELEMENTS (folders); i > 0; i--)
    set_time (fixture, folders[i - 1], BEFORE);
  fixture->changes = vf_changes_watch (fixture->fd);
  g_assert_nonnull (fixture->changes);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vf_changes_free (fixture->changes);
  close (fixture->fd);
  g_assert_cmpint (umount2 (fixture->folder, 0), ==, 0); /* nothing holds it */
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
  g_free (fixture->folder);
}

static void
clamp (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  gboolean complete = FALSE;
  g_assert_true (vf_changes_clamp (fixture->changes, EPOCH, &complete, &error));
  g_assert_no_error (error);
  g_assert_true (complete);
  g_assert_cmpint (get_time (fixture, "usr/lib/untouched"), ==, LATER);
}

static void
new_things_get_it_with_their_folders (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (mkdirat (fixture->fd, "etc/new", 0755), ==, 0);
  g_assert_cmpint (mkdirat (fixture->fd, "etc/new/below", 0755), ==, 0);
  make_file (fixture, "etc/new/below/file", LATER);
  g_assert_cmpint (symlinkat ("nowhere", fixture->fd, "etc/new/link"), ==, 0);
  g_assert_cmpint (mkfifoat (fixture->fd, "etc/new/fifo", 0600), ==, 0);
  clamp (fixture);
  static const char *const names[] = {"etc",          "etc/new",     "etc/new/below", "etc/new/below/file",
                                      "etc/new/link", "etc/new/fifo"};
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpint (get_time (fixture, names[i]), ==, EPOCH);
  g_assert_cmpint (get_time (fixture, "etc/old"), ==, BEFORE);
  g_assert_cmpint (get_time (fixture, "usr"), ==, BEFORE);
}

static void
what_is_written_moved_or_removed_too (Fixture *fixture, gconstpointer data)
{
  int fd = openat (fixture->fd, "etc/old", O_WRONLY | O_APPEND | O_CLOEXEC);
  g_assert_cmpint (write (fd, "more", 4), ==, 4);
  close (fd);
  g_assert_cmpint (unlinkat (fixture->fd, "etc/gone", 0), ==, 0);
  g_assert_cmpint (renameat (fixture->fd, "etc/old", fixture->fd, "usr/moved"), ==, 0);
  clamp (fixture);
  g_assert_cmpint (get_time (fixture, "usr/moved"), ==, EPOCH);
  g_assert_cmpint (get_time (fixture, "etc"), ==, EPOCH);
  g_assert_cmpint (get_time (fixture, "usr"), ==, EPOCH);
  g_assert_cmpint (get_time (fixture, "."), ==, BEFORE);
}

static void
what_is_gone_by_now_does_no_harm (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (mkdirat (fixture->fd, "tmp", 0755), ==, 0);
  make_file (fixture, "tmp/file", LATER);
  g_assert_cmpint (unlinkat (fixture->fd, "tmp/file", 0), ==, 0);
  g_assert_cmpint (unlinkat (fixture->fd, "tmp", AT_REMOVEDIR), ==, 0);
  clamp (fixture);
  g_assert_cmpint (get_time (fixture, "."), ==, EPOCH);
}

static void
too_much_to_know_is_told (Fixture *fixture, gconstpointer data)
{
  gboolean complete = TRUE;
  for (guint i = 0; i < 20000; i++) {
    g_autofree char *name = g_strdup_printf ("etc/%u", i);
    make_file (fixture, name, LATER);
  }
  g_assert_true (vf_changes_clamp (fixture->changes, EPOCH, &complete, NULL));
  g_assert_false (complete);
  g_assert_cmpint (get_time (fixture, "etc/0"), ==, LATER);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (geteuid () != 0 || unshare (CLONE_NEWNS) != 0 ||
      mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
    g_print ("1..0 # SKIP needs root\n");
    return 0;
  }
#define ADD(name) g_test_add ("/build/changes/" #name, Fixture, NULL, set_up, name, tear_down)
  ADD (new_things_get_it_with_their_folders);
  ADD (what_is_written_moved_or_removed_too);
  ADD (what_is_gone_by_now_does_no_harm);
  ADD (too_much_to_know_is_told);
#undef ADD
  return g_test_run ();
}
