/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What is damaged is found and named; what is hostile is refused. */
#include "blocks.h"

#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VOLUME_BYTES ((64 << 20) + 3 * VF_BLOCK_BUFFER + 5)

/* Three levels; data in the first page of level 0, in one in the middle, and in the last. */
static void
make_volume (Blocks *blocks)
{
  blocks_make (blocks, 1, VOLUME_BYTES);
  blocks_fill (blocks, 1, 0, 5 * VF_BLOCK_BYTES, 1);
  blocks_fill (blocks, 1, 40 * VF_BLOCK_BUFFER, 3, 2);
  blocks_fill (blocks, 1, VOLUME_BYTES - 1, 1, 3);
  g_autofree char *root = blocks_build (blocks, 1, "index");
}

static void
flip_volume (const Blocks *blocks, off_t offset)
{
  g_autofree char *name = g_strdup_printf ("%032x.raw", 1);
  blocks_flip (blocks, name, offset);
}

static void
assert_fault (const Blocks *blocks, guint i, VfBlockFaultKind kind, guint64 offset, guint64 length)
{
  const VfBlockFault *fault = blocks_fault (blocks, i);
  g_assert_cmpint (fault->kind, ==, kind);
  g_assert_cmpuint (fault->offset, ==, offset);
  g_assert_cmpuint (fault->length, ==, length);
}

static void
a_flipped_bit_of_a_page_names_the_page (Blocks *blocks, gconstpointer data)
{
  static const struct {
    guint level;
    guint64 page, offset, length; /* in the volume */
  } pages[] = {
      {0, 0, 0, VF_BLOCK_BUFFER},
      {0, 40, 40 * VF_BLOCK_BUFFER, VF_BLOCK_BUFFER},
      {0, 131, VOLUME_BYTES - 5, 5},
      {1, 0, 0, 64 << 20},
      {1, 1, 64 << 20, 3 * VF_BLOCK_BUFFER + 5},
      {2, 0, 0, VOLUME_BYTES},
  };
  make_volume (blocks);
  for (guint i = 0; i < G_N_ELEMENTS (pages); i++) {
    off_t offset = vf_block_page_offset (pages[i].level, pages[i].page) + g_test_rand_int_range (0, 4096);
    blocks_flip (blocks, "index", offset);
    blocks_verify (blocks, "index");
    g_assert_cmpuint (blocks->faults->len, ==, 1);
    assert_fault (blocks, 0, VF_BLOCK_FAULT_PAGE, pages[i].offset, pages[i].length);
    g_assert_cmpuint (blocks_fault (blocks, 0)->level, ==, pages[i].level);
    g_assert_cmpuint (blocks_fault (blocks, 0)->page, ==, pages[i].page);
    blocks_flip (blocks, "index", offset);
  }
  blocks_flip (blocks, "index", vf_block_page_offset (0, 0));
  blocks_flip (blocks, "index", vf_block_page_offset (0, 131));
  blocks_verify (blocks, "index");
  g_assert_cmpuint (blocks->faults->len, ==, 2);
  g_autofree char *text = vf_block_fault_text (blocks_fault (blocks, 1));
  g_assert_cmpstr (
      text, ==,
      "page 131 of level 0 of the block index is damaged (bytes 68681728 to 68681732 of the volume)");
}

/* Also one of the header, which only the root tells. */
static void
every_flipped_bit_of_an_index_is_found (Blocks *blocks, gconstpointer data)
{
  g_autofree char *root = NULL;
  make_volume (blocks);
  root = blocks_build (blocks, 1, "index");
  off_t bytes = vf_block_index_bytes (VOLUME_BYTES);
  for (off_t offset = 0; offset < bytes; offset += offset < 128 ? 1 : 509) {
    g_autoptr (GError) error = NULL;
    blocks_flip (blocks, "index", offset);
    g_autoptr (VfBlockIndex) index = vf_block_index_open (blocks->fd, "index", root, &error);
    g_assert_true ((index == NULL) == (offset < VF_BLOCK_HEADER_BYTES));
    if (index != NULL) {
      blocks_verify (blocks, "index");
      g_assert_cmpuint (blocks->faults->len, ==, 1);
    }
    blocks_flip (blocks, "index", offset);
  }
  blocks_verify (blocks, "index");
  g_assert_cmpuint (blocks->faults->len, ==, 0);
}

