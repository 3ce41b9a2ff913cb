/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What block indexes say that volumes share. */
#include "blocks.h"

#include "blocks/shares.h"

#include <string.h>

#define BLOCK   ((guint64)VF_BLOCK_BYTES)
#define PLENTY  (G_GUINT64_CONSTANT (64) << 20)
#define VOLUMES 3

/* Volumes are 1 … n. */
static VfBlockIndex *
build (const Blocks *blocks, guint volume)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strdup_printf ("%u.index", volume);
  g_autofree char *root = blocks_build (blocks, volume, name);
  VfBlockIndex *index = vf_block_index_open (blocks->fd, name, root, &error);
  g_assert_no_error (error);
  return index;
}

/* A block of which there is one for each number. */
static void
put (const Blocks *blocks, guint volume, guint64 block, guint number)
{
  blocks_fill (blocks, volume, block * BLOCK, 1 + number / 250, (guint8)(1 + number % 250));
}

static void
shares (VfBlockIndex *const *indexes, guint n, guint64 memory, VfBlockTotals *totals, guint64 *shared)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_block_shares (indexes, n, memory, totals, shared, NULL, &error));
  g_assert_no_error (error);
}

static VfBlockTotals
distance (const VfBlockIndex *before, const VfBlockIndex *after)
{
  g_autoptr (GError) error = NULL;
  VfBlockTotals found;
  g_assert_true (vf_block_distance (before, after, &found, NULL, &error));
  g_assert_no_error (error);
  return found;
}

static void
blocks_that_moved_are_shared (Blocks *blocks, gconstpointer data)
{
  VfBlockTotals totals[2];
  guint64 shared[4];
  blocks_make (blocks, 1, 1000 * BLOCK);
  blocks_make (blocks, 2, 1000 * BLOCK);
  for (guint i = 0; i < 10; i++) {
    put (blocks, 1, i, i);
    put (blocks, 2, 500 + i, i);
  }
  put (blocks, 1, 100, 77);
  put (blocks, 2, 300, 5);   /* once more */
  put (blocks, 2, 301, 300); /* nowhere else */
  g_autoptr (VfBlockIndex) a = build (blocks, 1), b = build (blocks, 2);
  VfBlockIndex *const both[] = {a, b};
  shares (both, 2, PLENTY, totals, shared);
  const guint64 wanted[] = {11, 11, 10, 12}; /* [1]: of b in a, [2]: of a in b */
  g_assert_cmpmem (shared, sizeof shared, wanted, sizeof wanted);
  g_assert_cmpuint (totals[0].pages, ==, 2); /* one of hashes, and the one above it */
  g_assert_cmpuint (totals[1].pages, ==, 3); /* 300 is in page 2, 500 in 3 */
  VfBlockTotals found = distance (a, b);
  g_assert_cmpuint (found.blocks, ==, 12);
  g_assert_cmpuint (found.pages, ==, 3);
}

static void
what_is_at_the_same_place_costs_nothing (Blocks *blocks, gconstpointer data)
{
  blocks_make (blocks, 1, 1000 * BLOCK);
  put (blocks, 1, 3, 3);
  put (blocks, 1, 700, 7);
  blocks_copy (blocks, 1, 2, 40000 * BLOCK); /* one level more */
  g_autoptr (VfBlockIndex) before = build (blocks, 1), grown = build (blocks, 2);
  VfBlockTotals found = distance (before, grown);
  g_assert_cmpuint (found.blocks, ==, 0);
  g_assert_cmpuint (found.pages, ==, 0);
  found = distance (grown, before);
  g_assert_cmpuint (found.blocks, ==, 0);
  blocks_punch (blocks, 2, 3 * BLOCK, BLOCK);
  put (blocks, 2, 39999, 9);
  g_autoptr (VfBlockIndex) changed = build (blocks, 2);
  found = distance (before, changed);
  g_assert_cmpuint (found.blocks, ==, 1); /* zeros are none */
  g_assert_cmpuint (found.pages, ==, 3);
}

