/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/shares.h"

#include "blocks/compare.h"
#include "support/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_BITS  8 /* 256 passes */
#define STAT_UNIT 512

/* ---- at the same place */

typedef struct {
  VfBlockTotals *distance;
  guint levels;
  guint64 last[VF_BLOCK_INDEX_LEVELS]; /* page of each level that was counted last, + 1 */
  GCancellable *cancellable;
} Distance;

/* Pages come in ascending order, so those above them do too. */
static void
count_pages (Distance *walk, guint64 page)
{
  for (guint level = 0; level < walk->levels; level++) {
    guint64 at = (page >> (VF_PAGE_SHIFT * level)) + 1;
    walk->distance->pages += walk->last[level] != at;
    walk->last[level] = at;
  }
}

static gboolean
on_page (guint64 page, const VfBlockPage *before, const VfBlockPage *after, gpointer user_data,
         GError **error)
{
  Distance *walk = user_data;
  if (vf_error_set_if_cancelled (walk->cancellable, error))
    return FALSE;
  if (vf_block_is_zero (after, sizeof *after) || memcmp (before, after, sizeof *after) == 0)
    return TRUE;
  count_pages (walk, page);
  for (guint i = 0; i < VF_PAGE_HASHES; i++)
    walk->distance->blocks += !vf_block_is_zero (&after->hashes[i], sizeof after->hashes[i]) &&
                              memcmp (&before->hashes[i], &after->hashes[i], sizeof after->hashes[i]) != 0;
  return TRUE;
}

gboolean
vf_block_distance (const VfBlockIndex *before, const VfBlockIndex *after, VfBlockTotals *distance,
                   GCancellable *cancellable, GError **error)
{
  Distance walk = {
      .distance = distance, .levels = vf_block_index_get_header (after)->depth, .cancellable = cancellable};
  *distance = (VfBlockTotals){0};
  return vf_block_compare (before, after, on_page, &walk, error);
}

/* ---- anywhere */

typedef struct {
  guint bits; /* a pass looks at hashes that begin with these bits of its number */
  guint64 pass;
  VfBlockTotals *totals; /* NULL: counted already */
  GArray *hashes;        /* guint64 */
  GCancellable *cancellable;
} Scan;

static void
take_hash (Scan *scan, const VfBlockHash *hash)
{
  guint64 first;
  memcpy (&first, hash, sizeof first);
  first = GUINT64_FROM_BE (first);
  if (scan->bits == 0 || first >> (64 - scan->bits) == scan->pass)
    g_array_append_val (scan->hashes, first);
}

static gboolean
scan_page (Scan *scan, const VfBlockIndex *index, guint level, guint64 page, const VfBlockHash *hash,
           GError **error)
{
  VfBlockPage room;
  if (vf_error_set_if_cancelled (scan->cancellable, error) ||
      !vf_block_index_read_known (index, level, page, hash, &room, error))
    return FALSE;
  if (scan->totals != NULL)
    scan->totals->pages++;
  for (guint i = 0; i < VF_PAGE_HASHES; i++) {
    if (vf_block_is_zero (&room.hashes[i], sizeof room.hashes[i]))
      continue;
    if (level > 0 && !scan_page (scan, index, level - 1, page << VF_PAGE_SHIFT | i, &room.hashes[i], error))
      return FALSE;
    if (level > 0)
      continue;
    take_hash (scan, &room.hashes[i]);
    if (scan->totals != NULL)
      scan->totals->blocks++;
  }
  return TRUE;
}

static int
compare_hashes (gconstpointer a, gconstpointer b)
{
  guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;
  return (x > y) - (x < y);
}

/* Those of one index that belong to the pass, sorted. */
static GArray *
scan_index (Scan *scan, const VfBlockIndex *index, GError **error)
{
  const VfBlockHeader *header = vf_block_index_get_header (index);
  g_autoptr (GArray) hashes = g_array_new (FALSE, FALSE, sizeof (guint64));
  scan->hashes = hashes;
  if (!vf_block_is_zero (&header->top, sizeof header->top) &&
      !scan_page (scan, index, header->depth - 1, 0, &header->top, error))
    return NULL;
  if (hashes->len > 0)
    qsort (hashes->data, hashes->len, sizeof (guint64), compare_hashes);
  return g_steal_pointer (&hashes);
}

/* How many equal ones there are from here on. */
static guint
run_length (const GArray *hashes, guint at)
{
  guint64 hash = g_array_index (hashes, guint64, at);
  guint end = at + 1;
  while (end < hashes->len && g_array_index (hashes, guint64, end) == hash)
    end++;
  return end - at;
}

/* Adds to what of b is in a, and what of a in b. */
static void
count_common (const GArray *a, const GArray *b, guint64 *of_b, guint64 *of_a)
{
  for (guint i = 0, j = 0; i < a->len && j < b->len;) {
    guint64 x = g_array_index (a, guint64, i), y = g_array_index (b, guint64, j);
    guint of_x = x <= y ? run_length (a, i) : 0, of_y = y <= x ? run_length (b, j) : 0;
    if (x == y) {
      *of_a += of_x;
      *of_b += of_y;
    }
    i += of_x;
    j += of_y;
  }
}

static gboolean
run_pass (Scan *scan, VfBlockIndex *const *indexes, guint n, VfBlockTotals *totals, guint64 *shared,
          GError **error)
{
  g_autoptr (GPtrArray) sets = g_ptr_array_new_with_free_func ((GDestroyNotify)g_array_unref);
  for (guint i = 0; i < n; i++) {
    scan->totals = scan->pass == 0 ? &totals[i] : NULL;
    GArray *set = scan_index (scan, indexes[i], error);
    if (set == NULL)
      return FALSE;
    g_ptr_array_add (sets, set);
  }
  for (guint i = 0; i < n; i++)
    for (guint j = 0; j < i; j++) {
      if (vf_error_set_if_cancelled (scan->cancellable, error))
        return FALSE;
      count_common (sets->pdata[i], sets->pdata[j], &shared[(gsize)i * n + j], &shared[(gsize)j * n + i]);
    }
  return TRUE;
}

/* An index is a file with holes: what it takes on disk says how many hashes it may have. */
static guint
choose_bits (VfBlockIndex *const *indexes, guint n, guint64 memory)
{
  guint64 bytes = 0;
  for (guint i = 0; i < n; i++) {
    struct stat info;
    if (fstat (vf_block_index_get_fd (indexes[i]), &info) == 0)
      bytes += (guint64)info.st_blocks * STAT_UNIT / VF_HASH_BYTES * sizeof (guint64);
  }
  guint bits = 0;
  while (bits < MAX_BITS && bytes >> bits > memory)
    bits++;
  return bits;
}

gboolean
vf_block_shares (VfBlockIndex *const *indexes, guint n, guint64 memory, VfBlockTotals *totals,
                 guint64 *shared, GCancellable *cancellable, GError **error)
{
  Scan scan = {.bits = choose_bits (indexes, n, memory), .cancellable = cancellable};
  memset (totals, 0, n * sizeof *totals);
  memset (shared, 0, (gsize)n * n * sizeof *shared);
  for (; scan.pass < G_GUINT64_CONSTANT (1) << scan.bits; scan.pass++)
    if (!run_pass (&scan, indexes, n, totals, shared, error))
      return FALSE;
  for (guint i = 0; i < n; i++)
    shared[(gsize)i * n + i] = totals[i].blocks;
  return TRUE;
}
