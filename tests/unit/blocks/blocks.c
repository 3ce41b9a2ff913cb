/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks.h"

#include "plugin/storage-files.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
blocks_set_up (Blocks *blocks, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  blocks->path = g_dir_make_tmp ("vmforge-blocks-XXXXXX", &error);
  g_assert_no_error (error);
  blocks->fd = vf_fs_open_dir (AT_FDCWD, blocks->path, &error);
  g_assert_no_error (error);
  blocks->faults = g_array_new (FALSE, FALSE, sizeof (VfBlockFault));
}

void
blocks_tear_down (Blocks *blocks, gconstpointer data)
{
  vf_fd_clear (&blocks->fd);
  g_assert_true (vf_fs_remove (AT_FDCWD, blocks->path, NULL));
  g_free (blocks->path);
  g_array_unref (blocks->faults);
}

char *
blocks_path (const Blocks *blocks, const char *name)
{
  return g_build_filename (blocks->path, name, NULL);
}

/* The names that vf_files_extents looks for. */
static char *
volume_name (guint volume)
{
  return g_strdup_printf ("%032x.raw", volume);
}

char *
blocks_volume_path (const Blocks *blocks, guint volume)
{
  g_autofree char *name = volume_name (volume);
  return blocks_path (blocks, name);
}

static int
open_volume (const Blocks *blocks, guint volume, int flags)
{
  g_autofree char *name = volume_name (volume);
  int fd = openat (blocks->fd, name, flags | O_CLOEXEC, 0644);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

void
blocks_make (const Blocks *blocks, guint volume, guint64 bytes)
{
  vf_autofd int fd = open_volume (blocks, volume, O_RDWR | O_CREAT | O_TRUNC);
  g_assert_cmpint (ftruncate (fd, (off_t)bytes), ==, 0);
}

void
blocks_fill (const Blocks *blocks, guint volume, guint64 offset, guint64 length, guint8 byte)
{
  vf_autofd int fd = open_volume (blocks, volume, O_RDWR);
  g_autofree guint8 *data = g_malloc (length);
  memset (data, byte, length);
  g_assert_cmpint (pwrite (fd, data, length, (off_t)offset), ==, (gssize)length);
}

void
blocks_punch (const Blocks *blocks, guint volume, guint64 offset, guint64 length)
{
  vf_autofd int fd = open_volume (blocks, volume, O_RDWR);
  g_assert_cmpint (fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length),
                   ==, 0);
}

void
blocks_copy (const Blocks *blocks, guint from, guint to, guint64 bytes)
{
  vf_autofd int in = open_volume (blocks, from, O_RDONLY);
  vf_autofd int out = open_volume (blocks, to, O_RDWR | O_CREAT | O_TRUNC);
  g_assert_true (vf_fs_copy_data (in, out, NULL, NULL));
  g_assert_cmpint (ftruncate (out, (off_t)bytes), ==, 0);
}

VfBlockVolume
blocks_open (const Blocks *blocks, guint volume)
{
  VfBlockVolume opened = {.fd = open_volume (blocks, volume, O_RDONLY)};
  opened.bytes = (guint64)lseek (opened.fd, 0, SEEK_END);
  return opened;
}

static GArray *
get_extents (const Blocks *blocks, guint volume)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *id = g_strdup_printf ("%032x", volume);
  GArray *extents = vf_files_extents (blocks->fd, id, &error);
  g_assert_no_error (error);
  return extents;
}

char *
blocks_build_from (const Blocks *blocks, guint volume, const char *name, const char *parent,
                   GArray *differences, guint64 *own, GError **error)
{
  g_autoptr (GArray) extents = get_extents (blocks, volume);
  g_autoptr (VfBlockIndex) old =
      parent == NULL ? NULL : vf_block_index_open (blocks->fd, parent, NULL, error);
  if (parent != NULL && old == NULL)
    return NULL;
  VfBlockSource source = {
      .volume = blocks_open (blocks, volume),
      .extents = extents,
      .parent = old,
      .differences = differences,
      .threads = (guint)g_test_rand_int_range (0, 4),
  };
  char *root = NULL;
  guint64 bytes = 0;
  gboolean built = vf_block_index_build (&source, blocks->fd, name, &root, &bytes, error);
  close (source.volume.fd);
  g_assert_true (built == (root != NULL));
  if (own != NULL)
    *own = bytes;
  g_autofree char *part = g_strconcat (name, ".part", NULL);
  g_assert_false (vf_fs_exists (blocks->fd, part));
  return root;
}

char *
blocks_build (const Blocks *blocks, guint volume, const char *name)
{
  g_autoptr (GError) error = NULL;
  char *root = blocks_build_from (blocks, volume, name, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  return root;
}

static void
on_fault (const VfBlockFault *fault, gpointer user_data)
{
  g_array_append_vals (user_data, fault, 1);
}

void
blocks_verify (Blocks *blocks, const char *name)
{
  g_autoptr (GError) error = NULL;
  const VfBlockWatcher watcher = {.fault = on_fault, .user_data = blocks->faults};
  g_autoptr (VfBlockIndex) index = vf_block_index_open (blocks->fd, name, NULL, &error);
  g_assert_no_error (error);
  g_array_set_size (blocks->faults, 0);
  vf_block_index_verify (index, &watcher, NULL, &error);
  g_assert_no_error (error);
}

void
blocks_verify_volume (Blocks *blocks, const char *name, guint volume, gboolean paranoid)
{
  g_autoptr (GError) error = NULL;
  const VfBlockWatcher watcher = {.fault = on_fault, .user_data = blocks->faults};
  g_autoptr (VfBlockIndex) index = vf_block_index_open (blocks->fd, name, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GArray) extents = paranoid ? NULL : get_extents (blocks, volume);
  VfBlockVolume opened = blocks_open (blocks, volume);
  g_array_set_size (blocks->faults, 0);
  vf_block_index_verify_volume (index, &opened, extents, 0, &watcher, NULL, &error);
  g_assert_no_error (error);
  close (opened.fd);
}

const VfBlockFault *
blocks_fault (const Blocks *blocks, guint i)
{
  g_assert_cmpuint (i, <, blocks->faults->len);
  return &g_array_index (blocks->faults, VfBlockFault, i);
}

void
blocks_flip (const Blocks *blocks, const char *name, off_t offset)
{
  guint8 byte;
  vf_autofd int fd = openat (blocks->fd, name, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (pread (fd, &byte, 1, offset), ==, 1);
  byte ^= 0x10;
  g_assert_cmpint (pwrite (fd, &byte, 1, offset), ==, 1);
}
