/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The format: what the page says, what a second implementation reads and writes. */
#include "blocks.h"

#include "support/fd.h"
#include "support/process.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* tests/block_index.py ARGUMENTS…; what it prints, without the end of the line. */
static char *
run_python (const char *first, const char *second, const char *third)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *script = g_test_build_filename (G_TEST_DIST, "..", "block_index.py", NULL);
  g_autoptr (VfProcess) process = vf_process_new_args ("python3", script, first, second, third, NULL);
  vf_process_run (process, NULL, NULL, &error);
  g_assert_no_error (error);
  return g_strchomp (g_strdup (vf_process_get_output (process)));
}

static void
assert_same_file (const Blocks *blocks, const char *one, const char *other)
{
  g_autofree char *left = NULL, *right = NULL, *one_path = blocks_path (blocks, one);
  g_autofree char *other_path = blocks_path (blocks, other);
  gsize left_length, right_length;
  g_assert_true (g_file_get_contents (one_path, &left, &left_length, NULL));
  g_assert_true (g_file_get_contents (other_path, &right, &right_length, NULL));
  g_assert_cmpmem (left, left_length, right, right_length);
}

/* "OFFSET+COUNT=HEX …" */
static void
fill_by_text (const Blocks *blocks, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, " ", -1);
  for (char **part = parts; *part != NULL; part++) {
    char *end = NULL;
    if (**part == '\0' || strcmp (*part, "-") == 0)
      continue;
    guint64 offset = g_ascii_strtoull (*part, &end, 10);
    g_assert_cmpint (*end, ==, '+');
    guint64 count = g_ascii_strtoull (end + 1, &end, 10);
    g_assert_cmpint (*end, ==, '=');
    blocks_fill (blocks, 1, offset, count, (guint8)g_ascii_strtoull (end + 1, &end, 16));
    g_assert_cmpint (*end, ==, '\0');
  }
}

/* Rows of docs/block-index.md: | bytes | content | depth | root | */
static guint
check_row (Blocks *blocks, const char *line)
{
  g_auto (GStrv) cells = g_strsplit (line, "|", -1);
  if (g_strv_length (cells) != 6 || !g_ascii_isdigit (g_strchug (cells[1])[0]))
    return 0;
  g_autofree char *wanted = g_strdelimit (g_strstrip (g_strdup (cells[4])), "`", ' ');
  guint64 bytes = g_ascii_strtoull (cells[1], NULL, 10);
  blocks_make (blocks, 1, bytes);
  fill_by_text (blocks, g_strdelimit (cells[2], "`", ' '));
  g_autofree char *root = blocks_build (blocks, 1, "index");
  g_assert_cmpstr (root, ==, g_strstrip (wanted));
  g_assert_cmpuint (vf_block_depth (bytes), ==, (guint)g_ascii_strtoull (cells[3], NULL, 10));
  g_autofree char *volume = blocks_volume_path (blocks, 1), *index = blocks_path (blocks, "index");
  g_autofree char *theirs = blocks_path (blocks, "theirs");
  g_autofree char *read = run_python ("check", index, volume);
  g_assert_cmpstr (read, ==, root);
  g_autofree char *made = run_python ("make", volume, theirs);
  g_assert_cmpstr (made, ==, root);
  blocks_verify (blocks, "theirs");
  g_assert_cmpuint (blocks->faults->len, ==, 0);
  blocks_verify_volume (blocks, "theirs", 1, FALSE);
  g_assert_cmpuint (blocks->faults->len, ==, 0);
  return 1;
}

static void
the_vectors_of_the_page_hold_in_both_implementations (Blocks *blocks, gconstpointer data)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "..", "docs", "block-index.md", NULL);
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint count = 0;
  for (char **line = lines; *line != NULL; line++)
    count += check_row (blocks, *line);
  g_assert_cmpuint (count, >=, 8);
}

static void
both_implementations_write_the_same_bytes (Blocks *blocks, gconstpointer data)
{
  g_autofree char *volume = blocks_volume_path (blocks, 1), *theirs = blocks_path (blocks, "theirs");
  for (int round = 0; round < 8; round++) {
    guint64 bytes = (guint64)g_test_rand_int_range (1, 80 << 20);
    blocks_make (blocks, 1, bytes);
    for (int i = 0; i < 12; i++) {
      guint64 offset = (guint64)g_test_rand_int_range (0, (gint32)bytes);
      guint64 length = (guint64)g_test_rand_int_range (1, 30000);
      length = MIN (length, bytes - offset);
      blocks_fill (blocks, 1, offset, length, (guint8)g_test_rand_int_range (0, 256));
    }
    g_autofree char *root = blocks_build (blocks, 1, "index");
    g_autofree char *made = run_python ("make", volume, theirs);
    g_assert_cmpstr (made, ==, root);
    assert_same_file (blocks, "index", "theirs");
  }
}

