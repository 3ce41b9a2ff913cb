/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Packs come from servers that nobody has to trust: all is bounded before anything is made of it, and the
 * hashes of the blocks judge in the end. */
#include "pack.h"

#include <string.h>
#include <zstd.h>

static guint64
read64 (const guint8 *bytes)
{
  guint64 number;
  memcpy (&number, bytes, sizeof number);
  return GUINT64_FROM_LE (number);
}

gboolean
pack_header_read (const guint8 *bytes, PackHeader *header)
{
  G_STATIC_ASSERT (sizeof PACK_MAGIC == 16);
  if (memcmp (bytes, PACK_MAGIC, sizeof PACK_MAGIC) != 0)
    return FALSE;
  header->table_bytes = read64 (bytes + 16);
  header->n_windows = read64 (bytes + 24);
  memcpy (header->digest, bytes + 32, sizeof header->digest);
  return header->table_bytes <= PACK_TABLE_MAX && header->n_windows <= PACK_WINDOWS_MAX;
}

static gboolean
read_window (Bytes *bytes, guint64 first, PackWindow *window)
{
  const guint8 *head = bytes_get (bytes, 12);
  if (head == NULL)
    return FALSE;
  guint32 length;
  memcpy (&length, head + 8, sizeof length);
  window->offset = read64 (head);
  window->length = GUINT32_FROM_LE (length);
  window->runs = runs_get (bytes, G_MAXUINT64 / BLOCK, PACK_BLOCKS);
  if (window->runs == NULL)
    return FALSE;
  return window->runs->len > 0 && g_array_index (window->runs, Run, 0).block >= first && window->length > 0 &&
         window->length <= ZSTD_compressBound (runs_blocks (window->runs) * BLOCK) &&
         window->offset >= PACK_HEADER && window->offset <= (guint64)G_MAXINT64 - window->length;
}

static void
clear_window (gpointer data)
{
  PackWindow *window = data;
  g_clear_pointer (&window->runs, g_array_unref);
}

static gboolean
has_digest (const PackHeader *header, const guint8 *table)
{
  guint8 digest[PACK_DIGEST_BYTES];
  cbt_sha256 (table, header->table_bytes, digest);
  return memcmp (digest, header->digest, sizeof digest) == 0;
}

GArray *
pack_table_read (const PackHeader *header, const guint8 *table)
{
  Bytes bytes = {table, header->table_bytes};
  g_autoptr (GArray) windows = g_array_new (FALSE, FALSE, sizeof (PackWindow));
  g_array_set_clear_func (windows, clear_window);
  guint64 next = 0;
  if (!has_digest (header, table))
    return NULL;
  for (guint64 i = 0; i < header->n_windows; i++) {
    PackWindow window = {0};
    gboolean good = read_window (&bytes, next, &window);
    if (good) {
      const Run *last = &g_array_index (window.runs, Run, window.runs->len - 1);
      next = last->block + last->count;
    }
    g_array_append_val (windows, window);
    if (!good)
      return NULL;
  }
  return bytes.length == 0 ? g_steal_pointer (&windows) : NULL;
}

gboolean
pack_window_unpack (const PackWindow *window, const guint8 *packed, guint8 *room)
{
  gsize length = runs_blocks (window->runs) * BLOCK;
  gsize size = ZSTD_decompress (room, length, packed, window->length);
  return !ZSTD_isError (size) && size == length;
}