static void
a_flipped_bit_of_a_volume_names_the_block (Blocks *blocks, gconstpointer data)
{
  make_volume (blocks);
  for (int paranoid = 0; paranoid < 2; paranoid++) {
    flip_volume (blocks, 40 * VF_BLOCK_BUFFER + 1);
    blocks_verify_volume (blocks, "index", 1, paranoid);
    g_assert_cmpuint (blocks->faults->len, ==, 1);
    assert_fault (blocks, 0, VF_BLOCK_FAULT_DIFFERENT, 40 * VF_BLOCK_BUFFER, VF_BLOCK_BYTES);
    flip_volume (blocks, 40 * VF_BLOCK_BUFFER + 1);
    flip_volume (blocks, VF_BLOCK_BYTES);
    flip_volume (blocks, 3 * VF_BLOCK_BYTES - 1);
    flip_volume (blocks, VOLUME_BYTES - 1); /* less than a block */
    blocks_verify_volume (blocks, "index", 1, paranoid);
    g_assert_cmpuint (blocks->faults->len, ==, 2);
    guint last = blocks_fault (blocks, 0)->offset == VF_BLOCK_BYTES;
    assert_fault (blocks, 1 - last, VF_BLOCK_FAULT_DIFFERENT, VF_BLOCK_BYTES, 2 * VF_BLOCK_BYTES);
    assert_fault (blocks, last, VF_BLOCK_FAULT_DIFFERENT, VOLUME_BYTES - 5, 5);
    g_autofree char *text = vf_block_fault_text (blocks_fault (blocks, 1 - last));
    g_assert_cmpstr (text, ==,
                     "blocks 1 to 2 (bytes 4096 to 12287) of the volume are not those of its block index");
    flip_volume (blocks, VF_BLOCK_BYTES);
    flip_volume (blocks, 3 * VF_BLOCK_BYTES - 1);
    flip_volume (blocks, VOLUME_BYTES - 1);
  }
}

static void
data_in_a_hole_and_a_hole_in_data_are_found (Blocks *blocks, gconstpointer data)
{
  make_volume (blocks);
  blocks_fill (blocks, 1, 90 * VF_BLOCK_BUFFER, VF_BLOCK_BYTES, 9);
  blocks_punch (blocks, 1, 40 * VF_BLOCK_BUFFER, VF_BLOCK_BYTES);
  for (int paranoid = 0; paranoid < 2; paranoid++) {
    blocks_verify_volume (blocks, "index", 1, paranoid);
    g_assert_cmpuint (blocks->faults->len, ==, 2);
    guint later = blocks_fault (blocks, 0)->offset == 40 * VF_BLOCK_BUFFER;
    assert_fault (blocks, 1 - later, VF_BLOCK_FAULT_DIFFERENT, 40 * VF_BLOCK_BUFFER, VF_BLOCK_BYTES);
    assert_fault (blocks, later, VF_BLOCK_FAULT_DIFFERENT, 90 * VF_BLOCK_BUFFER, VF_BLOCK_BYTES);
  }
}

static void
blocks_below_a_damaged_page_are_told_and_the_others_checked (Blocks *blocks, gconstpointer data)
{
  make_volume (blocks);
  blocks_flip (blocks, "index", vf_block_page_offset (1, 0));
  flip_volume (blocks, VOLUME_BYTES - 1);
  blocks_verify_volume (blocks, "index", 1, FALSE);
  guint64 unknown = 0;
  guint different = 0;
  for (guint i = 0; i < blocks->faults->len; i++) {
    const VfBlockFault *fault = blocks_fault (blocks, i);
    different += fault->kind == VF_BLOCK_FAULT_DIFFERENT && fault->offset == VOLUME_BYTES - 5;
    unknown += fault->kind == VF_BLOCK_FAULT_UNKNOWN ? fault->length : 0;
  }
  g_assert_cmpuint (different, ==, 1);
  g_assert_cmpuint (unknown, >=, 64 << 20);
}

