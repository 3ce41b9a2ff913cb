/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Pages of level 0 that differ from the base, and what becomes of each block in them. Some hundred pages are
 * looked at at once, so that their number bounds the memory, whatever the size of the image. */
#include "fetch.h"

#include <string.h>

#define BATCH_PAGES 256 /* 128 MiB of the disk */
/* Pages between two that are wanted come along, where asking twice would cost more. */
#define GAP_BYTES   (4 * BLOCK)
#define RANGE_BYTES (256 * BLOCK)

/* A page of level 0. */
typedef struct {
  guint64 number;
  Hash hash;
  Page before, after;
} Leaf;

typedef struct {
  Fetcher *fetcher;
  GPtrArray *leaves; /* Leaf */
} Batch;

/* Leaves that one range has. */
typedef struct {
  Batch *batch;
  guint first, count;
} Range;

static gboolean
take_range (GByteArray *bytes, gpointer user_data)
{
  g_autofree Range *range = user_data;
  const Leaf *first = g_ptr_array_index (range->batch->leaves, range->first);
  for (guint i = 0; i < range->count; i++) {
    Leaf *leaf = g_ptr_array_index (range->batch->leaves, range->first + i);
    const guint8 *page =
        bytes->data + fetch_page_offset (0, leaf->number) - fetch_page_offset (0, first->number);
    if (hash_is_zero (&leaf->hash))
      continue;
    if (!fetch_has_hash (page, &leaf->hash))
      return cbt_fail (range->batch->fetcher->call, VMFORGE_PLUGIN_FAILED,
                       "the block index that the server has is not that of the image");
    memcpy (&leaf->after, page, BLOCK);
  }
  return TRUE;
}

static void
ask_leaves (Batch *batch)
{
  Fetcher *fetcher = batch->fetcher;
  for (guint i = 0; i < batch->leaves->len;) {
    const Leaf *first = g_ptr_array_index (batch->leaves, i);
    guint64 from = fetch_page_offset (0, first->number), end = from + BLOCK;
    guint next = i + 1, last = i;
    if (hash_is_zero (&first->hash)) {
      i++;
      continue;
    }
    for (; next < batch->leaves->len; next++) {
      const Leaf *leaf = g_ptr_array_index (batch->leaves, next);
      guint64 at = fetch_page_offset (0, leaf->number);
      if (at > end + GAP_BYTES || at + BLOCK - from > RANGE_BYTES)
        break;
      if (hash_is_zero (&leaf->hash))
        continue;
      end = at + BLOCK;
      last = next;
    }
    Range *range = g_new (Range, 1);
    *range = (Range){batch, i, last - i + 1};
    http_get (fetcher->http, fetcher->what->index, from, end - from, 0, take_range, range);
    i = last + 1;
  }
}

static gboolean
plan_block (Fetcher *fetcher, guint64 block, const Hash *hash)
{
  int found;
  if (hash_is_zero (hash)) {
    runs_add (fetcher->zeros, block, 1);
    return TRUE;
  }
  if (!copier_place (&fetcher->copier, block, hash->bytes, &found))
    return FALSE;
  if (found == 0) {
    Wanted wanted = {block, *hash};
    g_array_append_val (fetcher->wanted, wanted);
  }
  return TRUE;
}

static gboolean
plan_leaf (Fetcher *fetcher, const Leaf *leaf)
{
  guint64 blocks = block_count (fetcher->what->bytes);
  if (fetcher->call->host->cancelled (fetcher->call))
    return FALSE;
  for (guint i = 0; i < PAGE_HASHES; i++) {
    guint64 block = leaf->number << PAGE_SHIFT | i;
    if (block < blocks && memcmp (&leaf->before.hashes[i], &leaf->after.hashes[i], sizeof (Hash)) != 0 &&
        !plan_block (fetcher, block, &leaf->after.hashes[i]))
      return FALSE;
  }
  return TRUE;
}

