/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes without a pool: copies, another folder, a disk that is full or read-only. */
#include "child.h"
#include "support/fd.h"
#include "volumes.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static void
copies_are_announced (Fixture *fixture, gconstpointer data)
{
  g_assert_nonnull (fixture->warning);
  g_assert_nonnull (strstr (fixture->warning, "clones are copies"));
}

static void
a_clone_that_is_killed_leaves_nothing (Fixture *fixture, gconstpointer data)
{
  g_autofree char *megabyte = g_malloc0 (MIB);
  volume_create (fixture, A, 512 * MIB);
  vf_autofd int fd = volume_open (fixture, A, FALSE);
  for (int i = 0; i < 512; i++)
    g_assert_cmpint (pwrite (fd, megabyte, MIB, (off_t)i * MIB), ==, MIB);
  volume_seal (fixture, A);
  GSubprocess *process = child_spawn (fixture, "clone");
  g_usleep (60 * 1000);
  g_subprocess_force_exit (process);
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  gboolean finished = g_subprocess_get_if_exited (process);
  g_object_unref (process);
  place_reopen (fixture, NULL);
  g_autofree char *volumes = g_build_filename (fixture->store, "volumes", NULL);
  g_autoptr (GDir) dir = g_dir_open (volumes, 0, NULL);
  guint n = 0;
  while (dir && g_dir_read_name (dir))
    n++;
  g_assert_cmpuint (n, ==, finished ? 2 : 1);
}

static void
volumes_live_in_dir_if_the_user_says_so (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = g_build_filename (fixture->folder, "elsewhere", NULL);
  g_autofree char *extra = g_strdup_printf ("dir=%s", dir);
  g_autofree char *path = NULL;
  g_assert_cmpint (g_mkdir (dir, 0755), ==, 0);
  place_reopen (fixture, extra);
  volume_create (fixture, A, MIB);
  g_assert_true (vf_storage_map (fixture->storage, A, FALSE, &path, NULL));
  g_autofree char *wanted = g_build_filename (dir, STORE_ID, "volumes", A ".raw", NULL);
  g_assert_cmpstr (path, ==, wanted);
}

static void
a_full_disk_is_named (Fixture *fixture, gconstpointer data)
{
  g_autofree char *megabyte = g_malloc (MIB);
  GError *error = NULL;
  memset (megabyte, 'x', MIB);
  volume_create (fixture, A, 6 * MIB);
  vf_autofd int fd = volume_open (fixture, A, FALSE);
  for (int i = 0; i < 6; i++)
    g_assert_cmpint (pwrite (fd, megabyte, MIB, (off_t)i * MIB), ==, MIB);
  volume_seal (fixture, A);
  g_assert_false (vf_storage_clone (fixture->storage, B, A, &error));
  place_assert_error (&error, VMFORGE_ERROR_NO_SPACE, fixture->store);
  g_autoptr (GPtrArray) volumes = vf_storage_list (fixture->storage, &error);
  g_assert_cmpuint (volumes->len, ==, 1);
}

static void
a_store_that_is_not_writable_is_an_environment_error (Fixture *fixture, gconstpointer data)
{
  g_autofree char *mount_point = g_path_get_dirname (fixture->store);
  GError *error = NULL;
  g_assert_cmpint (mount (NULL, mount_point, NULL, MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
  g_assert_false (vf_storage_create (fixture->storage, A, MIB, &error));
  place_assert_error (&error, VMFORGE_ERROR_ENVIRONMENT, "Read-only file system");
}

#define ADD(place, function) place_add ("folder", #function, place, function)

static void
add_tests (void)
{
  ADD (PLACE_COPY, copies_are_announced);
  ADD (PLACE_COPY, a_clone_that_is_killed_leaves_nothing);
  ADD (PLACE_COPY, volumes_live_in_dir_if_the_user_says_so);
  ADD (PLACE_SMALL, a_full_disk_is_named);
  ADD (PLACE_SMALL, a_store_that_is_not_writable_is_an_environment_error);
}

int
main (int argc, char **argv)
{
  if (argc == CHILD_ARGUMENTS && argv[2][0] != '-')
    return child_main (argv);
  return place_main (argc, argv, add_tests);
}