static void
a_volume_of_another_size_is_an_error (Blocks *blocks, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const VfBlockWatcher watcher = {0};
  make_volume (blocks);
  blocks_make (blocks, 2, VOLUME_BYTES + 1);
  g_autoptr (VfBlockIndex) index = vf_block_index_open (blocks->fd, "index", NULL, NULL);
  VfBlockVolume volume = blocks_open (blocks, 2);
  g_assert_false (vf_block_index_verify_volume (index, &volume, NULL, 0, &watcher, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  vf_fd_clear (&volume.fd);
}

static void
refuse (const Blocks *blocks, const char *root, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfBlockIndex) index = vf_block_index_open (blocks->fd, "index", root, &error);
  g_assert_null (index);
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, words));
}

static void
write_header (const Blocks *blocks, off_t offset, guint64 value, gsize length)
{
  vf_autofd int fd = openat (blocks->fd, "index", O_RDWR | O_CLOEXEC);
  value = GUINT64_TO_LE (value);
  g_assert_cmpint (pwrite (fd, &value, length, offset), ==, (gssize)length);
}

static void
a_hostile_header_is_refused (Blocks *blocks, gconstpointer data)
{
  static const struct {
    off_t offset;
    gsize length;
    guint64 bad, good;
    const char *words;
  } headers[] = {
      {0, 1, 'V', 'v', "is no block index"},
      {14, 1, '2', '1', "is no block index"},
      {16, 8, G_MAXUINT64, VOLUME_BYTES, "more than an index can hold"},
      {16, 8, VF_BLOCK_INDEX_MAX + 1, VOLUME_BYTES, "more than an index can hold"},
      {16, 8, VF_BLOCK_INDEX_MAX, VOLUME_BYTES, "it has 3 levels, its volume needs 7"},
      {16, 8, 0, VOLUME_BYTES, "it has 3 levels, its volume needs 1"},
      {16, 8, VOLUME_BYTES + VF_BLOCK_BUFFER, VOLUME_BYTES, " bytes, not "},
      {24, 4, 8192, 4096, "its blocks have 8192 bytes"},
      {24, 4, 0, 4096, "its blocks have 0 bytes"},
      {28, 4, 0, 3, "it has 0 levels"},
      {28, 4, G_MAXUINT32, 3, "it has 4294967295 levels"},
  };
  make_volume (blocks);
  for (guint i = 0; i < G_N_ELEMENTS (headers); i++) {
    write_header (blocks, headers[i].offset, headers[i].bad, headers[i].length);
    refuse (blocks, NULL, headers[i].words);
    write_header (blocks, headers[i].offset, headers[i].good, headers[i].length);
  }
  g_autoptr (VfBlockIndex) index = vf_block_index_open (blocks->fd, "index", NULL, NULL);
  g_assert_nonnull (index);
  refuse (blocks, "0000000000000000000000000000000000000000000000000000000000000000", "its record says 0000");
}

static void
a_file_of_another_length_is_refused (Blocks *blocks, gconstpointer data)
{
  make_volume (blocks);
  g_autofree char *path = blocks_path (blocks, "index");
  off_t bytes = vf_block_index_bytes (VOLUME_BYTES);
  g_assert_cmpint (truncate (path, bytes + 1), ==, 0);
  refuse (blocks, NULL, " bytes, not ");
  g_assert_cmpint (truncate (path, bytes - 1), ==, 0);
  refuse (blocks, NULL, " bytes, not ");
  g_assert_cmpint (truncate (path, VF_BLOCK_HEADER_BYTES - 1), ==, 0);
  refuse (blocks, NULL, "is cut off");
  g_assert_cmpint (truncate (path, 0), ==, 0);
  refuse (blocks, NULL, "is cut off");
}

