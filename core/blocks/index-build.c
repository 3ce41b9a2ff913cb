/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/index-build.h"

#include "blocks/index-writer.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const VfBlockSource *source;
  GArray *ranges; /* VfBlockRange */
  VfBlockWriter *writer;
  VfBlockTask task;
  guint64 blocks, seen, wanted; /* own blocks; pages begun, and all, for progress */
} Build;

static guint64
count_own (const VfBlockPage *before, const VfBlockPage *after)
{
  guint64 count = 0;
  for (guint i = 0; i < VF_PAGE_HASHES; i++)
    count += memcmp (&before->hashes[i], &after->hashes[i], VF_HASH_BYTES) != 0 &&
             !vf_block_is_zero (&after->hashes[i], VF_HASH_BYTES);
  return count;
}

static gboolean
next_task (VfBlockTask *task, gpointer user_data, GError **error)
{
  Build *build = user_data;
  const VfBlockSource *source = build->source;
  vf_block_ranges_find (build->ranges, &build->task);
  if (build->task.page == G_MAXUINT64)
    return FALSE;
  *task = build->task;
  build->task.page++;
  if (source->progress != NULL && build->wanted > 0)
    source->progress (MIN ((double)build->seen++ / (double)build->wanted, 1.0), source->user_data);
  return TRUE;
}

static gboolean
hash_page (const VfBlockTask *task, guint8 *buffer, gpointer user_data, GError **error)
{
  Build *build = user_data;
  const VfBlockSource *source = build->source;
  VfBlockPage before, after;
  if (!vf_block_writer_read_parent (build->writer, task->page, &before, error))
    return FALSE;
  after = before;
  if (!vf_block_volume_hash (&source->volume, build->ranges, task, buffer, &after, error))
    return FALSE;
  guint64 own = count_own (&before, &after);
  if (own > 0)
    __atomic_add_fetch (&build->blocks, own, __ATOMIC_RELAXED);
  return memcmp (&before, &after, sizeof before) == 0 ||
         vf_block_writer_set (build->writer, task->page, &after, error);
}

static gboolean
fill (Build *build, int dirfd, const char *part, char **root, GError **error)
{
  static const VfBlockCrew crew = {.next = next_task, .work = hash_page};
  const VfBlockSource *source = build->source;
  g_autoptr (VfBlockWriter) writer =
      vf_block_writer_new (dirfd, part, source->volume.bytes, source->parent, source->cancellable, error);
  build->writer = writer;
  return writer != NULL && vf_block_crew_run (&crew, build, source->threads, source->cancellable, error) &&
         vf_block_writer_finish (writer, root, error);
}

static gboolean
publish (int dirfd, const char *part, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  vf_autofd int fd = vf_fs_open_dir (dirfd, folder, error);
  if (fd < 0)
    return FALSE;
  if (renameat (dirfd, part, dirfd, path) < 0 || fsync (fd) < 0)
    return vf_error_set_errno (error, "cannot write the block index '%s'", path);
  return TRUE;
}

gboolean
vf_block_index_build (const VfBlockSource *source, int dirfd, const char *path, char **root,
                      guint64 *own_bytes, GError **error)
{
  guint64 bytes = source->volume.bytes;
  g_autofree char *part = g_strconcat (path, ".part", NULL), *found = NULL;
  g_autoptr (GArray) ranges =
      vf_block_ranges_new (bytes, source->extents, source->parent == NULL ? NULL : source->differences);
  /* Zeros need no look where the new index has nothing in their place: anywhere, or behind the parent's end.
   */
  vf_block_ranges_drop_zeros (
      ranges, source->parent == NULL ? 0 : vf_block_count (vf_block_index_get_bytes (source->parent)));
  (void)unlinkat (dirfd, part, 0);
  Build build = {
      .source = source, .ranges = ranges, .wanted = vf_block_ranges_count_data (ranges) / VF_PAGE_HASHES};
  if (!fill (&build, dirfd, part, &found, error) || !publish (dirfd, part, path, error)) {
    (void)unlinkat (dirfd, part, 0);
    return FALSE;
  }
  *root = g_steal_pointer (&found);
  *own_bytes = build.blocks * VF_BLOCK_BYTES;
  return TRUE;
}
