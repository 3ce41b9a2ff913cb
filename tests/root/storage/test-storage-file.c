/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* storage-file on a filesystem that clones, on one that does not (pool), and without a pool (copies). */
#include "place.h"
#include "support/fd.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define A     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BLOCK 4096
#define MIB   (1024 * 1024)

static char *self; /* this program, for the tests with several processes */

static int
open_volume (Fixture *fixture, const char *id, gboolean read_only)
{
  g_autofree char *path = NULL;
  GError *error = NULL;
  vf_storage_map (fixture->storage, id, read_only, &path, &error);
  g_assert_no_error (error);
  int fd = open (path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
write_block (int fd, guint64 block, guint seed)
{
  guint32 words[BLOCK / 4];
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    words[i] = g_rand_int (rand);
  g_assert_cmpint (pwrite (fd, words, BLOCK, (off_t)(block * BLOCK)), ==, BLOCK);
}

static void
create (Fixture *fixture, const char *id, guint64 bytes)
{
  GError *error = NULL;
  vf_storage_create (fixture->storage, id, bytes, &error);
  g_assert_no_error (error);
}

static void
seal (Fixture *fixture, const char *id)
{
  GError *error = NULL;
  vf_storage_seal (fixture->storage, id, &error);
  g_assert_no_error (error);
}

static void
clone_ (Fixture *fixture, const char *id, const char *parent)
{
  GError *error = NULL;
  vf_storage_clone (fixture->storage, id, parent, &error);
  g_assert_no_error (error);
}

static void
a_new_volume_is_sparse_zeros_for_its_owner_alone (Fixture *fixture, gconstpointer data)
{
  create (fixture, A, 64 * MIB);
  vf_autofd int fd = open_volume (fixture, A, FALSE);
  struct stat status;
  char byte = 1;
  g_assert_cmpint (fstat (fd, &status), ==, 0);
  g_assert_cmpint (status.st_size, ==, 64 * MIB);
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
  g_assert_cmpint (status.st_blocks, <, 64);
  g_assert_cmpint (pread (fd, &byte, 1, 63 * MIB), ==, 1);
  g_assert_cmpint (byte, ==, 0);
  GError *error = NULL;
  g_assert_false (vf_storage_create (fixture->storage, A, 1, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "File exists");
}

static void
a_write_after_clone_does_not_reach_the_parent (Fixture *fixture, gconstpointer data)
{
  create (fixture, A, 16 * MIB);
  vf_autofd int parent = open_volume (fixture, A, FALSE);
  write_block (parent, 7, 1);
  seal (fixture, A);
  clone_ (fixture, B, A);
  vf_autofd int child = open_volume (fixture, B, FALSE);
  char before[BLOCK], after[BLOCK], copy[BLOCK];
  g_assert_cmpint (pread (parent, before, BLOCK, 7 * BLOCK), ==, BLOCK);
  g_assert_cmpint (pread (child, copy, BLOCK, 7 * BLOCK), ==, BLOCK);
  g_assert_cmpmem (before, BLOCK, copy, BLOCK);
  write_block (child, 7, 2);
  g_assert_cmpint (fsync (child), ==, 0);
  g_assert_cmpint (pread (parent, after, BLOCK, 7 * BLOCK), ==, BLOCK);
  g_assert_cmpmem (before, BLOCK, after, BLOCK);
}

static void
a_sealed_volume_is_read_only (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = NULL;
  GError *error = NULL;
  create (fixture, A, MIB);
  g_assert_false (vf_storage_clone (fixture->storage, B, A, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "is not sealed: it cannot be cloned");
  seal (fixture, A);
  g_assert_false (vf_storage_map (fixture->storage, A, FALSE, &path, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "is sealed: it can only be read");
  g_assert_null (path);
  g_assert_false (vf_storage_grow (fixture->storage, A, 2 * MIB, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "is sealed: it cannot grow");
  vf_autofd int fd = open_volume (fixture, A, TRUE);
  struct stat status;
  g_assert_cmpint (fstat (fd, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0400);
}

static void
a_volume_grows_with_zeros_and_never_shrinks (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  create (fixture, A, MIB);
  g_assert_true (vf_storage_grow (fixture->storage, A, 3 * MIB, &error));
  g_assert_no_error (error);
  g_assert_false (vf_storage_grow (fixture->storage, A, 2 * MIB, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "cannot be made smaller");
  vf_autofd int fd = open_volume (fixture, A, FALSE);
  struct stat status;
  g_assert_cmpint (fstat (fd, &status), ==, 0);
  g_assert_cmpint (status.st_size, ==, 3 * MIB);
}

static void
volumes_are_there_after_a_reopen_and_gone_after_removal (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  create (fixture, A, MIB);
  seal (fixture, A);
  clone_ (fixture, B, A);
  place_reopen (fixture, NULL);
  g_autoptr (GPtrArray) volumes = vf_storage_list (fixture->storage, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (volumes->len, ==, 2);
  const VfVolume *a = volumes->pdata[0], *b = volumes->pdata[1];
  g_assert_cmpstr (a->id, ==, A);
  g_assert_true (a->sealed);
  g_assert_false (b->sealed);
  g_assert_cmpuint (b->bytes, ==, MIB);
  g_assert_true (vf_storage_remove (fixture->storage, A, &error));
  g_assert_true (vf_storage_remove (fixture->storage, A, &error));
  g_assert_true (vf_storage_remove (fixture->storage, B, &error));
  g_autoptr (GPtrArray) none = vf_storage_list (fixture->storage, &error);
  g_assert_cmpuint (none->len, ==, 0);
}

static gboolean
blocks_differ (int a, int b, guint64 block)
{
  char left[BLOCK], right[BLOCK];
  g_assert_cmpint (pread (a, left, BLOCK, (off_t)(block * BLOCK)), ==, BLOCK);
  g_assert_cmpint (pread (b, right, BLOCK, (off_t)(block * BLOCK)), ==, BLOCK);
  return memcmp (left, right, BLOCK) != 0;
}

/* Returns how many bytes are said to be the same. */
static guint64
check_differences (GArray *ranges, int a, int b, guint64 bytes)
{
  guint64 end = 0, same = 0;
  for (guint i = 0; i < ranges->len; i++) {
    const VfExtent *range = &g_array_index (ranges, VfExtent, i);
    g_assert_cmpuint (range->offset, ==, end);
    end += range->length;
    if (range->state != VMFORGE_EXTENT_SAME)
      continue;
    same += range->length;
    for (guint64 offset = range->offset / BLOCK; offset * BLOCK < end; offset++)
      g_assert_false (blocks_differ (a, b, offset));
  }
  g_assert_cmpuint (end, ==, bytes);
  return same;
}

static void
differences_are_never_under_reported (Fixture *fixture, gconstpointer data)
{
  const guint64 bytes = 12 * MIB, blocks = bytes / BLOCK;
  g_autoptr (GRand) rand = g_rand_new_with_seed (4711);
  GError *error = NULL;
  for (guint round = 0; round < 3; round++) {
    create (fixture, A, bytes);
    vf_autofd int a = open_volume (fixture, A, FALSE);
    for (guint i = 0; i < 700; i++)
      write_block (a, (guint64)g_rand_int_range (rand, 0, (gint32)blocks), g_rand_int (rand));
    seal (fixture, A);
    clone_ (fixture, B, A);
    vf_autofd int b = open_volume (fixture, B, FALSE);
    for (guint i = 0; i < 100; i++)
      write_block (b, (guint64)g_rand_int_range (rand, 0, (gint32)blocks), g_rand_int (rand));
    g_assert_cmpint (fallocate (b, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                (off_t)g_rand_int_range (rand, 0, 11) * MIB + 512, MIB / 2),
                     ==, 0);
    seal (fixture, B);
    g_autoptr (GArray) ranges = vf_storage_differences (fixture->storage, A, B, bytes, &error);
    g_assert_no_error (error);
    guint64 same = check_differences (ranges, a, b, bytes);
    g_test_message ("%u ranges, %" G_GUINT64_FORMAT " KiB the same", ranges->len, same / 1024);
    if (*(const Place *)data != PLACE_COPY)
      g_assert_cmpuint (same, >, bytes / 2);
    g_autoptr (GArray) extents = vf_storage_extents (fixture->storage, B, bytes, &error);
    g_assert_no_error (error);
    for (guint i = 0; i < extents->len; i++) {
      const VfExtent *extent = &g_array_index (extents, VfExtent, i);
      g_autofree char *zeros = g_malloc0 (extent->length), *found = g_malloc (extent->length);
      if (extent->state != VMFORGE_EXTENT_HOLE)
        continue;
      g_assert_cmpint (pread (b, found, extent->length, (off_t)extent->offset), ==, (gssize)extent->length);
      g_assert_cmpmem (found, extent->length, zeros, extent->length);
    }
    g_assert_true (vf_storage_remove (fixture->storage, A, &error));
    g_assert_true (vf_storage_remove (fixture->storage, B, &error));
  }
}

static GSubprocess *
spawn_self (Fixture *fixture, const char *what)
{
  GError *error = NULL;
  GSubprocess *process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                           &error, self, what, fixture->setting, fixture->store, NULL);
  g_assert_no_error (error);
  return process;
}

/* "open": opens the store, says so, and waits for the end of its input. "clone": clones A to B. */
static int
child_main (char **argv)
{
  VfHost host = {0};
  GError *error = NULL;
  g_autoptr (VfStorage) storage = vf_storage_open (argv[2], argv[3], STORE_ID, &host, &error);
  char byte = storage ? 'y' : 'n';
  if (!storage)
    g_printerr ("%s\n", error->message);
  else if (strcmp (argv[1], "clone") == 0)
    return vf_storage_clone (storage, B, A, &error) ? 0 : 1;
  return write (1, &byte, 1) == 1 && read (0, &byte, 1) == 0 ? 0 : 1;
}

static void
wait_opened (GSubprocess *process)
{
  char answer = 0;
  g_assert_cmpint (g_input_stream_read (g_subprocess_get_stdout_pipe (process), &answer, 1, NULL, NULL), ==,
                   1);
  g_assert_cmpint (answer, ==, 'y');
}

static void
end_process (GSubprocess *process)
{
  g_assert_true (g_output_stream_close (g_subprocess_get_stdin_pipe (process), NULL, NULL));
  g_assert_true (g_subprocess_wait_check (process, NULL, NULL));
  g_object_unref (process);
}

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
      processes[i] = spawn_self (fixture, "open");
    for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
      wait_opened (processes[i]);
    g_assert_cmpuint (place_count_loops (fixture), ==, 1);
    g_assert_cmpuint (place_count_mounts (fixture), ==, 1);
    for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
      end_process (processes[i]);
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
  create (fixture, A, MIB);
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
  GSubprocess *process = spawn_self (fixture, "open");
  wait_opened (process);
  g_autofree char *who =
      g_strdup_printf ("it is in use by process %s (", g_subprocess_get_identifier (process));
  g_assert_false (vf_storage_deactivate (fixture->storage, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, who);
  end_process (process);
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
  create (fixture, A, 64 * MIB);
  vf_autofd int fd = open_volume (fixture, A, FALSE);
  for (int i = 0; i < 64; i++)
    g_assert_cmpint (pwrite (fd, megabyte, MIB, (off_t)i * MIB), ==, MIB);
  seal (fixture, A);
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

static void
capacity_is_what_the_host_has_at_most (Fixture *fixture, gconstpointer data)
{
  guint64 total, available;
  struct statvfs host;
  GError *error = NULL;
  g_assert_true (vf_storage_capacity (fixture->storage, &total, &available, &error));
  g_assert_cmpint (statvfs (fixture->store, &host), ==, 0);
  g_assert_cmpuint (available, <=, (guint64)host.f_bavail * host.f_frsize + 64 * MIB);
  g_assert_cmpuint (available, <=, total);
}

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
  create (fixture, A, 512 * MIB);
  vf_autofd int fd = open_volume (fixture, A, FALSE);
  for (int i = 0; i < 512; i++)
    g_assert_cmpint (pwrite (fd, megabyte, MIB, (off_t)i * MIB), ==, MIB);
  seal (fixture, A);
  GSubprocess *process = spawn_self (fixture, "clone");
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
a_full_disk_is_named (Fixture *fixture, gconstpointer data)
{
  g_autofree char *megabyte = g_malloc (MIB);
  GError *error = NULL;
  memset (megabyte, 'x', MIB);
  create (fixture, A, 6 * MIB);
  vf_autofd int fd = open_volume (fixture, A, FALSE);
  for (int i = 0; i < 6; i++)
    g_assert_cmpint (pwrite (fd, megabyte, MIB, (off_t)i * MIB), ==, MIB);
  seal (fixture, A);
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

static void
volumes_live_in_dir_if_the_user_says_so (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = g_build_filename (fixture->folder, "elsewhere", NULL);
  g_autofree char *extra = g_strdup_printf ("dir=%s", dir);
  g_autofree char *path = NULL;
  g_assert_cmpint (g_mkdir (dir, 0755), ==, 0);
  place_reopen (fixture, extra);
  create (fixture, A, MIB);
  g_assert_true (vf_storage_map (fixture->storage, A, FALSE, &path, NULL));
  g_autofree char *wanted = g_build_filename (dir, STORE_ID, "volumes", A ".raw", NULL);
  g_assert_cmpstr (path, ==, wanted);
}

static const Place pool = PLACE_POOL, xfs = PLACE_XFS, copy = PLACE_COPY, small = PLACE_SMALL;

static void
add (const char *where, const char *name, const Place *place, void (*function) (Fixture *, gconstpointer))
{
  g_autofree char *path = g_strdup_printf ("/storage-file/%s/%s", where, name);
  g_test_add (path, Fixture, place, place_set_up, function, place_tear_down);
}
#define ADD(place, function) add (#place, #function, &place, function)

static void
is_skipped (void)
{
  g_test_skip ("needs root: mounts filesystems");
}

static void
add_common (const char *where, const Place *place)
{
#define COMMON(function) add (where, #function, place, function)
  COMMON (a_new_volume_is_sparse_zeros_for_its_owner_alone);
  COMMON (a_write_after_clone_does_not_reach_the_parent);
  COMMON (a_sealed_volume_is_read_only);
  COMMON (a_volume_grows_with_zeros_and_never_shrinks);
  COMMON (volumes_are_there_after_a_reopen_and_gone_after_removal);
  COMMON (differences_are_never_under_reported);
  COMMON (capacity_is_what_the_host_has_at_most);
}

int
main (int argc, char **argv)
{
  if (argc == 4 && argv[2][0] != '-')
    return child_main (argv);
  self = argv[0];
  g_test_init (&argc, &argv, NULL);
  if (geteuid () != 0) {
    g_test_add_func ("/storage-file", is_skipped);
    return g_test_run ();
  }
  add_common ("pool", &pool);
  add_common ("xfs", &xfs);
  add_common ("copy", &copy);
  ADD (pool, processes_that_open_at_once_share_one_loop_device);
  ADD (pool, a_loop_device_that_is_attached_already_is_used);
  ADD (pool, deactivate_leaves_neither_mount_nor_loop_device);
  ADD (pool, a_busy_pool_is_not_unmounted_and_the_error_says_who_uses_it);
  ADD (pool, a_pool_grows_with_its_parameter);
  ADD (pool, a_pool_gives_back_what_was_removed);
  ADD (pool, a_pool_is_not_lost_sight_of);
  ADD (copy, copies_are_announced);
  ADD (copy, a_clone_that_is_killed_leaves_nothing);
  ADD (copy, volumes_live_in_dir_if_the_user_says_so);
  ADD (small, a_full_disk_is_named);
  ADD (small, a_store_that_is_not_writable_is_an_environment_error);
  return place_guard (g_test_run);
}
