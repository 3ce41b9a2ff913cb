/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* An index that is made from the parent's is the one that is made of the whole volume, whatever changed. */
#include "blocks.h"

#include "blocks/index-writer.h"
#include "support/digest.h"
#include "support/fd.h"

#include <string.h>
#include <unistd.h>

#define ROUNDS 40

/* What is done to a volume, and which sectors that touches. */
typedef struct {
  const Blocks *blocks;
  guint volume;
  guint64 bytes;
  GByteArray *touched; /* 1 for each sector */
} Change;

static guint64
random_below (guint64 end)
{
  return (((guint64)g_test_rand_int () & 0x7fffffff) << 31 | (g_test_rand_int () & 0x7fffffff)) % end;
}

/* Nothing, less than some pages, or enough for three levels. */
static guint64
random_size (void)
{
  switch (g_test_rand_int_range (0, 4)) {
  case 0:
    return random_below (3 * VF_BLOCK_BYTES);
  case 1:
    return random_below (4) * VF_BLOCK_BUFFER; /* whole pages */
  case 2:
    return random_below (4 << 20);
  default:
    return random_below (150 << 20);
  }
}

static void
touch (Change *change, guint64 offset, guint64 length)
{
  for (guint64 sector = offset / SECTOR; sector * SECTOR < offset + length; sector++)
    change->touched->data[sector] = 1;
}

static void
change_once (Change *change)
{
  if (change->bytes == 0)
    return;
  guint64 offset = random_below (change->bytes);
  guint64 longest = g_test_rand_bit () ? 6000 : 3 << 20;
  guint64 length = 1 + random_below (longest);
  length = MIN (length, change->bytes - offset);
  if (g_test_rand_bit ()) /* of the same page, often */
    offset -= offset % VF_BLOCK_BYTES;
  touch (change, offset, length);
  switch (g_test_rand_int_range (0, 4)) {
  case 0:
    blocks_punch (change->blocks, change->volume, offset, length);
    break;
  case 1:
    blocks_fill (change->blocks, change->volume, offset, length, 0);
    break;
  default:
    blocks_fill (change->blocks, change->volume, offset, length, (guint8)g_test_rand_int_range (1, 256));
  }
}

static Change
begin (const Blocks *blocks, guint volume, guint64 bytes)
{
  Change change = {blocks, volume, bytes, g_byte_array_new ()};
  g_byte_array_set_size (change.touched, (guint)(bytes / SECTOR + 1));
  memset (change.touched->data, 0, change.touched->len);
  return change;
}

static void
change_often (Change *change)
{
  for (int i = g_test_rand_int_range (0, 8); i > 0; i--)
    change_once (change);
}

/* What a storage may say: every change, and more than that. */
static GArray *
tell_differences (const Change *change)
{
  GArray *extents = g_array_new (FALSE, FALSE, sizeof (VfExtent));
  int surplus = g_test_rand_int_range (0, 3) == 0 ? 500 : 0;
  for (guint64 sector = 0; sector * SECTOR < change->bytes; sector++) {
    enum vmforge_extent_state state = VMFORGE_EXTENT_SAME;
    if (change->touched->data[sector] || (surplus > 0 && g_test_rand_int_range (0, 1000) < surplus / 100))
      state = sector % 3 == 0 ? VMFORGE_EXTENT_UNKNOWN : VMFORGE_EXTENT_CHANGED;
    VfExtent *last = extents->len == 0 ? NULL : &g_array_index (extents, VfExtent, extents->len - 1);
    VfExtent extent = {sector * SECTOR, MIN (SECTOR, change->bytes - sector * SECTOR), state};
    if (last != NULL && last->state == state)
      last->length += extent.length;
    else
      g_array_append_val (extents, extent);
  }
  return extents;
}

/* Block by block, by look-up: what the build counts on its way. */
static guint64
count_own (const Blocks *blocks, const char *name, const char *parent)
{
  guint64 own = 0;
  g_autoptr (VfBlockIndex) child = vf_block_index_open (blocks->fd, name, NULL, NULL);
  g_autoptr (VfBlockIndex) old = vf_block_index_open (blocks->fd, parent, NULL, NULL);
  guint64 count = vf_block_count (vf_block_index_get_bytes (child));
  for (guint64 page = 0; page << VF_PAGE_SHIFT < count; page++) {
    VfBlockPage before, after;
    g_assert_true (vf_block_index_read_page (old, 0, page, &before, NULL));
    g_assert_true (vf_block_index_read_page (child, 0, page, &after, NULL));
    for (guint i = 0; i < VF_PAGE_HASHES; i++)
      own += memcmp (&before.hashes[i], &after.hashes[i], VF_HASH_BYTES) != 0 &&
             !vf_block_is_zero (&after.hashes[i], VF_HASH_BYTES);
  }
  return own * VF_BLOCK_BYTES;
}

