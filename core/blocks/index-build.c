/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/index-build.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  const VfBlockSource *source;
  guint64 bytes; /* of the volume */
  guint depth;
  GArray *ranges; /* VfBlockRange */
  int fd;         /* the new index: at first the parent's, or empty */
  VfBlockTask task;
  guint64 blocks, seen, wanted; /* own blocks; pages begun, and all, for progress */
} Build;

static gboolean
write_at (const Build *build, const void *data, gsize length, off_t offset, GError **error)
{
  for (gsize done = 0; done < length;) {
    ssize_t step = pwrite (build->fd, (const guint8 *)data + done, length - done, offset + (off_t)done);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0)
      return vf_error_set_errno (error, "cannot write the block index");
    done += (gsize)step;
  }
  return TRUE;
}

/* What we wrote ourselves, or copied: nothing to check it against. */
static gboolean
read_back (const Build *build, void *room, gsize length, off_t offset, GError **error)
{
  ssize_t step;
  do
    step = pread (build->fd, room, length, offset);
  while (step < 0 && errno == EINTR);
  return step == (ssize_t)length || vf_error_set_errno (error, "cannot read the block index");
}

/* A page of zeros takes no space. */
static gboolean
write_page (const Build *build, guint level, guint64 page, const VfBlockPage *data, GError **error)
{
  off_t offset = vf_block_page_offset (level, page);
  if (vf_block_is_zero (data, sizeof *data) &&
      fallocate (build->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, sizeof *data) == 0)
    return TRUE;
  return write_at (build, data, sizeof *data, offset, error);
}

/* Tells the page above the hash of this one. Entries of one page are written by several threads, each only
 * its own, and are read when all have ended. */
static gboolean
write_hash (const Build *build, guint level, guint64 page, const VfBlockHash *hash, GError **error)
{
  VfBlockHash before;
  off_t offset =
      vf_block_page_offset (level + 1, page >> VF_PAGE_SHIFT) + (off_t)(page % VF_PAGE_HASHES * sizeof *hash);
  if (!read_back (build, &before, sizeof before, offset, error))
    return FALSE;
  return memcmp (&before, hash, sizeof before) == 0 || write_at (build, hash, sizeof *hash, offset, error);
}

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
  VfBlockPage before = {0}, after;
  VfBlockHash hash;
  /* Checked up to the parent's root: a page that has rotted must not get a right hash here. */
  if (source->parent != NULL && !vf_block_index_read_page (source->parent, 0, task->page, &before, error))
    return FALSE;
  after = before;
  if (!vf_block_volume_hash (&source->volume, build->ranges, task, buffer, &after, error))
    return FALSE;
  guint64 own = count_own (&before, &after);
  if (own > 0)
    __atomic_add_fetch (&build->blocks, own, __ATOMIC_RELAXED);
  if (memcmp (&before, &after, sizeof before) == 0)
    return TRUE;
  vf_block_hash (&after, &hash);
  return write_page (build, 0, task->page, &after, error) &&
         (build->depth == 1 || write_hash (build, 0, task->page, &hash, error));
}

/* Hashes one page above level 0 into the one above it. */
static gboolean
link_page (const Build *build, guint level, guint64 page, GError **error)
{
  VfBlockPage data;
  VfBlockHash hash;
  if (!read_back (build, &data, sizeof data, vf_block_page_offset (level, page), error))
    return FALSE;
  vf_block_hash (&data, &hash);
  if (vf_block_is_zero (&hash, sizeof hash) && !write_page (build, level, page, &data, error))
    return FALSE;
  return level + 1 == build->depth || write_hash (build, level, page, &hash, error);
}

/* The pages of a level above those that were hashed. The first one is always among them: where the volume
 * outgrew its parent, it is the way to the parent's top page. */
