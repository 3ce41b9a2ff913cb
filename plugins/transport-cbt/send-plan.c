/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What becomes of each block that differs from the base: it is zeros now, or is somewhere at the peer, or
 * travels. */
#include "send.h"
#include "tree.h"

#include <string.h>

/* Of what is wanted, before it is asked for and sent: bounds memory. */
#define MAX_RUNS   65536
#define MAX_BLOCKS (256u * 1024)
#define MAX_PLACES 8

static gboolean
flush_zeros (Sender *sender)
{
  if (sender->zeros->len == 0)
    return TRUE;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  runs_put (bytes, sender->zeros);
  g_array_set_size (sender->zeros, 0);
  sender->figures.index_bytes += bytes->len;
  return wire_write (&sender->wire, FRAME_ZERO, bytes->data, bytes->len);
}

static gboolean
flush_copies (Sender *sender)
{
  if (sender->n_copies == 0)
    return TRUE;
  sender->figures.index_bytes += sender->copies->len;
  gboolean done = wire_write (&sender->wire, FRAME_COPY, sender->copies->data, sender->copies->len);
  g_byte_array_set_size (sender->copies, 0);
  sender->n_copies = 0;
  return done;
}

/* The run that was being grown. */
static gboolean
end_copy (Sender *sender)
{
  if (sender->copy_count == 0)
    return TRUE;
  number_put (sender->copies, sender->peers[sender->copy_content]);
  number_put (sender->copies, sender->copy_from);
  number_put (sender->copies, sender->copy_block);
  number_put (sender->copies, sender->copy_count);
  sender->copy_count = 0;
  return ++sender->n_copies < FRAME_RUNS || flush_copies (sender);
}

/* Whether a content has the hash at a block. */
static gboolean
has_at (Sender *sender, guint32 content, guint64 block, const Hash *hash)
{
  if (block >= block_count (sender->contents[content].bytes))
    return FALSE;
  const Hash *found = pages_hash (&sender->pages, sender->call, content, block);
  return found != NULL && memcmp (found, hash, sizeof *hash) == 0;
}

/* Somewhere in what the peer has as well. Files lie in runs, so the block behind the last one is tried first;
 * then where the table of blocks says; then the same place in the base, which often has it from there. */
static gboolean
locate (Sender *sender, const Hash *hash, guint32 *content, guint64 *from)
{
  struct vmforge_place places[MAX_PLACES];
  if (sender->copy_count > 0 &&
      has_at (sender, sender->copy_content, sender->copy_from + sender->copy_count, hash)) {
    *content = sender->copy_content;
    *from = sender->copy_from + sender->copy_count;
    return TRUE;
  }
  int count = sender->exchange->find_block (sender->call, hash->bytes, HASH, places, MAX_PLACES);
  for (int i = 0; i < count; i++)
    if (sender->peers[places[i].content] != NOBODY) {
      *content = places[i].content;
      *from = places[i].block;
      return TRUE;
    }
  for (int i = 0; i < count && sender->base != VMFORGE_NO_CONTENT; i++)
    if (has_at (sender, sender->base, places[i].block, hash)) {
      *content = sender->base;
      *from = places[i].block;
      return TRUE;
    }
  return FALSE;
}

static gboolean
copy_block (Sender *sender, guint64 block, guint32 content, guint64 from)
{
  if (sender->copy_count > 0 && sender->copy_content == content &&
      sender->copy_from + sender->copy_count == from && sender->copy_block + sender->copy_count == block) {
    sender->copy_count++;
    return TRUE;
  }
  if (!end_copy (sender))
    return FALSE;
  sender->copy_content = content;
  sender->copy_from = from;
  sender->copy_block = block;
  sender->copy_count = 1;
  return TRUE;
}

static gboolean
flush_wanted (Sender *sender)
{
  guint64 blocks = runs_blocks (sender->wanted);
  gboolean asks = sender->peer_knows || sender->begun != NOBODY;
  if (blocks == 0)
    return TRUE;
  if (asks && !send_ask (sender))
    return FALSE;
  g_mutex_lock (&sender->lock);
  sender->figures.planned_bytes += runs_blocks (sender->wanted) * BLOCK;
  g_mutex_unlock (&sender->lock);
  return send_windows (sender);
}

static gboolean
plan_block (Sender *sender, guint64 block, const Hash *before, const Hash *after)
{
  guint32 content;
  guint64 from;
  if (!hash_is_zero (before))
    runs_add (sender->replaced, block, 1);
  if (hash_is_zero (after)) {
    runs_add (sender->zeros, block, 1);
    return sender->zeros->len < FRAME_RUNS || flush_zeros (sender);
  }
  if (locate (sender, after, &content, &from))
    return copy_block (sender, block, content, from);
  runs_add (sender->wanted, block, 1);
  return TRUE;
}

static gboolean
plan_page (guint64 page, const Page *before, const Page *after, gpointer user_data)
{
  Sender *sender = user_data;
  for (guint i = 0; i < PAGE_HASHES; i++)
    if (memcmp (&before->hashes[i], &after->hashes[i], sizeof before->hashes[i]) != 0 &&
        !plan_block (sender, page << PAGE_SHIFT | i, &before->hashes[i], &after->hashes[i]))
      return FALSE;
  return (sender->wanted->len < MAX_RUNS && runs_blocks (sender->wanted) < MAX_BLOCKS) ||
         flush_wanted (sender);
}

gboolean
send_differences (Sender *sender)
{
  TreeWalk walk = {.call = sender->call,
                   .old = sender->base,
                   .new = sender->content,
                   .old_bytes = sender->base == VMFORGE_NO_CONTENT ? 0 : sender->contents[sender->base].bytes,
                   .new_bytes = sender->contents[sender->content].bytes,
                   .page = plan_page,
                   .user_data = sender};
  return tree_walk (&walk) && end_copy (sender) && flush_copies (sender) && flush_zeros (sender) &&
         flush_wanted (sender);
}
