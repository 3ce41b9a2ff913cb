/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which volume of the store may have a block with a certain hash: blocks, and blocks.json (docs/store.md). */
#pragma once

#include "blocks/table.h"
#include "store/store.h"

/* Adds what a stage that was recorded has, and the stage that its volume was cloned of has not: its parent,
 * or else `from` (a key). Forgets volumes that are gone. Where there is no table, one of all stages is made.
 * Whoever cannot learn has lost hints, and nothing else. */
gboolean vf_store_learn_blocks (VmforgeStore *store, const char *key, const char *from, GError **error);
/* Makes the table anew. */
gboolean vf_store_relearn_blocks (VmforgeStore *store, GError **error);

typedef struct _VfHints VfHints;

/* Never NULL: where there is no table, there are no hints. */
VfHints *vf_hints_open (VmforgeStore *store);
void vf_hints_close (VfHints *hints);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfHints, vf_hints_close)

typedef struct {
  const char *volume; /* id; borrowed from the hints */
  guint64 block;
} VfHint;
/* hash: at least VF_TABLE_HASH bytes. Up to `room`; returns how many. Any threads. */
guint vf_hints_find (const VfHints *hints, const guint8 *hash, VfHint *found, guint room);
