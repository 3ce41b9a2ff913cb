/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What volumes do wherever they are. */
#include "support/fd.h"
#include "volumes.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void
a_new_volume_is_sparse_zeros_for_its_owner_alone (Fixture *fixture, gconstpointer data)
{
  volume_create (fixture, A, 64 * MIB);
  vf_autofd int fd = volume_open (fixture, A, FALSE);
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
  volume_create (fixture, A, 16 * MIB);
  vf_autofd int parent = volume_open (fixture, A, FALSE);
  volume_write_block (parent, 7, 1);
  volume_seal (fixture, A);
  volume_clone (fixture, B, A);
  vf_autofd int child = volume_open (fixture, B, FALSE);
  char before[BLOCK], after[BLOCK], copy[BLOCK];
  g_assert_cmpint (pread (parent, before, BLOCK, 7 * BLOCK), ==, BLOCK);
  g_assert_cmpint (pread (child, copy, BLOCK, 7 * BLOCK), ==, BLOCK);
  g_assert_cmpmem (before, BLOCK, copy, BLOCK);
  volume_write_block (child, 7, 2);
  g_assert_cmpint (fsync (child), ==, 0);
  g_assert_cmpint (pread (parent, after, BLOCK, 7 * BLOCK), ==, BLOCK);
  g_assert_cmpmem (before, BLOCK, after, BLOCK);
}

static void
a_sealed_volume_is_read_only (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = NULL;
  GError *error = NULL;
  volume_create (fixture, A, MIB);
  g_assert_false (vf_storage_clone (fixture->storage, B, A, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "is not sealed: it cannot be cloned");
  volume_seal (fixture, A);
  g_assert_false (vf_storage_map (fixture->storage, A, FALSE, &path, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "is sealed: it can only be read");
  g_assert_null (path);
  g_assert_false (vf_storage_grow (fixture->storage, A, 2 * MIB, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "is sealed: it cannot grow");
  vf_autofd int fd = volume_open (fixture, A, TRUE);
  struct stat status;
  g_assert_cmpint (fstat (fd, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0400);
}

static void
a_volume_grows_with_zeros_and_never_shrinks (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  volume_create (fixture, A, MIB);
  g_assert_true (vf_storage_grow (fixture->storage, A, 3 * MIB, &error));
  g_assert_no_error (error);
  g_assert_false (vf_storage_grow (fixture->storage, A, 2 * MIB, &error));
  place_assert_error (&error, VMFORGE_ERROR_FAILED, "cannot be made smaller");
  vf_autofd int fd = volume_open (fixture, A, FALSE);
  struct stat status;
  g_assert_cmpint (fstat (fd, &status), ==, 0);
  g_assert_cmpint (status.st_size, ==, 3 * MIB);
}

static void
volumes_are_there_after_a_reopen_and_gone_after_removal (Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;
  volume_create (fixture, A, MIB);
  volume_seal (fixture, A);
  volume_clone (fixture, B, A);
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

#define COMMON(function) place_add_everywhere ("volumes", #function, function)

static void
add_tests (void)
{
  COMMON (a_new_volume_is_sparse_zeros_for_its_owner_alone);
  COMMON (a_write_after_clone_does_not_reach_the_parent);
  COMMON (a_sealed_volume_is_read_only);
  COMMON (a_volume_grows_with_zeros_and_never_shrinks);
  COMMON (volumes_are_there_after_a_reopen_and_gone_after_removal);
  COMMON (capacity_is_what_the_host_has_at_most);
}

int
main (int argc, char **argv)
{
  return place_main (argc, argv, add_tests);
}
