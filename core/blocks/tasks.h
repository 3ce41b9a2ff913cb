/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which blocks of a volume are looked at, page for page of level 0, by several threads. */
#pragma once

#include "blocks/index-format.h"
#include "plugin/call.h"

typedef struct {
  guint64 first, end; /* blocks */
  gboolean zero;      /* all zeros, without a look */
} VfBlockRange;

/* The blocks that differences (NULL: all) says may have changed, as the extents (NULL: all is data) say what
 * they hold. Ascending; a block that is touched is in as a whole, and is data if any byte of it is. */
GArray *vf_block_ranges_new (guint64 bytes, GArray *extents, GArray *differences);
/* Leaves out zeros from the block `end` on. */
void vf_block_ranges_drop_zeros (GArray *ranges, guint64 end);
guint64 vf_block_ranges_count_data (const GArray *ranges);

/* A page of level 0 with some blocks of ranges. */
typedef struct {
  guint64 page;
  guint first; /* of the ranges, that may touch it */
} VfBlockTask;
/* Before the first: {0}. page: G_MAXUINT64 where no more is. */
void vf_block_ranges_find (const GArray *ranges, VfBlockTask *task);

/* The volume that is read. */
typedef struct {
  int fd;
  guint64 bytes;
} VfBlockVolume;
#define VF_BLOCK_BUFFER (VF_PAGE_HASHES * VF_BLOCK_BYTES)

/* Sets the hashes of the blocks of ranges in the page. buffer: VF_BLOCK_BUFFER bytes. */
gboolean vf_block_volume_hash (const VfBlockVolume *volume, const GArray *ranges, const VfBlockTask *task,
                               guint8 *buffer, VfBlockPage *page, GError **error);

/* Threads that share a list of tasks. */
typedef struct {
  /* The next task; FALSE: no more (*error: or a failure). One thread at a time. */
  gboolean (*next) (VfBlockTask *task, gpointer user_data, GError **error);
  gboolean (*work) (const VfBlockTask *task, guint8 *buffer, gpointer user_data, GError **error);
} VfBlockCrew;
/* threads: 0 for one per processor. Returns when all have ended; the first failure stops them. */
gboolean vf_block_crew_run (const VfBlockCrew *crew, gpointer user_data, guint threads,
                            GCancellable *cancellable, GError **error);
