/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Any bytes as a pack, with the digest that its table would have: it is refused, or its windows unpack to so
 * many blocks as they say, or not at all. */
#include "pack.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
unpack (const GArray *windows, const guint8 *data, gsize size)
{
  g_autofree guint8 *room = g_malloc (PACK_BLOCKS * BLOCK);
  guint64 next = 0;
  for (guint i = 0; i < windows->len; i++) {
    const PackWindow *window = &g_array_index (windows, PackWindow, i);
    const Run *first = &g_array_index (window->runs, Run, 0),
              *last = &g_array_index (window->runs, Run, window->runs->len - 1);
    g_assert_cmpuint (first->block, >=, next);
    g_assert_cmpuint (runs_blocks (window->runs), <=, PACK_BLOCKS);
    next = last->block + last->count;
    if (window->offset > size || window->length > size - window->offset)
      continue;
    /* Of the exact size, so that a sanitizer sees a read beyond it. */
    g_autofree guint8 *packed = g_memdup2 (data + window->offset, window->length);
    (void)pack_window_unpack (window, packed, room);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  PackHeader header;
  if (size < PACK_HEADER || !pack_header_read (data, &header) || header.table_bytes > size - PACK_HEADER)
    return 0;
  g_autofree guint8 *table = g_memdup2 (data + PACK_HEADER, header.table_bytes);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = sizeof header.digest;
  g_checksum_update (checksum, table, (gssize)header.table_bytes);
  g_checksum_get_digest (checksum, header.digest, &length);
  g_autoptr (GArray) windows = pack_table_read (&header, table);
  if (windows != NULL)
    unpack (windows, data, size);
  return 0;
}