/* Each block of j, looked up in i. */
static guint64
count_slowly (const VfBlockIndex *i, const VfBlockIndex *j)
{
  guint64 count = 0;
  g_autoptr (GHashTable) there =
      g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
  VfBlockHash hash;
  for (guint64 block = 0; block * BLOCK < vf_block_index_get_bytes (i); block++)
    if (vf_block_index_lookup (i, block, &hash, NULL) && !vf_block_is_zero (&hash, sizeof hash))
      g_hash_table_add (there, g_bytes_new (&hash, sizeof hash));
  for (guint64 block = 0; block * BLOCK < vf_block_index_get_bytes (j); block++) {
    g_assert_true (vf_block_index_lookup (j, block, &hash, NULL));
    g_autoptr (GBytes) key = g_bytes_new (&hash, sizeof hash);
    count += g_hash_table_contains (there, key);
  }
  return count;
}

static void
several_passes_find_the_same (Blocks *blocks, gconstpointer data)
{
  VfBlockTotals totals[VOLUMES], again[VOLUMES];
  guint64 shared[VOLUMES * VOLUMES], same[VOLUMES * VOLUMES];
  VfBlockIndex *indexes[VOLUMES];
  for (guint i = 0; i < VOLUMES; i++) {
    blocks_make (blocks, i, (guint64)g_test_rand_int_range (300, 900) * BLOCK);
    for (guint n = 0; n < 200; n++)
      put (blocks, i, (guint64)g_test_rand_int_range (0, 300), (guint)g_test_rand_int_range (0, 400));
    indexes[i] = build (blocks, i);
  }
  shares (indexes, VOLUMES, PLENTY, totals, shared);
  for (guint i = 0; i < VOLUMES * VOLUMES; i++)
    g_assert_cmpuint (shared[i], ==, count_slowly (indexes[i / VOLUMES], indexes[i % VOLUMES]));
  for (guint64 memory = 0; memory < 8192; memory += 1500) {
    shares (indexes, VOLUMES, memory, again, same);
    g_assert_cmpmem (same, sizeof same, shared, sizeof shared);
    g_assert_cmpmem (again, sizeof again, totals, sizeof totals);
  }
  for (guint i = 0; i < VOLUMES; i++)
    vf_block_index_close (indexes[i]);
}

static void
nothing_shares_nothing (Blocks *blocks, gconstpointer data)
{
  VfBlockTotals totals[2];
  guint64 shared[4];
  blocks_make (blocks, 1, 0);
  blocks_make (blocks, 2, 5 * BLOCK);
  g_autoptr (VfBlockIndex) a = build (blocks, 1), b = build (blocks, 2);
  VfBlockIndex *const both[] = {a, b};
  shares (both, 2, 0, totals, shared);
  const guint64 wanted[4] = {0};
  g_assert_cmpmem (shared, sizeof shared, wanted, sizeof wanted);
  g_assert_cmpuint (totals[1].pages, ==, 0);
  g_assert_cmpuint (distance (a, b).blocks, ==, 0);
}

static void
a_damaged_page_is_an_error_and_cancelling_is_too (Blocks *blocks, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfBlockTotals totals[1];
  guint64 shared[1];
  blocks_make (blocks, 1, 5 * BLOCK);
  put (blocks, 1, 2, 2);
  g_autoptr (VfBlockIndex) index = build (blocks, 1);
  VfBlockIndex *const one[] = {index};
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_cancellable_cancel (cancellable);
  g_assert_false (vf_block_shares (one, 1, PLENTY, totals, shared, cancellable, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED);
  g_clear_error (&error);
  blocks_flip (blocks, "1.index", vf_block_page_offset (0, 0) + 70);
  g_assert_false (vf_block_shares (one, 1, PLENTY, totals, shared, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  BLOCKS_TEST (blocks_that_moved_are_shared);
  BLOCKS_TEST (what_is_at_the_same_place_costs_nothing);
  BLOCKS_TEST (several_passes_find_the_same);
  BLOCKS_TEST (nothing_shares_nothing);
  BLOCKS_TEST (a_damaged_page_is_an_error_and_cancelling_is_too);
  return g_test_run ();
}
