/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The pool: one mount and one loop device for all processes. */
#include "child.h"
#include "support/fd.h"
#include "volumes.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
processes_that_open_at_once_share_one_loop_device (Fixture *fixture, gconstpointer data)
{
  GSubprocess *processes[6];
  GError *error = NULL;
  for (guint round = 0; round < 2; round++) {
    /* First they find an image that is not mounted, then nothing at all. */
    g_assert_true (vf_storage_deactivate (fixture->storage, &error));
    g_assert_cmpuint (place_count_loops (fixture), ==, 0);
    g_autofree char *image = g_build_filename (fixture->store, "pool.img", NULL);
    if (round == 1)
      g_assert_cmpint (g_unlink (image), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
      processes[i] = child_spawn (fixture, "open");
    for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
      child_wait_opened (processes[i]);
    g_assert_cmpuint (place_count_loops (fixture), ==, 1);
    g_assert_cmpuint (place_count_mounts (fixture), ==, 1);
    for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
      child_end (processes[i]);
    place_reopen (fixture, NULL);
  }
}

static void
a_loop_device_that_is_attached_already_is_used (Fixture *fixture, gconstpointer data)
{
  g_autofree char *image = g_build_filename (fixture->store, "pool.img", NULL);
  GError *error = NULL;
  g_assert_true (vf_storage_deactivate (fixture->storage, &error));
  place_run ("losetup", "-f", "--sector-size", "4096", image, NULL);
  place_reopen (fixture, NULL);
  guint loops = place_count_loops (fixture);
  g_assert_true (vf_storage_deactivate (fixture->storage, &error));
  place_run ("sh", "-c", "losetup -d $(losetup -n -O NAME -j \"$1\")", "sh", image, NULL);
  g_assert_cmpuint (loops, ==, 1);
}

static void
deactivate_leaves_neither_mount_nor_loop_device (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  volume_create (fixture, A, MIB);
  g_assert_cmpuint (place_count_loops (fixture), ==, 1);
  g_assert_true (vf_storage_deactivate (fixture->storage, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (place_count_mounts (fixture), ==, 0);
  g_assert_cmpuint (place_count_loops (fixture), ==, 0);
  g_assert_false (vf_storage_create (fixture->storage, B, MIB, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "was unmounted: open the store again");
  place_reopen (fixture, NULL);
  g_autoptr (GPtrArray) volumes = vf_storage_list (fixture->storage, &error);
  g_assert_cmpuint (volumes->len, ==, 1);
}

static void
a_busy_pool_is_not_unmounted_and_the_error_says_who_uses_it (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  GSubprocess *process = child_spawn (fixture, "open");
  child_wait_opened (process);
  g_autofree char *who =
      g_strdup_printf ("it is in use by process %s (", g_subprocess_get_identifier (process));
  g_assert_false (vf_storage_deactivate (fixture->storage, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, who);
  child_end (process);
}

static void
a_pool_grows_with_its_parameter (Fixture *fixture, gconstpointer data)
{
  guint64 before, after, available;
  g_assert_true (vf_storage_capacity (fixture->storage, &before, &available, NULL));
  g_free (fixture->setting);
  fixture->setting = g_strdup ("storage-file:pool=always,pool_size=5GiB");
  place_reopen (fixture, NULL);
  g_assert_true (vf_storage_capacity (fixture->storage, &after, &available, NULL));
  g_assert_cmpuint (before, <, G_GUINT64_CONSTANT (2) << 30);
  g_assert_cmpuint (after, >, G_GUINT64_CONSTANT (4) << 30);
}

static void
a_pool_gives_back_what_was_removed (Fixture *fixture, gconstpointer data)
{
  g_autofree char *image = g_build_filename (fixture->store, "pool.img", NULL);
  g_autofree char *megabyte = g_malloc (MIB);
  struct stat full, empty;
  memset (megabyte, 'x', MIB);
  volume_create (fixture, A, 64 * MIB);
  vf_autofd int fd = volume_open (fixture, A, FALSE);
  for (int i = 0; i < 64; i++)
    g_assert_cmpint (pwrite (fd, megabyte, MIB, (off_t)i * MIB), ==, MIB);
  volume_seal (fixture, A);
  g_assert_cmpint (stat (image, &full), ==, 0);
  vf_fd_clear (&fd);
  g_assert_true (vf_storage_remove (fixture->storage, A, NULL));
  place_reopen (fixture, NULL);
  g_assert_cmpint (stat (image, &empty), ==, 0);
  g_assert_cmpint (full.st_blocks - empty.st_blocks, >, 60 * MIB / 512);
}

static void
a_pool_is_not_lost_sight_of (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  g_free (fixture->setting);
  fixture->setting = g_strdup ("storage-file:pool=never");
  g_assert_null (place_open (fixture, NULL, &error));
  place_assert_error (&error, VMFORGE_ERROR_SPEC, "pool=never would lose sight of them");
}

#define ADD(function) place_add ("pool", #function, PLACE_POOL, function)

static void
add_tests (void)
{
  ADD (processes_that_open_at_once_share_one_loop_device);
  ADD (a_loop_device_that_is_attached_already_is_used);
  ADD (deactivate_leaves_neither_mount_nor_loop_device);
  ADD (a_busy_pool_is_not_unmounted_and_the_error_says_who_uses_it);
  ADD (a_pool_grows_with_its_parameter);
  ADD (a_pool_gives_back_what_was_removed);
  ADD (a_pool_is_not_lost_sight_of);
}

int
main (int argc, char **argv)
{
  if (argc == CHILD_ARGUMENTS && argv[2][0] != '-')
    return child_main (argv);
  return place_main (argc, argv, add_tests);
}