static gboolean
write_zeros (Fetcher *fetcher)
{
  for (guint i = 0; i < fetcher->zeros->len; i++) {
    const Run *run = &g_array_index (fetcher->zeros, Run, i);
    if (fetcher->exchange->target_zero (fetcher->call, run->block, run->count) < 0)
      return FALSE;
  }
  g_array_set_size (fetcher->zeros, 0);
  return TRUE;
}

static gboolean
flush (Batch *batch)
{
  Fetcher *fetcher = batch->fetcher;
  guint64 before = http_bytes (fetcher->http);
  if (batch->leaves->len == 0)
    return TRUE;
  ask_leaves (batch);
  if (!http_run (fetcher->http))
    return FALSE;
  fetcher->figures.index_bytes += http_bytes (fetcher->http) - before;
  for (guint i = 0; i < batch->leaves->len; i++)
    if (!plan_leaf (fetcher, g_ptr_array_index (batch->leaves, i)))
      return FALSE;
  g_ptr_array_set_size (batch->leaves, 0);
  if (!copier_end (&fetcher->copier) || !write_zeros (fetcher))
    return FALSE;
  fetcher->figures.planned_bytes += (guint64)fetcher->wanted->len * BLOCK;
  gboolean done = fetch_wanted (fetcher);
  g_array_set_size (fetcher->wanted, 0);
  fetch_tell (fetcher);
  return done;
}

static gboolean
read_base (const Fetcher *fetcher, guint level, guint64 page, Page *room)
{
  memset (room, 0, sizeof *room);
  return fetcher->base == VMFORGE_NO_CONTENT ||
         fetcher->exchange->read_page (fetcher->call, fetcher->base, level, page, room) == 0;
}

static gboolean
add_leaf (Batch *batch, guint64 number, const Hash *hash)
{
  Leaf *leaf = g_new0 (Leaf, 1);
  leaf->number = number;
  leaf->hash = *hash;
  g_ptr_array_add (batch->leaves, leaf);
  return read_base (batch->fetcher, 0, number, &leaf->before) &&
         (batch->leaves->len < BATCH_PAGES || flush (batch));
}

/* What is below a page of level 1, NULL for one of zeros. */
static gboolean
add_leaves (Batch *batch, guint64 number, const Page *after)
{
  static const Page zeros;
  Page before;
  if (!read_base (batch->fetcher, 1, number, &before))
    return FALSE;
  if (after == NULL)
    after = &zeros;
  for (guint i = 0; i < PAGE_HASHES; i++)
    if (memcmp (&before.hashes[i], &after->hashes[i], sizeof (Hash)) != 0 &&
        !add_leaf (batch, number << PAGE_SHIFT | i, &after->hashes[i]))
      return FALSE;
  return TRUE;
}

/* The first page, where those of level 1 do not tell whether it differs: there is none, or the base has none.
 */
static gboolean
add_first (Batch *batch)
{
  const Fetcher *fetcher = batch->fetcher;
  static const Hash zero;
  if (fetcher->depth == 1)
    return add_leaf (batch, 0, &fetcher->top);
  gboolean small = fetcher->base != VMFORGE_NO_CONTENT &&
                   block_count (fetcher->contents[fetcher->base].bytes) <= PAGE_HASHES;
  const Page *page = fetch_page (fetcher, 1, 0);
  return !small || (page != NULL && !hash_is_zero (&page->hashes[0])) || add_leaf (batch, 0, &zero);
}

static gboolean
add_all (Batch *batch)
{
  const Fetcher *fetcher = batch->fetcher;
  guint64 pages = ((block_count (fetcher->what->bytes) - 1) >> 2 * PAGE_SHIFT) + 1;
  if (!add_first (batch))
    return FALSE;
  for (guint64 page = 0; fetcher->depth > 1 && page < pages; page++)
    if (!add_leaves (batch, page, fetch_page (fetcher, 1, page)))
      return FALSE;
  return TRUE;
}

gboolean
fetch_pages (Fetcher *fetcher)
{
  Batch batch = {fetcher, g_ptr_array_new_with_free_func (g_free)};
  gboolean done = add_all (&batch) && flush (&batch) && crew_wait (fetcher->crew);
  g_ptr_array_unref (batch.leaves);
  return done;
}
