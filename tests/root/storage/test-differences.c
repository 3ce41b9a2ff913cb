/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What is said to be the same of two volumes is the same. */
#include "support/fd.h"
#include "volumes.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static gboolean
blocks_differ (int a, int b, guint64 block)
{
  char left[BLOCK], right[BLOCK];
  g_assert_cmpint (pread (a, left, BLOCK, (off_t)(block * BLOCK)), ==, BLOCK);
  g_assert_cmpint (pread (b, right, BLOCK, (off_t)(block * BLOCK)), ==, BLOCK);
  return memcmp (left, right, BLOCK) != 0;
}

/* Returns how many bytes are said to be the same. */
static guint64
check_differences (GArray *ranges, int a, int b, guint64 bytes)
{
  guint64 end = 0, same = 0;
  for (guint i = 0; i < ranges->len; i++) {
    const VfExtent *range = &g_array_index (ranges, VfExtent, i);
    g_assert_cmpuint (range->offset, ==, end);
    end += range->length;
    if (range->state != VMFORGE_EXTENT_SAME)
      continue;
    same += range->length;
    for (guint64 offset = range->offset / BLOCK; offset * BLOCK < end; offset++)
      g_assert_false (blocks_differ (a, b, offset));
  }
  g_assert_cmpuint (end, ==, bytes);
  return same;
}

static void
differences_are_never_under_reported (Fixture *fixture, gconstpointer data)
{
  const guint64 bytes = 12 * MIB, blocks = bytes / BLOCK;
  g_autoptr (GRand) rand = g_rand_new_with_seed (4711);
  GError *error = NULL;
  for (guint round = 0; round < 3; round++) {
    volume_create (fixture, A, bytes);
    vf_autofd int a = volume_open (fixture, A, FALSE);
    for (guint i = 0; i < 700; i++)
      volume_write_block (a, (guint64)g_rand_int_range (rand, 0, (gint32)blocks), g_rand_int (rand));
    volume_seal (fixture, A);
    volume_clone (fixture, B, A);
    vf_autofd int b = volume_open (fixture, B, FALSE);
    for (guint i = 0; i < 100; i++)
      volume_write_block (b, (guint64)g_rand_int_range (rand, 0, (gint32)blocks), g_rand_int (rand));
    g_assert_cmpint (fallocate (b, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                (off_t)g_rand_int_range (rand, 0, 11) * MIB + 512, MIB / 2),
                     ==, 0);
    volume_seal (fixture, B);
    g_autoptr (GArray) ranges = vf_storage_differences (fixture->storage, A, B, bytes, &error);
    g_assert_no_error (error);
    guint64 same = check_differences (ranges, a, b, bytes);
    g_test_message ("%u ranges, %" G_GUINT64_FORMAT " KiB the same", ranges->len, same / 1024);
    if (*(const Place *)data != PLACE_COPY)
      g_assert_cmpuint (same, >, bytes / 2);
    g_autoptr (GArray) extents = vf_storage_extents (fixture->storage, B, bytes, &error);
    g_assert_no_error (error);
    for (guint i = 0; i < extents->len; i++) {
      const VfExtent *extent = &g_array_index (extents, VfExtent, i);
      g_autofree char *zeros = g_malloc0 (extent->length), *found = g_malloc (extent->length);
      if (extent->state != VMFORGE_EXTENT_HOLE)
        continue;
      g_assert_cmpint (pread (b, found, extent->length, (off_t)extent->offset), ==, (gssize)extent->length);
      g_assert_cmpmem (found, extent->length, zeros, extent->length);
    }
    g_assert_true (vf_storage_remove (fixture->storage, A, &error));
    g_assert_true (vf_storage_remove (fixture->storage, B, &error));
  }
}

static void
add_tests (void)
{
  place_add_everywhere ("differences", "differences_are_never_under_reported",
                        differences_are_never_under_reported);
}

int
main (int argc, char **argv)
{
  return place_main (argc, argv, add_tests);
}
