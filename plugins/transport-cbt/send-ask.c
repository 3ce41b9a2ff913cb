/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Asking the peer which blocks it has, and hearing what it says. */
#include "send.h"

#include <string.h>
#include <zstd.h>

#define OFFER_LEVEL 9

/* A manifest is text with thousands of packages. */
gboolean
send_offer (Sender *sender, const void *offer, gsize length)
{
  gsize room = ZSTD_compressBound (length);
  g_autofree guint8 *packed = g_malloc (room);
  gsize size = ZSTD_compress (packed, room, offer, length, OFFER_LEVEL);
  guint32 plain = GUINT32_TO_LE ((guint32)length);
  if (ZSTD_isError (size) || length > VMFORGE_OFFER_MAX || size > WIRE_MAX_FRAME - sizeof plain)
    return cbt_fail (sender->call, VMFORGE_PLUGIN_FAILED, "the image's manifest is too large to be sent");
  sender->figures.index_bytes += size;
  return wire_write2 (&sender->wire, FRAME_OFFER, &plain, sizeof plain, packed, size);
}

static gboolean
hear_found (Sender *sender, const Frame *frame)
{
  guint32 number;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&sender->lock);
  if (frame->length < sizeof number)
    return FALSE;
  memcpy (&number, frame->data, sizeof number);
  number = GUINT32_FROM_LE (number);
  g_autoptr (GArray) runs = NULL;
  gpointer key;
  if (!g_hash_table_steal_extended (sender->queries, GUINT_TO_POINTER (number + 1), &key, (gpointer *)&runs))
    return FALSE;
  const guint8 *bits = frame->data + sizeof number;
  guint64 bit = 0;
  if (frame->length - sizeof number != (runs_blocks (runs) + 7) / 8)
    return FALSE;
  /* Nobody waits any more where asking has failed. */
  for (guint i = 0; sender->lacking != NULL && i < runs->len; i++) {
    const Run *run = &g_array_index (runs, Run, i);
    for (guint64 j = 0; j < run->count; j++, bit++)
      if ((bits[bit / 8] >> bit % 8 & 1) == 0)
        runs_add (sender->lacking, run->block + j, 1);
  }
  sender->figures.index_bytes += frame->length;
  g_cond_signal (&sender->answered);
  return TRUE;
}

static gboolean
listen (Sender *sender)
{
  g_auto (Frame) frame = {0};
  while (wire_read (&sender->wire, &frame)) {
    if (frame.type == FRAME_DONE) {
      sender->accepted = TRUE;
      return TRUE;
    }
    if (frame.type != FRAME_FOUND || !hear_found (sender, &frame))
      return cbt_fail (sender->call, VMFORGE_PLUGIN_FAILED, "the peer's answers make no sense");
  }
  return FALSE;
}

gpointer
send_listen (gpointer data)
{
  Sender *sender = data;
  if (!listen (sender))
    wire_stop (&sender->wire);
  g_mutex_lock (&sender->lock);
  sender->silent = TRUE;
  g_cond_signal (&sender->answered);
  g_mutex_unlock (&sender->lock);
  return NULL;
}

static gboolean
put_hashes (Sender *sender, GByteArray *bytes, const Run *run)
{
  PageCache pages = {0};
  for (guint64 block = run->block; block < run->block + run->count; block++) {
    const Hash *hash = pages_hash (&pages, sender->call, sender->content, block);
    if (hash == NULL)
      return FALSE;
    g_byte_array_append (bytes, hash->bytes, QUERY_HASH);
  }
  return TRUE;
}

/* runs: at most QUERY_BLOCKS; taken. */
static gboolean
ask (Sender *sender, GArray *runs)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_mutex_lock (&sender->lock);
  guint32 number = GUINT32_TO_LE (sender->n_queries);
  g_hash_table_insert (sender->queries, GUINT_TO_POINTER (sender->n_queries + 1), runs);
  sender->n_queries++;
  g_mutex_unlock (&sender->lock);
  runs_put (bytes, runs);
  for (guint i = 0; i < runs->len; i++)
    if (!put_hashes (sender, bytes, &g_array_index (runs, Run, i)))
      return FALSE;
  g_mutex_lock (&sender->lock);
  sender->figures.index_bytes += bytes->len;
  g_mutex_unlock (&sender->lock);
  return wire_write2 (&sender->wire, FRAME_QUERY, &number, sizeof number, bytes->data, bytes->len);
}

static gboolean
ask_all (Sender *sender)
{
  g_autoptr (GPtrArray) parts = runs_split (sender->wanted, QUERY_BLOCKS);
  gboolean done = TRUE;
  while (done && parts->len > 0)
    done = ask (sender, g_ptr_array_steal_index (parts, 0));
  return done;
}

gboolean
send_ask (Sender *sender)
{
  g_mutex_lock (&sender->lock);
  sender->lacking = runs_new ();
  g_mutex_unlock (&sender->lock);
  gboolean done = ask_all (sender);
  g_mutex_lock (&sender->lock);
  while (done && !sender->silent && g_hash_table_size (sender->queries) > 0)
    g_cond_wait (&sender->answered, &sender->lock);
  done = done && !sender->silent;
  /* Answers need not come in order. */
  g_autoptr (GArray) lacking = g_steal_pointer (&sender->lacking);
  runs_sort (lacking);
  g_array_unref (sender->wanted);
  sender->wanted = g_steal_pointer (&lacking);
  g_mutex_unlock (&sender->lock);
  return done;
}

void
send_tell (Sender *sender)
{
  g_mutex_lock (&sender->lock);
  sender->figures.wire_bytes = __atomic_load_n (&sender->wire.sent, __ATOMIC_RELAXED) +
                               __atomic_load_n (&sender->wire.received, __ATOMIC_RELAXED);
  struct vmforge_transfer figures = sender->figures;
  g_mutex_unlock (&sender->lock);
  sender->exchange->figures (sender->call, &figures);
}
