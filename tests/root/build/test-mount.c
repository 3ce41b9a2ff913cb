/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A volume that is unmounted is whole, whoever else had it mounted. */
#include "fixture.h"

#include "build/disk.h"
#include "build/mount.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELD (400 * 1000) /* microseconds */

/* As the sandbox of a program that has just ended: a mount namespace of its own, for some time yet. */
static pid_t
hold_mounts (void)
{
  int ready[2];
  char byte;
  g_assert_cmpint (pipe (ready), ==, 0);
  pid_t pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0) {
    if (unshare (CLONE_NEWNS) != 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
      _exit (1);
    if (write (ready[1], "", 1) != 1)
      _exit (1);
    g_usleep (HELD);
    _exit (0);
  }
  close (ready[1]);
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  close (ready[0]);
  return pid;
}

static void
closing_waits_until_no_other_namespace_has_the_filesystem (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfDiskLayout layout;
  const VfFilesystem filesystem = {.type = "ext4"};
  int status = 0;
  fixture_build_core (fixture);
  g_assert_cmpint (unshare (CLONE_NEWNS), ==, 0);
  g_assert_cmpint (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), ==, 0);
  g_autofree char *path = fixture_volume_path (fixture, CORE_VOLUME), *target = NULL;
  g_assert_true (vf_disk_read (path, &layout, &error));
  g_assert_true (vf_mount_make_target (&target, &error));
  g_autoptr (VfMount) mounted = vf_mount_new (&filesystem, path, &layout.root, target, FALSE, NULL, &error);
  g_assert_no_error (error);
  gint64 start = g_get_monotonic_time ();
  pid_t holder = hold_mounts ();
  vf_mount_close (mounted, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, HELD);
  g_assert_cmpint (waitpid (holder, &status, 0), ==, holder);
  g_assert_cmpint (status, ==, 0);
  g_assert_cmpint (umount2 (VF_MOUNT_FOLDER, MNT_DETACH), ==, 0);
}

int
main (int argc, char **argv)
{
  fixture_need_root ();
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/root/build/mount/closing_waits_until_no_other_namespace_has_the_filesystem", Fixture, NULL,
              fixture_set_up, closing_waits_until_no_other_namespace_has_the_filesystem, fixture_tear_down);
  return g_test_run ();
}
