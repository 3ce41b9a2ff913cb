/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Two stages of one chain share most of their blocks. Where the storage proves that a block of one volume is
 * that of the other, and both filesystems keep a file in the same blocks, its content is the same. */
#include "image/diff-tree.h"

#include "support/error.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#define BATCH 64

/* A file whose extents have one of these is read. */
#define UNSURE                                                                                               \
  (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED |      \
   FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL)

struct _VfDiffSame {
  guint64 offset;  /* of the root filesystem in both volumes */
  GArray *extents; /* VfExtent: proven, ascending, none touches the next */
};

typedef struct {
  struct fiemap head;
  struct fiemap_extent extents[BATCH];
} Map;

static GArray *
collect_proven (GArray *extents)
{
  GArray *proven = g_array_new (FALSE, FALSE, sizeof (VfExtent));
  for (guint i = 0; i < extents->len; i++) {
    const VfExtent *extent = &g_array_index (extents, VfExtent, i);
    VfExtent *last = proven->len == 0 ? NULL : &g_array_index (proven, VfExtent, proven->len - 1);
    if (extent->state != VMFORGE_EXTENT_SAME)
      continue;
    if (last != NULL && last->offset + last->length == extent->offset)
      last->length += extent->length;
    else
      g_array_append_val (proven, *extent);
  }
  return proven;
}

VfDiffSame *
vf_diff_same_new (const VfDiffSide *a, const VfDiffSide *b, const VfDiskRange *root_a,
                  const VfDiskRange *root_b, GError **error)
{
  if (a->store != b->store || root_a->offset != root_b->offset)
    return NULL;
  g_autoptr (GArray) extents =
      vf_storage_differences (a->store->storage, a->image->volume, b->image->volume, b->image->bytes, error);
  if (extents == NULL)
    return NULL;
  VfDiffSame *same = g_new (VfDiffSame, 1);
  *same = (VfDiffSame){root_a->offset, collect_proven (extents)};
  return same;
}

void
vf_diff_same_free (VfDiffSame *same)
{
  if (same == NULL)
    return;
  g_array_unref (same->extents);
  g_free (same);
}

static int
compare_place (gconstpointer range, gconstpointer place)
{
  const VfExtent *a = range, *b = place;
  return a->offset + a->length <= b->offset ? -1 : a->offset > b->offset ? 1 : 0;
}

static gboolean
is_proven (const VfDiffSame *same, guint64 offset, guint64 length)
{
  const VfExtent place = {.offset = offset};
  gsize low = 0, high = same->extents->len;
  while (low < high) {
    gsize middle = low + (high - low) / 2;
    const VfExtent *extent = &g_array_index (same->extents, VfExtent, middle);
    int order = compare_place (extent, &place);
    if (order == 0)
      return extent->offset + extent->length >= offset + length;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return FALSE;
}

static gboolean
read_map (int fd, guint64 start, Map *map)
{
  memset (map, 0, sizeof *map);
  map->head.fm_start = start;
  map->head.fm_length = FIEMAP_MAX_OFFSET - start;
  map->head.fm_extent_count = BATCH;
  return ioctl (fd, FS_IOC_FIEMAP, &map->head) == 0;
}

static gboolean
extents_are_same (const VfDiffSame *same, const Map *a, const Map *b)
{
  if (a->head.fm_mapped_extents != b->head.fm_mapped_extents)
    return FALSE;
  for (guint i = 0; i < a->head.fm_mapped_extents; i++) {
    const struct fiemap_extent *x = &a->extents[i], *y = &b->extents[i];
    if (x->fe_logical != y->fe_logical || x->fe_physical != y->fe_physical || x->fe_length != y->fe_length ||
        x->fe_flags != y->fe_flags || (x->fe_flags & UNSURE) != 0 ||
        !is_proven (same, same->offset + x->fe_physical, x->fe_length))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_diff_same_files (const VfDiffSame *same, int fd_a, int fd_b)
{
  guint64 start = 0;
  while (same != NULL) {
    Map a, b;
    if (!read_map (fd_a, start, &a) || !read_map (fd_b, start, &b) || !extents_are_same (same, &a, &b))
      return FALSE;
    guint n = a.head.fm_mapped_extents;
    if (n == 0 || (a.extents[n - 1].fe_flags & FIEMAP_EXTENT_LAST) != 0)
      return TRUE;
    start = a.extents[n - 1].fe_logical + a.extents[n - 1].fe_length;
  }
  return FALSE;
}
