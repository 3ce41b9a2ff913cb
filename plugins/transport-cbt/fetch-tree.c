/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The block index of the image, level by level, each page checked by the one above it; what a content of this
 * store has is not fetched. */
#include "fetch.h"

#include "tree.h"

#include <string.h>

#define LEVELS       7
#define HEADER_BYTES 64
#define HEAD_UNITS   8 /* the header, and the first page of each level */
/* Of which contents more is looked at than their roots: the most recently used. */
#define MAX_CANDIDATES 64
/* Pages of level 1 that tell how near a content is. */
#define MAX_SAMPLES 64

typedef struct {
  Fetcher *fetcher;
  guint level;
  guint64 page;
  Hash hash;
} Request;

guint64
fetch_page_offset (guint level, guint64 page)
{
  guint64 unit = LEVELS - level, at = page << PAGE_SHIFT * level;
  for (guint k = 0; k < LEVELS; k++)
    unit += at >> PAGE_SHIFT * k;
  return unit * BLOCK;
}

gboolean
fetch_has_hash (const guint8 *page, const Hash *hash)
{
  Hash found;
  cbt_sha256 (page, BLOCK, found.bytes);
  return memcmp (&found, hash, sizeof found) == 0;
}

static gint64 *
tree_number (guint level, guint64 page)
{
  gint64 *number = g_new (gint64, 1);
  *number = (gint64)(page << 3 | level);
  return number;
}

const Page *
fetch_page (const Fetcher *fetcher, guint level, guint64 page)
{
  gint64 number = (gint64)(page << 3 | level);
  return g_hash_table_lookup (fetcher->pages, &number);
}

static gboolean
refuse (Fetcher *fetcher)
{
  return cbt_fail (fetcher->call, VMFORGE_PLUGIN_FAILED,
                   "the block index that the server has is not that of the image");
}

static void
keep_page (Fetcher *fetcher, guint level, guint64 page, const guint8 *bytes)
{
  g_hash_table_insert (fetcher->pages, tree_number (level, page), g_memdup2 (bytes, BLOCK));
}

static gboolean
has_root (const Fetcher *fetcher, const guint8 *header)
{
  guint8 root[HASH];
  cbt_sha256 (header, HEADER_BYTES, root);
  return memcmp (root, fetcher->what->root, sizeof root) == 0;
}

/* The manifest said the root, so a header that has it was made by who made the manifest. */
static gboolean
read_head (GByteArray *bytes, gpointer user_data)
{
  Fetcher *fetcher = user_data;
  guint64 size;
  guint32 depth;
  if (bytes->len < HEADER_BYTES || !has_root (fetcher, bytes->data))
    return refuse (fetcher);
  memcpy (&size, bytes->data + 16, sizeof size);
  memcpy (&depth, bytes->data + 28, sizeof depth);
  memcpy (&fetcher->top, bytes->data + 32, sizeof fetcher->top);
  fetcher->depth = GUINT32_FROM_LE (depth);
  if (GUINT64_FROM_LE (size) != fetcher->what->bytes || fetcher->depth != tree_depth (fetcher->what->bytes))
    return refuse (fetcher);
  if (fetcher->depth == 1 || hash_is_zero (&fetcher->top))
    return TRUE;
  gsize at = fetch_page_offset (fetcher->depth - 1, 0);
  if (at + BLOCK > bytes->len || !fetch_has_hash (bytes->data + at, &fetcher->top))
    return refuse (fetcher);
  keep_page (fetcher, fetcher->depth - 1, 0, bytes->data + at);
  return TRUE;
}

static gboolean
take_page (GByteArray *bytes, gpointer user_data)
{
  g_autofree Request *request = user_data;
  if (bytes->len != BLOCK || !fetch_has_hash (bytes->data, &request->hash))
    return refuse (request->fetcher);
  keep_page (request->fetcher, request->level, request->page, bytes->data);
  return TRUE;
}

