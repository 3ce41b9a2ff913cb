/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The disk beneath the volumes fills up: it is named, and what was sealed stays whole. */
#include "support/fd.h"
#include "volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_BLOCKS 64
#define LOST_BLOCKS 4096

static char *
filler_path (Fixture *fixture)
{
  return g_build_filename (fixture->store, "..", "filler", NULL);
}

/* Takes all space of the filesystem beneath the store. */
static void
fill_host (Fixture *fixture)
{
  g_autofree char *path = filler_path (fixture);
  g_autofree char *megabyte = g_malloc0 (MIB);
  vf_autofd int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fallocate (fd, 0, 0, 1800 * (off_t)MIB), ==, 0);
  g_assert_cmpint (lseek (fd, 0, SEEK_END), ==, 1800 * (off_t)MIB);
  for (gsize step = MIB; step >= BLOCK;)
    if (write (fd, megabyte, step) < 0)
      step /= 2;
  g_assert_cmpint (errno, ==, ENOSPC);
  g_assert_true (fsync (fd) == 0 || errno == ENOSPC);
}

static void
free_host (Fixture *fixture)
{
  g_autofree char *path = filler_path (fixture);
  g_assert_cmpint (unlink (path), ==, 0);
}

static void
leave_room (Fixture *fixture, off_t bytes)
{
  g_autofree char *path = filler_path (fixture);
  struct stat st;
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpint (truncate (path, st.st_size - bytes), ==, 0);
}

static void
make_kept (Fixture *fixture)
{
  volume_create (fixture, A, 64 * MIB);
  vf_autofd int fd = volume_open (fixture, A, FALSE);
  for (guint i = 0; i < KEPT_BLOCKS; i++)
    volume_write_block (fd, i, i);
  volume_seal (fixture, A);
}

/* What make_kept wrote is there, and on the disk: not in memory alone. */
static void
check_kept (Fixture *fixture)
{
  guint32 found[BLOCK / 4];
  vf_autofd int fd = volume_open (fixture, A, TRUE);
  g_assert_cmpint (posix_fadvise (fd, 0, 0, POSIX_FADV_DONTNEED), ==, 0);
  for (guint i = 0; i < KEPT_BLOCKS; i++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (i);
    g_assert_cmpint (pread (fd, found, BLOCK, (off_t)i * BLOCK), ==, BLOCK);
    for (guint j = 0; j < G_N_ELEMENTS (found); j++)
      g_assert_cmpuint (found[j], ==, g_rand_int (rand));
  }
}