static void
a_block_is_looked_up_and_zeros_have_no_hash (Blocks *blocks, gconstpointer data)
{
  VfBlockHash hash, expected;
  guint8 block[VF_BLOCK_BYTES] = {7, 7, 7};
  vf_block_hash (block, &expected);
  blocks_make (blocks, 1, 129 * VF_BLOCK_BYTES - 4000);
  blocks_fill (blocks, 1, 128 * VF_BLOCK_BYTES, 3, 7); /* the tail, less than a block */
  blocks_fill (blocks, 1, 0, VF_BLOCK_BYTES, 0);
  g_autofree char *root = blocks_build (blocks, 1, "index");
  g_autoptr (VfBlockIndex) index = vf_block_index_open (blocks->fd, "index", root, NULL);
  g_assert_nonnull (index);
  g_assert_true (vf_block_index_lookup (index, 128, &hash, NULL));
  g_assert_cmpmem (&hash, sizeof hash, &expected, sizeof expected);
  const guint64 zeros[] = {0, 1, 127, 129, 1 << 20, G_MAXUINT64};
  for (guint i = 0; i < G_N_ELEMENTS (zeros); i++) {
    g_assert_true (vf_block_index_lookup (index, zeros[i], &hash, NULL));
    g_assert_true (vf_block_is_zero (&hash, sizeof hash));
  }
}

static void
a_page_is_read_and_checked_once_with_a_cache (Blocks *blocks, gconstpointer data)
{
  VfBlockHash before, after;
  g_autoptr (VfPageCache) cache = vf_page_cache_new (8);
  blocks_make (blocks, 1, 64 * VF_PAGE_HASHES * VF_BLOCK_BYTES);
  for (guint page = 0; page < 64; page++)
    blocks_fill (blocks, 1, (guint64)page * VF_PAGE_HASHES * VF_BLOCK_BYTES, 1, (guint8)(page + 1));
  g_autofree char *root = blocks_build (blocks, 1, "index");
  g_autoptr (VfBlockIndex) index = vf_block_index_open (blocks->fd, "index", root, NULL);
  g_autoptr (VfBlockIndex) cached = vf_block_index_open (blocks->fd, "index", root, NULL);
  vf_block_index_set_cache (cached, cache);
  /* More than it holds, twice. */
  for (guint i = 0; i < 128; i++) {
    g_assert_true (vf_block_index_lookup (index, i % 64 * VF_PAGE_HASHES, &before, NULL));
    g_assert_true (vf_block_index_lookup (cached, i % 64 * VF_PAGE_HASHES, &after, NULL));
    g_assert_cmpmem (&before, sizeof before, &after, sizeof after);
  }
  /* The last one is there; what is damaged when it is read never is. */
  blocks_flip (blocks, "index", vf_block_page_offset (0, 63));
  g_assert_false (vf_block_index_lookup (index, 63 * VF_PAGE_HASHES, &before, NULL));
  g_assert_true (vf_block_index_lookup (cached, 63 * VF_PAGE_HASHES, &before, NULL));
  g_assert_cmpmem (&before, sizeof before, &after, sizeof after);
  g_autoptr (VfPageCache) empty = vf_page_cache_new (8);
  vf_block_index_set_cache (cached, empty);
  for (guint i = 0; i < 2; i++)
    g_assert_false (vf_block_index_lookup (cached, 63 * VF_PAGE_HASHES, &before, NULL));
}

static void
zeros_take_no_space_in_an_index (Blocks *blocks, gconstpointer data)
{
  struct stat info;
  blocks_make (blocks, 1, G_GUINT64_CONSTANT (50) << 30);
  blocks_fill (blocks, 1, G_GUINT64_CONSTANT (49) << 30, 1, 1);
  g_autofree char *root = blocks_build (blocks, 1, "index");
  g_assert_cmpint (fstatat (blocks->fd, "index", &info, 0), ==, 0);
  g_assert_cmpint (info.st_size, ==, vf_block_index_bytes (G_GUINT64_CONSTANT (50) << 30));
  g_assert_cmpint (info.st_blocks * 512, <=, 20 * VF_BLOCK_BYTES);
}

/* The claims of the page about places: no two pages share one, and a tree is in one piece. */
static void
every_page_has_a_place_of_its_own (Blocks *blocks, gconstpointer data)
{
  g_assert_cmpint (vf_block_page_offset (6, 0), ==, VF_BLOCK_BYTES);
  g_assert_cmpint (vf_block_page_offset (0, 0), ==, 7 * VF_BLOCK_BYTES);
  for (guint64 page = 0; page < 40000; page++)
    for (guint level = 0, shift = 0; level < 3; level++, shift += VF_PAGE_SHIFT) {
      if (page % (G_GUINT64_CONSTANT (1) << shift) != 0)
        continue;
      off_t start = vf_block_page_offset (level, page >> shift);
      off_t next = vf_block_page_offset (level, (page >> shift) + 1);
      off_t parent = vf_block_page_offset (level + 1, (page >> shift) >> VF_PAGE_SHIFT);
      gboolean last = ((page >> shift) + 1) % VF_PAGE_HASHES == 0;
      g_assert_cmpint (parent, <, start);
      g_assert_cmpint (start, <, parent + vf_block_tree_bytes (level + 1));
      if (!last)
        g_assert_cmpint (next, ==, start + vf_block_tree_bytes (level));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  BLOCKS_TEST (the_vectors_of_the_page_hold_in_both_implementations);
  BLOCKS_TEST (both_implementations_write_the_same_bytes);
  BLOCKS_TEST (a_block_is_looked_up_and_zeros_have_no_hash);
  BLOCKS_TEST (a_page_is_read_and_checked_once_with_a_cache);
  BLOCKS_TEST (zeros_take_no_space_in_an_index);
  BLOCKS_TEST (every_page_has_a_place_of_its_own);
  return g_test_run ();
}