static gboolean
link_level (const Build *build, guint level, GError **error)
{
  guint64 next = 1;
  if (!link_page (build, level, 0, error))
    return FALSE;
  for (guint i = 0; i < build->ranges->len; i++) {
    const VfBlockRange *range = &g_array_index (build->ranges, VfBlockRange, i);
    guint shift = VF_PAGE_SHIFT * (level + 1);
    for (guint64 page = MAX (range->first >> shift, next); page <= (range->end - 1) >> shift; page++) {
      if (!link_page (build, level, page, error))
        return FALSE;
      next = page + 1;
    }
  }
  return TRUE;
}

static gboolean
link_levels (const Build *build, GError **error)
{
  /* Above level 0 the threads have hashed nothing, and not its first page if that is unchanged. */
  if (build->depth > 1 && !link_page (build, 0, 0, error))
    return FALSE;
  for (guint level = 1; level < build->depth; level++)
    if (!link_level (build, level, error))
      return FALSE;
  return TRUE;
}

static gboolean
write_header (const Build *build, char **root, GError **error)
{
  guint8 bytes[VF_BLOCK_HEADER_BYTES];
  VfBlockHeader header = {.bytes = build->bytes, .depth = build->depth};
  VfBlockPage top;
  if (!read_back (build, &top, sizeof top, vf_block_page_offset (build->depth - 1, 0), error))
    return FALSE;
  vf_block_hash (&top, &header.top);
  vf_block_header_write (&header, bytes);
  if (!write_at (build, bytes, sizeof bytes, 0, error))
    return FALSE;
  *root = vf_block_header_root (&header);
  return TRUE;
}

static gboolean
prepare (const Build *build, GError **error)
{
  const VfBlockIndex *parent = build->source->parent;
  if (parent != NULL && vf_block_index_get_bytes (parent) > build->bytes)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the volume is smaller than the one that the parent's block index is of");
  if (parent != NULL &&
      !vf_fs_copy_data (vf_block_index_get_fd (parent), build->fd, build->source->cancellable, error))
    return FALSE;
  if (ftruncate (build->fd, vf_block_index_bytes (build->bytes)) < 0)
    return vf_error_set_errno (error, "cannot make the block index");
  return TRUE;
}

static gboolean
fill (Build *build, char **root, GError **error)
{
  static const VfBlockCrew crew = {.next = next_task, .work = hash_page};
  const VfBlockSource *source = build->source;
  return prepare (build, error) &&
         vf_block_crew_run (&crew, build, source->threads, source->cancellable, error) &&
         link_levels (build, error) && write_header (build, root, error) &&
         (fsync (build->fd) == 0 || vf_error_set_errno (error, "cannot sync the block index"));
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
  if (bytes > VF_BLOCK_INDEX_MAX)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the volume is too large for a block index");
  g_autofree char *part = g_strconcat (path, ".part", NULL), *found = NULL;
  g_autoptr (GArray) ranges =
      vf_block_ranges_new (bytes, source->extents, source->parent == NULL ? NULL : source->differences);
  /* Zeros need no look where the new index has nothing in their place: anywhere, or behind the parent's end.
   */
  vf_block_ranges_drop_zeros (
      ranges, source->parent == NULL ? 0 : vf_block_count (vf_block_index_get_bytes (source->parent)));
  (void)unlinkat (dirfd, part, 0);
  vf_autofd int fd = openat (dirfd, part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0)
    return vf_error_set_errno (error, "cannot make the block index '%s'", part);
  Build build = {.source = source,
                 .bytes = bytes,
                 .depth = vf_block_depth (bytes),
                 .ranges = ranges,
                 .fd = fd,
                 .wanted = vf_block_ranges_count_data (ranges) / VF_PAGE_HASHES};
  if (!fill (&build, &found, error) || !publish (dirfd, part, path, error)) {
    (void)unlinkat (dirfd, part, 0);
    return FALSE;
  }
  *root = g_steal_pointer (&found);
  *own_bytes = build.blocks * VF_BLOCK_BYTES;
  return TRUE;
}