/* Data of a volume for which there is no room. They get as far as memory at least in a pool. */
static void
write_much (Fixture *fixture, const char *id)
{
  guint32 words[BLOCK / 4];
  vf_autofd int fd = volume_open (fixture, id, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    words[i] = i + 1;
  for (guint i = 0; i < LOST_BLOCKS; i++)
    if (pwrite (fd, words, BLOCK, (off_t)i * BLOCK) < 0)
      g_assert_cmpint (errno, ==, ENOSPC);
}

/* It is the plugin that says so, of the store; or the engine, of the folder in it where volumes live. */
static void
assert_full (Fixture *fixture, GError **error)
{
  g_autofree char *plugin = g_strdup_printf ("the filesystem of '%s' is full", fixture->store);
  g_autofree char *engine = g_strdup_printf ("no room is left in '%s/", fixture->store);
  gboolean by_engine = *error && strstr ((*error)->message, engine);
  place_assert_error (error, VMFORGE_ERROR_NO_SPACE, by_engine ? engine : plugin);
}

static void
assert_volumes (Fixture *fixture, guint sealed, guint all)
{
  GError *error = NULL;
  g_autoptr (GPtrArray) volumes = vf_storage_list (fixture->storage, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (volumes->len, ==, all);
  for (guint i = 0; i < volumes->len; i++)
    sealed -= ((const VfVolume *)volumes->pdata[i])->sealed;
  g_assert_cmpuint (sealed, ==, 0);
}

static void
what_finds_no_room_is_not_sealed (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  make_kept (fixture);
  volume_clone (fixture, B, A);
  fill_host (fixture);
  write_much (fixture, B);
  g_assert_false (vf_storage_seal (fixture->storage, B, &error));
  assert_full (fixture, &error);
  assert_volumes (fixture, 1, 2);
}

/* The kernel tells of a write that failed once; whoever asks later hears that all is well. */
static void
what_another_program_was_told_of_is_not_sealed (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  make_kept (fixture);
  volume_clone (fixture, B, A);
  fill_host (fixture);
  write_much (fixture, B);
  vf_autofd int other = volume_open (fixture, B, FALSE);
  g_assert_cmpint (fsync (other), <, 0);
  g_assert_cmpint (errno, ==, ENOSPC);
  g_assert_false (vf_storage_seal (fixture->storage, B, &error));
  assert_full (fixture, &error);
}

static void
what_was_sealed_survives (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  make_kept (fixture);
  volume_clone (fixture, B, A);
  fill_host (fixture);
  write_much (fixture, B);
  g_assert_false (vf_storage_seal (fixture->storage, B, &error));
  g_clear_error (&error);
  check_kept (fixture);
  free_host (fixture);
  g_assert_true (vf_storage_remove (fixture->storage, B, &error));
  vf_storage_deactivate (fixture->storage, &error);
  g_assert_no_error (error);
  place_reopen (fixture, NULL);
  assert_volumes (fixture, 1, 1);
  check_kept (fixture);
}

static void
with_room_again_all_goes_on (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  make_kept (fixture);
  volume_clone (fixture, B, A);
  fill_host (fixture);
  write_much (fixture, B);
  g_assert_false (vf_storage_seal (fixture->storage, B, &error));
  g_clear_error (&error);
  g_assert_true (vf_storage_remove (fixture->storage, B, &error));
  free_host (fixture);
  volume_clone (fixture, B, A);
  write_much (fixture, B);
  volume_seal (fixture, B);
  assert_volumes (fixture, 2, 2);
}

static void
no_room_is_left_on_a_full_disk (Fixture *fixture, gconstpointer data)
{
  guint64 total, available;
  GError *error = NULL;
  fill_host (fixture);
  vf_storage_capacity (fixture->storage, &total, &available, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (available, <, 2 * MIB);
}

static void
a_pool_on_a_full_disk_is_not_made (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *image = g_build_filename (fixture->store, "pool.img", NULL);
  g_autofree char *begun = g_build_filename (fixture->store, "pool.img.new", NULL);
  vf_storage_deactivate (fixture->storage, &error);
  g_assert_no_error (error);
  g_clear_pointer (&fixture->storage, vf_storage_close);
  g_assert_cmpint (unlink (image), ==, 0);
  fill_host (fixture);
  leave_room (fixture, 16 * MIB);
  g_assert_null (place_open (fixture, NULL, &error));
  assert_full (fixture, &error);
  g_assert_false (g_file_test (image, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (begun, G_FILE_TEST_EXISTS));
  free_host (fixture);
  place_reopen (fixture, NULL);
}

/* Descriptors of files that have no name any more, on this filesystem. */
static guint
count_nameless (dev_t device)
{
  guint count = 0;
  g_autoptr (GDir) descriptors = g_dir_open ("/proc/self/fd", 0, NULL);
  for (const char *name; (name = g_dir_read_name (descriptors)) != NULL;) {
    struct stat st;
    g_autofree char *link = g_build_filename ("/proc/self/fd", name, NULL);
    count += stat (link, &st) == 0 && S_ISREG (st.st_mode) && st.st_dev == device && st.st_nlink == 0;
  }
  return count;
}

static void
what_was_removed_is_not_held (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  struct stat st;
  volume_create (fixture, A, MIB);
  vf_autofd int fd = volume_open (fixture, A, FALSE);
  g_assert_cmpint (fstat (fd, &st), ==, 0);
  vf_fd_clear (&fd);
  g_assert_true (vf_storage_remove (fixture->storage, A, &error));
  g_assert_cmpuint (count_nameless (st.st_dev), ==, 0);
}

/* ---- a pool whose filesystem stopped after write errors */

#ifndef XFS_IOC_GOINGDOWN
#define XFS_IOC_GOINGDOWN _IOR ('X', 125, guint32)
#endif

static void
stop_pool (Fixture *fixture)
{
  guint32 with_log = 1;
  g_autofree char *path = g_build_filename (fixture->store, "pool", NULL);
  vf_autofd int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ioctl (fd, XFS_IOC_GOINGDOWN, &with_log), ==, 0);
}

static void
a_pool_that_stopped_is_mounted_again (Fixture *fixture, gconstpointer data)
{
  make_kept (fixture);
  stop_pool (fixture);
  place_reopen (fixture, NULL);
  assert_volumes (fixture, 1, 1);
  check_kept (fixture);
  g_assert_cmpuint (place_count_loops (fixture), ==, 2); /* the disk's and the pool's */
  g_assert_cmpuint (place_count_mounts (fixture), ==, 2);
}

static void
a_pool_that_stopped_is_unmounted (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  make_kept (fixture);
  stop_pool (fixture);
  vf_storage_deactivate (fixture->storage, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (place_count_loops (fixture), ==, 1);
  g_assert_cmpuint (place_count_mounts (fixture), ==, 1);
}

/* Metadata that the log holds and the disk has no room for. */
static void
a_pool_that_stopped_waits_for_room (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  make_kept (fixture);
  fill_host (fixture);
  for (guint i = 0; i < 500; i++) {
    g_autofree char *id = g_strdup_printf ("%032x", i);
    volume_create (fixture, id, MIB);
  }
  stop_pool (fixture);
  g_clear_pointer (&fixture->storage, vf_storage_close);
  g_assert_null (place_open (fixture, NULL, &error));
  assert_full (fixture, &error);
  free_host (fixture);
  place_reopen (fixture, NULL);
  assert_volumes (fixture, 1, 501);
  check_kept (fixture);
}

static void
a_pool_that_stopped_on_a_full_disk_says_full (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  make_kept (fixture);
  volume_clone (fixture, B, A);
  fill_host (fixture);
  stop_pool (fixture);
  g_assert_false (vf_storage_seal (fixture->storage, B, &error));
  assert_full (fixture, &error);
}

static void
a_pool_that_stopped_with_room_is_another_failure (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  make_kept (fixture);
  volume_clone (fixture, B, A);
  stop_pool (fixture);
  g_assert_false (vf_storage_seal (fixture->storage, B, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "Input/output error");
}

#define ADD(place, function) place_add ("full", #function, place, function)

static void
add_tests (void)
{
  ADD (PLACE_EXT4, what_finds_no_room_is_not_sealed);
  ADD (PLACE_EXT4, what_another_program_was_told_of_is_not_sealed);
  ADD (PLACE_EXT4, what_was_sealed_survives);
  ADD (PLACE_EXT4, with_room_again_all_goes_on);
  ADD (PLACE_EXT4, no_room_is_left_on_a_full_disk);
  ADD (PLACE_EXT4, what_was_removed_is_not_held);
  ADD (PLACE_EXT4, a_pool_on_a_full_disk_is_not_made);
  ADD (PLACE_EXT4, a_pool_that_stopped_is_mounted_again);
  ADD (PLACE_EXT4, a_pool_that_stopped_is_unmounted);
  ADD (PLACE_EXT4, a_pool_that_stopped_waits_for_room);
  ADD (PLACE_EXT4, a_pool_that_stopped_on_a_full_disk_says_full);
  ADD (PLACE_EXT4, a_pool_that_stopped_with_room_is_another_failure);
}

int
main (int argc, char **argv)
{
  return place_main (argc, argv, add_tests);
}
