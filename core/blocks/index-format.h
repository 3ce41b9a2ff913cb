/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Where things lie in a block index, and how they are hashed. docs/block-index.md is the whole of it. */
#pragma once

#include "vmforge/vmforge.h"

#include <sys/types.h>

#define VF_BLOCK_BYTES        4096
#define VF_HASH_BYTES         32
#define VF_PAGE_SHIFT         7 /* 128 hashes a page */
#define VF_PAGE_HASHES        (1 << VF_PAGE_SHIFT)
#define VF_BLOCK_INDEX_LEVELS 7
#define VF_BLOCK_INDEX_MAX    (G_GUINT64_CONSTANT (1) << 61) /* bytes of a volume */
#define VF_BLOCK_HEADER_BYTES 64
#define VF_BLOCK_INDEX_ROOT   64 /* characters */

typedef struct {
  guint8 bytes[VF_HASH_BYTES];
} VfBlockHash;

/* As in the file; on level 0 the hashes are of blocks, above it of pages one level below. */
typedef struct {
  VfBlockHash hashes[VF_PAGE_HASHES];
} VfBlockPage;
G_STATIC_ASSERT (sizeof (VfBlockPage) == VF_BLOCK_BYTES);

typedef struct {
  guint64 bytes; /* of the volume */
  guint depth;   /* levels; that of the top page is depth - 1 */
  VfBlockHash top;
} VfBlockHeader;

/* The depth that a volume of this size has. */
guint vf_block_depth (guint64 bytes);
guint64 vf_block_count (guint64 bytes);
/* Pages of one level; at least one. */
guint64 vf_block_pages (guint64 bytes, guint level);
/* Where the page is in the file. The pages below it follow it without a gap. */
off_t vf_block_page_offset (guint level, guint64 page);
/* Bytes of the page and all that a full tree has below it. */
off_t vf_block_tree_bytes (guint level);
off_t vf_block_index_bytes (guint64 bytes);

void vf_block_header_write (const VfBlockHeader *header, guint8 *bytes);
/* bytes: VF_BLOCK_HEADER_BYTES. */
gboolean vf_block_header_read (const guint8 *bytes, VfBlockHeader *header, GError **error);
/* Free the result. */
char *vf_block_header_root (const VfBlockHeader *header);

gboolean vf_block_is_zero (const void *data, gsize length);
/* Of a block or page. */
void vf_block_hash (const void *block, VfBlockHash *hash);
