/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which parts of two volumes are the same blocks of the disk. Only what is proven is SAME: shared extents at
 * one physical place, or holes in both. */
#include "storage-file.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>

#define BATCH 512

#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683E
#endif

/* Walks the extents of a file. `fd` is borrowed. */
struct walk {
  int fd;
  uint64_t size;
  bool last;     /* the batch holds the file's last extent */
  uint32_t next; /* in the batch */
  struct fiemap *map;
  uint64_t offset; /* where the next batch begins */
};

/* What a file has at some offset, up to `end`. */
struct range {
  uint64_t end;
  bool hole;
  bool proof;        /* physical says where the data is, and nobody else's data can be there */
  uint64_t physical; /* of the offset */
};

/* Filesystems whose physical offsets name one place: with several devices, or with files below files, they do
 * not. */
static bool
has_physical_offsets (int fd)
{
  struct statfs filesystem;
  return fstatfs (fd, &filesystem) == 0 &&
         (filesystem.f_type == XFS_SUPER_MAGIC || filesystem.f_type == BTRFS_SUPER_MAGIC);
}

static int
walk_init (struct walk *walk, int fd, uint64_t size)
{
  *walk = (struct walk){.fd = fd, .size = size};
  walk->map = calloc (1, sizeof *walk->map + BATCH * sizeof *walk->map->fm_extents);
  return walk->map ? 0 : -1;
}

static void
walk_clear (struct walk *walk)
{
  free (walk->map);
}
#define autowalk __attribute__ ((cleanup (walk_clear)))

static int
read_batch (struct walk *walk)
{
  *walk->map = (struct fiemap){
      .fm_start = walk->offset,
      .fm_length = FIEMAP_MAX_OFFSET - walk->offset,
      .fm_flags = FIEMAP_FLAG_SYNC,
      .fm_extent_count = BATCH,
  };
  if (ioctl (walk->fd, FS_IOC_FIEMAP, walk->map) < 0)
    return -1;
  walk->next = 0;
  uint32_t n = walk->map->fm_mapped_extents;
  walk->last = n == 0;
  if (n > 0) {
    const struct fiemap_extent *end = &walk->map->fm_extents[n - 1];
    walk->offset = end->fe_logical + end->fe_length;
    walk->last = (end->fe_flags & FIEMAP_EXTENT_LAST) != 0;
  }
  return 0;
}

/* The extent that ends after offset, or NULL in *extent if there is none. */
static int
find_extent (struct walk *walk, uint64_t offset, const struct fiemap_extent **extent)
{
  *extent = NULL;
  for (;;) {
    for (; walk->next < walk->map->fm_mapped_extents; walk->next++) {
      *extent = &walk->map->fm_extents[walk->next];
      if ((*extent)->fe_logical + (*extent)->fe_length > offset)
        return 0;
    }
    *extent = NULL;
    if (walk->last)
      return 0;
    if (read_batch (walk) < 0)
      return -1;
  }
}

static int
look_at (struct walk *walk, uint64_t offset, struct range *range)
{
  const uint32_t doubtful = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED |
                            FIEMAP_EXTENT_DATA_ENCRYPTED | FIEMAP_EXTENT_NOT_ALIGNED |
                            FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL | FIEMAP_EXTENT_UNWRITTEN;
  const struct fiemap_extent *extent;
  *range = (struct range){.end = walk->size};
  if (offset >= walk->size) {
    range->end = UINT64_MAX; /* beyond its end nothing is known of it */
    return 0;
  }
  if (find_extent (walk, offset, &extent) < 0)
    return -1;
  if (!extent || extent->fe_logical > offset) {
    range->hole = true;
    if (extent && extent->fe_logical < range->end)
      range->end = extent->fe_logical;
    return 0;
  }
  if (extent->fe_logical + extent->fe_length < range->end)
    range->end = extent->fe_logical + extent->fe_length;
  /* A place that two files have is a shared one: the flag guards against what we do not know. */
  range->proof = !(extent->fe_flags & doubtful) && (extent->fe_flags & FIEMAP_EXTENT_SHARED);
  range->physical = extent->fe_physical + (offset - extent->fe_logical);
  return 0;
}

static int
compare_physical (struct store *store, call_t *call, struct walk *a, struct walk *b)
{
  for (uint64_t offset = 0, end; offset < b->size; offset = end) {
    struct range left, right;
    if (look_at (a, offset, &left) < 0 || look_at (b, offset, &right) < 0)
      return fail_errno (call, store->base, "cannot find the extents of a volume in '%s'", store->base);
    bool same = (left.hole && right.hole) || (left.proof && right.proof && left.physical == right.physical);
    end = left.end < right.end ? left.end : right.end;
    if (call->host->emit_extent (call, offset, end - offset,
                                 same ? VMFORGE_EXTENT_SAME : VMFORGE_EXTENT_CHANGED) < 0)
      return -1;
  }
  return 0;
}

/* Where files share nothing, what neither of them has is all that can be said. */
static int
compare_holes (struct store *store, call_t *call, int a, uint64_t a_size, int b, uint64_t b_size)
{
  for (uint64_t offset = 0, end; offset < b_size; offset = end) {
    uint64_t left = UINT64_MAX, right;
    bool left_data = true, right_data;
    if ((offset < a_size && next_range (a, offset, a_size, &left, &left_data) < 0) ||
        next_range (b, offset, b_size, &right, &right_data) < 0)
      return fail_errno (call, store->base, "cannot find the holes of a volume in '%s'", store->base);
    end = left < right ? left : right;
    bool same = !left_data && !right_data;
    if (call->host->emit_extent (call, offset, end - offset,
                                 same ? VMFORGE_EXTENT_SAME : VMFORGE_EXTENT_UNKNOWN) < 0)
      return -1;
  }
  return 0;
}

int
volume_differences (struct store *store, call_t *call, const char *a, const char *b)
{
  bool a_sealed, b_sealed;
  uint64_t a_size, b_size;
  autofd int a_fd = volume_open (store, call, a, O_RDONLY, &a_sealed, &a_size);
  autofd int b_fd = a_fd < 0 ? -1 : volume_open (store, call, b, O_RDONLY, &b_sealed, &b_size);
  if (b_fd < 0)
    return -1;
  if (!a_sealed || !b_sealed) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume %s is not sealed: it cannot be compared",
                       a_sealed ? b : a);
    return -1;
  }
  if (!has_physical_offsets (a_fd))
    return compare_holes (store, call, a_fd, a_size, b_fd, b_size);

  autowalk struct walk left = {0}, right = {0};
  if (walk_init (&left, a_fd, a_size) < 0 || walk_init (&right, b_fd, b_size) < 0) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "out of memory");
    return -1;
  }
  return compare_physical (store, call, &left, &right);
}
