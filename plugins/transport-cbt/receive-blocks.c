/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the receiving end does with each kind of frame. The engine refuses blocks behind the end of the disk.
 */
#include "receive.h"

#include "copier.h"

#include <string.h>

#define ALL_BLOCKS (G_GUINT64_CONSTANT (1) << 49)

static gboolean
is_cancelled (const Receiver *receiver)
{
  return receiver->call->host->cancelled (receiver->call);
}

gboolean
receive_zero (Receiver *receiver, Bytes bytes)
{
  g_autoptr (GArray) runs = runs_get_few (&bytes, ALL_BLOCKS, ALL_BLOCKS, FRAME_RUNS);
  if (runs == NULL || bytes.length > 0)
    return receive_refuse (receiver);
  for (guint i = 0; i < runs->len; i++) {
    const Run *run = &g_array_index (runs, Run, i);
    if (is_cancelled (receiver) ||
        receiver->exchange->target_zero (receiver->call, run->block, run->count) < 0)
      return FALSE;
  }
  return TRUE;
}

gboolean
receive_copy (Receiver *receiver, Bytes bytes)
{
  while (bytes.length > 0) {
    guint64 content, from, block, count;
    if (!number_get (&bytes, &content) || !number_get (&bytes, &from) || !number_get (&bytes, &block) ||
        !number_get (&bytes, &count) || content >= receiver->n_contents || count == 0)
      return receive_refuse (receiver);
    if (is_cancelled (receiver) ||
        receiver->exchange->target_copy (receiver->call, block, count, (guint32)content, from) < 0)
      return FALSE;
  }
  return TRUE;
}

/* Exactly as many bytes as are expected. */
static gboolean
unpack (ZSTD_DCtx *context, const Bytes *packed, const guint8 *prefix, gsize prefix_length, guint8 *plain,
        gsize length)
{
  ZSTD_DCtx_setParameter (context, ZSTD_d_windowLogMax, WINDOW_LOG);
  if (prefix_length > 0)
    ZSTD_DCtx_refPrefix (context, prefix, prefix_length);
  gsize size = ZSTD_decompressDCtx (context, plain, length, packed->data, packed->length);
  return !ZSTD_isError (size) && size == length;
}

static gboolean
write_runs (Receiver *receiver, const GArray *runs, const guint8 *data)
{
  for (guint i = 0; i < runs->len; i++) {
    const Run *run = &g_array_index (runs, Run, i);
    if (receiver->exchange->target_write (receiver->call, run->block, (guint32)run->count, data) < 0)
      return FALSE;
    data += run->count * BLOCK;
  }
  return TRUE;
}

gboolean
receive_data (Receiver *receiver, Room *room, Bytes bytes)
{
  g_autoptr (GArray) runs = runs_get (&bytes, ALL_BLOCKS, WINDOW_BLOCKS);
  g_autoptr (GArray) from = runs == NULL ? NULL : runs_get (&bytes, receiver->blocks, PREFIX_BLOCKS);
  if (from == NULL || runs->len == 0)
    return receive_refuse (receiver);
  gsize length = runs_blocks (runs) * BLOCK, prefix_length = runs_blocks (from) * BLOCK;
  guint8 *plain = room_bytes (room, ROOM_PLAIN, length),
         *prefix = room_bytes (room, ROOM_PREFIX, prefix_length);
  if (!runs_read (receiver->call, receiver->base, from, prefix))
    return FALSE;
  if (!unpack (room_unpacker (room), &bytes, prefix, prefix_length, plain, length))
    return receive_refuse (receiver);
  __atomic_add_fetch (&receiver->moved, length, __ATOMIC_RELAXED);
  return write_runs (receiver, runs, plain);
}

gboolean
receive_query (Receiver *receiver, Bytes bytes)
{
  const guint8 *number = bytes_get (&bytes, 4);
  g_autoptr (GArray) runs = number == NULL ? NULL : runs_get (&bytes, ALL_BLOCKS, QUERY_BLOCKS);
  if (runs == NULL || bytes.length != runs_blocks (runs) * QUERY_HASH)
    return receive_refuse (receiver);
  guint8 bits[QUERY_BLOCKS / 8] = {0};
  guint64 bit = 0;
  Copier copier = {.call = receiver->call, .resumes = receiver->resumes, .hash_bytes = QUERY_HASH};
  for (guint i = 0; i < runs->len; i++) {
    const Run *run = &g_array_index (runs, Run, i);
    for (guint64 j = 0; j < run->count; j++, bit++) {
      int found;
      if (!copier_place (&copier, run->block + j, bytes.data + bit * QUERY_HASH, &found))
        return FALSE;
      bits[bit / 8] |= (guint8)((found > 0) << bit % 8);
    }
  }
  return copier_end (&copier) && wire_write2 (&receiver->wire, FRAME_FOUND, number, 4, bits, (bit + 7) / 8);
}
