/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/index-format.h"

#include "support/digest.h"
#include "support/error.h"

#include <string.h>

#define MAGIC       "vmforge-index 1\n"
#define MAGIC_BYTES 16

guint64
vf_block_count (guint64 bytes)
{
  return bytes / VF_BLOCK_BYTES + (bytes % VF_BLOCK_BYTES != 0);
}

guint
vf_block_depth (guint64 bytes)
{
  guint depth = 1;
  for (guint64 pages = vf_block_pages (bytes, 0); pages > 1; depth++)
    pages = (pages + VF_PAGE_HASHES - 1) >> VF_PAGE_SHIFT;
  return depth;
}

guint64
vf_block_pages (guint64 bytes, guint level)
{
  guint shift = VF_PAGE_SHIFT * (level + 1);
  guint64 blocks = vf_block_count (bytes);
  return blocks == 0 ? 1 : ((blocks - 1) >> shift) + 1;
}

off_t
vf_block_page_offset (guint level, guint64 page)
{
  guint64 leaf = page << (VF_PAGE_SHIFT * level);
  guint64 before = 1 + VF_BLOCK_INDEX_LEVELS - 1 - level; /* the header, and the pages above this one */
  for (guint above = 0; above < VF_BLOCK_INDEX_LEVELS; above++)
    before += leaf >> (VF_PAGE_SHIFT * above);
  return (off_t)(before * VF_BLOCK_BYTES);
}

off_t
vf_block_tree_bytes (guint level)
{
  off_t pages = 1;
  for (guint i = 0; i < level; i++)
    pages = pages * VF_PAGE_HASHES + 1;
  return pages * VF_BLOCK_BYTES;
}

off_t
vf_block_index_bytes (guint64 bytes)
{
  return vf_block_page_offset (0, vf_block_pages (bytes, 0) - 1) + VF_BLOCK_BYTES;
}

static void
put_le (guint8 *bytes, guint64 value, guint n_bytes)
{
  for (guint i = 0; i < n_bytes; i++)
    bytes[i] = (guint8)(value >> (8 * i));
}

static guint64
get_le (const guint8 *bytes, guint n_bytes)
{
  guint64 value = 0;
  for (guint i = 0; i < n_bytes; i++)
    value |= (guint64)bytes[i] << (8 * i);
  return value;
}

void
vf_block_header_write (const VfBlockHeader *header, guint8 *bytes)
{
  memcpy (bytes, MAGIC, MAGIC_BYTES);
  put_le (bytes + 16, header->bytes, 8);
  put_le (bytes + 24, VF_BLOCK_BYTES, 4);
  put_le (bytes + 28, header->depth, 4);
  memcpy (bytes + 32, header->top.bytes, VF_HASH_BYTES);
}

gboolean
vf_block_header_read (const guint8 *bytes, VfBlockHeader *header, GError **error)
{
  if (memcmp (bytes, MAGIC, MAGIC_BYTES) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "it is no block index of format 1");
  VfBlockHeader read = {.bytes = get_le (bytes + 16, 8), .depth = (guint)get_le (bytes + 28, 4)};
  guint64 block = get_le (bytes + 24, 4);
  if (block != VF_BLOCK_BYTES)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "its blocks have %" G_GUINT64_FORMAT " bytes, not %d",
                         block, VF_BLOCK_BYTES);
  if (read.bytes > VF_BLOCK_INDEX_MAX)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "its volume has %" G_GUINT64_FORMAT " bytes, more than an index can hold",
                         read.bytes);
  if (read.depth != vf_block_depth (read.bytes))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "it has %u levels, its volume needs %u", read.depth,
                         vf_block_depth (read.bytes));
  memcpy (read.top.bytes, bytes + 32, VF_HASH_BYTES);
  *header = read;
  return TRUE;
}

char *
vf_block_header_root (const VfBlockHeader *header)
{
  guint8 bytes[VF_BLOCK_HEADER_BYTES];
  vf_block_header_write (header, bytes);
  return vf_digest_data (bytes, sizeof bytes);
}

gboolean
vf_block_is_zero (const void *data, gsize length)
{
  const guint8 *bytes = data;
  return length == 0 || (bytes[0] == 0 && memcmp (bytes, bytes + 1, length - 1) == 0);
}

void
vf_block_hash (const void *block, VfBlockHash *hash)
{
  if (vf_block_is_zero (block, VF_BLOCK_BYTES))
    memset (hash, 0, sizeof *hash);
  else
    vf_digest_bytes (block, VF_BLOCK_BYTES, hash->bytes);
}