/* FALSE: no content of this store has it there. */
static gboolean
find_here (Fetcher *fetcher, guint level, guint64 page, const Hash *hash)
{
  for (guint32 i = 0; i < MIN (fetcher->n_contents, MAX_CANDIDATES); i++) {
    Page found;
    if (fetcher->exchange->read_page (fetcher->call, i, level, page, &found) < 0)
      return FALSE;
    if (!fetch_has_hash ((const guint8 *)&found, hash))
      continue;
    keep_page (fetcher, level, page, (const guint8 *)&found);
    return TRUE;
  }
  return FALSE;
}

static void
ask_below (Fetcher *fetcher, guint level, guint64 number, const Page *page)
{
  for (guint i = 0; i < PAGE_HASHES; i++) {
    guint64 below = number << PAGE_SHIFT | i;
    if (hash_is_zero (&page->hashes[i]) || find_here (fetcher, level - 1, below, &page->hashes[i]))
      continue;
    Request *request = g_new (Request, 1);
    *request = (Request){fetcher, level - 1, below, page->hashes[i]};
    http_get (fetcher->http, fetcher->what->index, fetch_page_offset (level - 1, below), BLOCK, 0, take_page,
              request);
  }
}

static guint64
count_pages (const Fetcher *fetcher, guint level)
{
  guint64 blocks = block_count (fetcher->what->bytes);
  guint shift = PAGE_SHIFT * (level + 1);
  return MAX ((blocks + (G_GUINT64_CONSTANT (1) << shift) - 1) >> shift, 1);
}

gboolean
fetch_tree (Fetcher *fetcher)
{
  http_get (fetcher->http, fetcher->what->index, 0, HEAD_UNITS * BLOCK, HTTP_SHORT, read_head, fetcher);
  if (!http_run (fetcher->http))
    return FALSE;
  for (guint level = fetcher->depth - 1; level > 1; level--) {
    for (guint64 page = 0; page < count_pages (fetcher, level); page++) {
      const Page *known = fetch_page (fetcher, level, page);
      if (known != NULL)
        ask_below (fetcher, level, page, known);
    }
    if (!http_run (fetcher->http))
      return FALSE;
  }
  fetcher->figures.index_bytes = http_bytes (fetcher->http);
  return TRUE;
}

/* ---- the base */

static guint
count_equal (const Page *a, const Page *b)
{
  guint count = 0;
  for (guint i = 0; i < PAGE_HASHES; i++)
    count += !hash_is_zero (&a->hashes[i]) && memcmp (&a->hashes[i], &b->hashes[i], sizeof (Hash)) == 0;
  return count;
}

/* Pages of level 0 that a content has at the same place, of those that are looked at. */
static gboolean
score (Fetcher *fetcher, guint32 content, guint64 *points)
{
  guint64 pages = count_pages (fetcher, 1), step = MAX (pages / MAX_SAMPLES, 1);
  *points = 0;
  for (guint64 page = 0; page < pages; page += step) {
    const Page *ours = fetch_page (fetcher, 1, page);
    Page theirs;
    if (ours == NULL)
      continue;
    if (fetcher->exchange->read_page (fetcher->call, content, 1, page, &theirs) < 0)
      return FALSE;
    *points += count_equal (ours, &theirs);
  }
  return TRUE;
}

gboolean
fetch_choose_base (Fetcher *fetcher)
{
  guint64 best = 0, points;
  fetcher->copier.resumes = fetcher->exchange->target_begun (fetcher->call, &fetcher->base) > 0;
  for (guint32 i = 0; !fetcher->copier.resumes && i < MIN (fetcher->n_contents, MAX_CANDIDATES); i++) {
    if (fetcher->contents[i].bytes > fetcher->what->bytes)
      continue;
    if (!score (fetcher, i, &points))
      return FALSE;
    if (points > best) {
      best = points;
      fetcher->base = i;
    }
  }
  return TRUE;
}
