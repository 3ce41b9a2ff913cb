/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The hashes of all blocks of a volume (docs/block-index.md): reading. Every page that is read is checked
 * against the page above it, up to the root, so what a reader is told is what the root says. Whatever the
 * file holds, memory is bounded by some pages. */
#pragma once

#include "blocks/page-cache.h"

typedef struct _VfBlockIndex VfBlockIndex;

/* root: what the index must have; NULL: any. Reads no more than the header. */
VfBlockIndex *vf_block_index_open (int dirfd, const char *path, const char *root, GError **error);
void vf_block_index_close (VfBlockIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfBlockIndex, vf_block_index_close)

guint64 vf_block_index_get_bytes (const VfBlockIndex *index); /* of the volume */
const char *vf_block_index_get_root (const VfBlockIndex *index);
const VfBlockHeader *vf_block_index_get_header (const VfBlockIndex *index);
int vf_block_index_get_fd (const VfBlockIndex *index);

/* Pages are looked for there before they are read. Not owned. */
void vf_block_index_set_cache (VfBlockIndex *index, VfPageCache *cache);

/* All zeros for a block that is all zeros, or lies beyond the end. Several threads may read one index. */
gboolean vf_block_index_lookup (const VfBlockIndex *index, guint64 block, VfBlockHash *hash, GError **error);
/* All zeros for a page that the index does not have. */
gboolean vf_block_index_read_page (const VfBlockIndex *index, guint level, guint64 page, VfBlockPage *room,
                                   GError **error);
/* The same, where the hash of the page is known already. */
gboolean vf_block_index_read_known (const VfBlockIndex *index, guint level, guint64 page,
                                    const VfBlockHash *hash, VfBlockPage *room, GError **error);
/* The first page of level 0, from `page` on, that has other hashes than zeros; G_MAXUINT64 for none. Does not
 * look below a page that is damaged, which is an error: *page is set to the first behind it. */
gboolean vf_block_index_next_page (const VfBlockIndex *index, guint64 *page, GError **error);
