/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What volumes have in common, by their block indexes alone. Blocks of zeros count nowhere: they are neither
 * kept nor sent. */
#pragma once

#include "blocks/index.h"

typedef struct {
  guint64 blocks;
  guint64 pages; /* of the index, on all levels */
} VfBlockTotals;

/* What lies in `after` otherwise than at the same place in `before`; goes with how much that is. */
gboolean vf_block_distance (const VfBlockIndex *before, const VfBlockIndex *after, VfBlockTotals *distance,
                            GCancellable *cancellable, GError **error);

/* Wherever the blocks lie: shared[i * n + j] is how many blocks of j are in i as well, and with i = j all of
 * them; totals has n elements. Reads each index as often as it takes not to hold more hashes, of which the
 * first eight bytes have to tell blocks apart, than fit into `memory` bytes: mostly once. */
gboolean vf_block_shares (VfBlockIndex *const *indexes, guint n, guint64 memory, VfBlockTotals *totals,
                          guint64 *shared, GCancellable *cancellable, GError **error);