/* 64 TiB of zeros: a file of half a TiB, with one page in it. */
static void
an_index_of_nearly_nothing_is_verified_at_once (Blocks *blocks, gconstpointer data)
{
  guint8 bytes[VF_BLOCK_HEADER_BYTES];
  VfBlockHeader header = {.bytes = G_GUINT64_CONSTANT (1) << 46};
  header.depth = vf_block_depth (header.bytes);
  vf_block_header_write (&header, bytes);
  vf_autofd int fd = openat (blocks->fd, "index", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  g_assert_cmpint (pwrite (fd, bytes, sizeof bytes, 0), ==, sizeof bytes);
  g_assert_cmpint (ftruncate (fd, vf_block_index_bytes (header.bytes)), ==, 0);
  gint64 start = g_get_monotonic_time ();
  blocks_verify (blocks, "index");
  g_assert_cmpint (g_get_monotonic_time () - start, <, 5 * G_USEC_PER_SEC);
  g_assert_cmpuint (blocks->faults->len, ==, 0);
}

/* A page that has rotted is not given a valid hash by the child that is built upon it. */
static void
nothing_is_built_upon_a_damaged_page (Blocks *blocks, gconstpointer data)
{
  for (guint level = 0; level < 3; level++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GArray) differences = g_array_new (FALSE, FALSE, sizeof (VfExtent));
    VfExtent extent = {0, VF_BLOCK_BYTES, VMFORGE_EXTENT_CHANGED};
    VfExtent rest = {VF_BLOCK_BYTES, VOLUME_BYTES - VF_BLOCK_BYTES, VMFORGE_EXTENT_SAME};
    g_array_append_val (differences, extent);
    g_array_append_val (differences, rest);
    make_volume (blocks);
    blocks_copy (blocks, 1, 2, VOLUME_BYTES);
    blocks_fill (blocks, 2, 0, VF_BLOCK_BYTES, 8);
    blocks_flip (blocks, "index", vf_block_page_offset (level, 0) + 100);
    g_assert_null (blocks_build_from (blocks, 2, "child", "index", differences, NULL, &error));
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
    g_assert_nonnull (strstr (error->message, "is damaged"));
    g_assert_false (vf_fs_exists (blocks->fd, "child"));
  }
}

/* And one that is not touched keeps its wrong hash for fsck to find. */
static void
a_damaged_page_that_is_inherited_stays_a_fault (Blocks *blocks, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) differences = g_array_new (FALSE, FALSE, sizeof (VfExtent));
  VfExtent extent = {0, VF_BLOCK_BYTES, VMFORGE_EXTENT_CHANGED};
  VfExtent rest = {VF_BLOCK_BYTES, VOLUME_BYTES - VF_BLOCK_BYTES, VMFORGE_EXTENT_SAME};
  g_array_append_val (differences, extent);
  g_array_append_val (differences, rest);
  make_volume (blocks);
  blocks_flip (blocks, "index", vf_block_page_offset (0, 40));
  g_autofree char *root = blocks_build_from (blocks, 1, "child", "index", differences, NULL, &error);
  g_assert_no_error (error);
  blocks_verify (blocks, "child");
  g_assert_cmpuint (blocks->faults->len, ==, 1);
  assert_fault (blocks, 0, VF_BLOCK_FAULT_PAGE, 40 * VF_BLOCK_BUFFER, VF_BLOCK_BUFFER);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  BLOCKS_TEST (a_flipped_bit_of_a_page_names_the_page);
  BLOCKS_TEST (every_flipped_bit_of_an_index_is_found);
  BLOCKS_TEST (a_flipped_bit_of_a_volume_names_the_block);
  BLOCKS_TEST (data_in_a_hole_and_a_hole_in_data_are_found);
  BLOCKS_TEST (blocks_below_a_damaged_page_are_told_and_the_others_checked);
  BLOCKS_TEST (a_volume_of_another_size_is_an_error);
  BLOCKS_TEST (a_hostile_header_is_refused);
  BLOCKS_TEST (a_file_of_another_length_is_refused);
  BLOCKS_TEST (an_index_of_nearly_nothing_is_verified_at_once);
  BLOCKS_TEST (nothing_is_built_upon_a_damaged_page);
  BLOCKS_TEST (a_damaged_page_that_is_inherited_stays_a_fault);
  return g_test_run ();
}