static void
assert_same_file (const Blocks *blocks, const char *one, const char *other)
{
  g_autofree char *left = vf_digest_file (blocks->fd, one, NULL);
  g_autofree char *right = vf_digest_file (blocks->fd, other, NULL);
  g_assert_cmpstr (left, ==, right);
}

static void
assert_sound (Blocks *blocks, const char *name, guint volume)
{
  blocks_verify (blocks, name);
  g_assert_cmpuint (blocks->faults->len, ==, 0);
  blocks_verify_volume (blocks, name, volume, FALSE);
  g_assert_cmpuint (blocks->faults->len, ==, 0);
  blocks_verify_volume (blocks, name, volume, TRUE);
  g_assert_cmpuint (blocks->faults->len, ==, 0);
}

static void
check_child (Blocks *blocks, guint64 bytes)
{
  g_autoptr (GError) error = NULL;
  guint64 own = 0;
  blocks_copy (blocks, 1, 2, bytes);
  Change change = begin (blocks, 2, bytes);
  change_often (&change);
  g_autoptr (GArray) differences = g_test_rand_int_range (0, 8) == 0 ? NULL : tell_differences (&change);
  g_autofree char *whole = blocks_build (blocks, 2, "whole");
  g_autofree char *root = blocks_build_from (blocks, 2, "child", "parent", differences, &own, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (root, ==, whole);
  assert_same_file (blocks, "child", "whole");
  g_assert_cmpuint (own, ==, count_own (blocks, "child", "parent"));
  assert_sound (blocks, "child", 2);
  g_byte_array_unref (change.touched);
}

static void
incremental_is_whole_for_any_change (Blocks *blocks, gconstpointer data)
{
  for (int round = 0; round < ROUNDS; round++) {
    guint64 bytes = random_size ();
    blocks_make (blocks, 1, bytes);
    Change parent = begin (blocks, 1, bytes);
    change_often (&parent);
    g_byte_array_unref (parent.touched);
    g_autofree char *root = blocks_build (blocks, 1, "parent");
    assert_sound (blocks, "parent", 1);
    check_child (blocks, bytes);
    check_child (blocks, bytes + random_size ());
  }
}

/* Where the new levels' first pages come from is the one thing that growth adds. */
static void
a_volume_may_outgrow_levels_without_a_change (Blocks *blocks, gconstpointer data)
{
  static const guint64 sizes[] = {1,        VF_BLOCK_BUFFER, VF_BLOCK_BUFFER + 1,
                                  64 << 20, (64 << 20) + 1,  G_GUINT64_CONSTANT (1) << 40};
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    blocks_make (blocks, 1, sizes[i]);
    blocks_fill (blocks, 1, 0, 1, 1);
    blocks_fill (blocks, 1, sizes[i] - 1, 1, 2);
    g_autofree char *parent = blocks_build (blocks, 1, "parent");
    for (guint j = i; j < G_N_ELEMENTS (sizes); j++) {
      g_autoptr (GError) error = NULL;
      g_autoptr (GArray) same = g_array_new (FALSE, FALSE, sizeof (VfExtent));
      VfExtent extent = {0, sizes[j], VMFORGE_EXTENT_SAME};
      guint64 own = 1;
      g_array_append_val (same, extent);
      blocks_copy (blocks, 1, 2, sizes[j]);
      g_autofree char *whole = blocks_build (blocks, 2, "whole");
      g_autofree char *root = blocks_build_from (blocks, 2, "child", "parent", same, &own, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (root, ==, whole);
      g_assert_cmpuint (own, ==, 0);
      blocks_verify (blocks, "child");
      g_assert_cmpuint (blocks->faults->len, ==, 0);
    }
  }
}

/* Hashing is what costs: what is said to be the same must not even be read. */
static void
what_is_the_same_is_not_read (Blocks *blocks, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) differences = g_array_new (FALSE, FALSE, sizeof (VfExtent));
  VfExtent extents[] = {{0, 2 * VF_BLOCK_BUFFER, VMFORGE_EXTENT_SAME},
                        {2 * VF_BLOCK_BUFFER, VF_BLOCK_BYTES, VMFORGE_EXTENT_CHANGED}};
  guint64 own = 0;
  g_array_append_vals (differences, extents, G_N_ELEMENTS (extents));
  blocks_make (blocks, 1, 4 * VF_BLOCK_BUFFER);
  blocks_fill (blocks, 1, 0, 4 * VF_BLOCK_BUFFER, 1);
  g_autofree char *parent = blocks_build (blocks, 1, "parent");
  blocks_copy (blocks, 1, 2, 4 * VF_BLOCK_BUFFER);
  blocks_fill (blocks, 2, 2 * VF_BLOCK_BUFFER, VF_BLOCK_BYTES, 2);
  blocks_fill (blocks, 2, 0, VF_BLOCK_BYTES, 3); /* a lie: nobody will look */
  g_autofree char *root = blocks_build_from (blocks, 2, "child", "parent", differences, &own, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (own, ==, VF_BLOCK_BYTES);
  blocks_verify_volume (blocks, "child", 2, FALSE);
  g_assert_cmpuint (blocks->faults->len, ==, 1);
  g_assert_cmpuint (blocks_fault (blocks, 0)->offset, ==, 0);
}

static void
a_parent_that_is_larger_is_refused (Blocks *blocks, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  blocks_make (blocks, 1, VF_BLOCK_BYTES + 1);
  blocks_make (blocks, 2, VF_BLOCK_BYTES);
  g_autofree char *parent = blocks_build (blocks, 1, "parent");
  g_assert_null (blocks_build_from (blocks, 2, "child", "parent", NULL, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_cmpint (faccessat (blocks->fd, "child", F_OK, 0), ==, -1);
}

static void
a_stopped_build_leaves_nothing (Blocks *blocks, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *root = NULL;
  guint64 own;
  blocks_make (blocks, 1, 4 << 20);
  VfBlockSource source = {.volume = blocks_open (blocks, 1), .cancellable = cancellable};
  g_cancellable_cancel (cancellable);
  g_assert_false (vf_block_index_build (&source, blocks->fd, "index", &root, &own, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED);
  g_assert_null (root);
  g_assert_cmpint (faccessat (blocks->fd, "index", F_OK, 0), ==, -1);
  g_assert_cmpint (faccessat (blocks->fd, "index.part", F_OK, 0), ==, -1);
  vf_fd_clear (&source.volume.fd);
}

/* The root once some hashes of the first page were set; unless wrong_at is 0, by a writer that was killed: it
 * has left the page, but something else than its hash above it. */
static char *
set_and_finish (Blocks *blocks, guint64 bytes, off_t wrong_at)
{
  g_autoptr (GError) error = NULL;
  VfBlockHash hash;
  char *root = NULL;
  memset (&hash, 7, sizeof hash);
  (void)unlinkat (blocks->fd, "index.part", 0);
  VfBlockWriter *writer = vf_block_writer_new (blocks->fd, "index.part", bytes, NULL, NULL, &error);
  g_assert_true (vf_block_writer_edit (writer, 0, 3, 1, &hash, &error));
  if (wrong_at > 0) {
    vf_block_writer_free (writer);
    blocks_flip (blocks, "index.part", wrong_at);
    writer = vf_block_writer_reopen (blocks->fd, "index.part", bytes, NULL, &error);
    g_assert_no_error (error);
    g_assert_true (vf_block_writer_edit (writer, 0, 3, 1, &hash, &error)); /* as it is */
  }
  g_assert_true (vf_block_writer_finish (writer, &root, &error));
  g_assert_no_error (error);
  vf_block_writer_free (writer);
  return root;
}

static void
hashes_of_a_killed_writer_are_not_believed (Blocks *blocks, gconstpointer data)
{
  const guint64 bytes = G_GUINT64_CONSTANT (9) << 30; /* three levels above the blocks */
  g_autofree char *wanted = set_and_finish (blocks, bytes, 0);
  g_assert_cmpuint (vf_block_depth (bytes), ==, 4);
  for (guint level = 1; level < 4; level++)
    for (guint64 page = 0; page < vf_block_pages (bytes, level); page += 29) {
      g_autofree char *root = set_and_finish (blocks, bytes, vf_block_page_offset (level, page));
      g_assert_cmpstr (root, ==, wanted);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  BLOCKS_TEST (incremental_is_whole_for_any_change);
  BLOCKS_TEST (a_volume_may_outgrow_levels_without_a_change);
  BLOCKS_TEST (what_is_the_same_is_not_read);
  BLOCKS_TEST (a_parent_that_is_larger_is_refused);
  BLOCKS_TEST (a_stopped_build_leaves_nothing);
  BLOCKS_TEST (hashes_of_a_killed_writer_are_not_believed);
  return g_test_run ();
}
