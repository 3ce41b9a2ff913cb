/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Packs are written and read back; whatever is damaged of one is refused. The engine is a disk in memory
 * here. */
#include "crew.h"
#include "pack.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#define BLOCKS 3000

/* Content 0, of which block b differs from content 1 where b % 3 == 0; every seventh is zeros in both. */
static void
fill_block (guint32 content, guint64 block, guint8 *room)
{
  memset (room, 0, BLOCK);
  if (block % 7 != 0)
    memset (room, (int)(1 + (block + (content == 0 && block % 3 == 0)) % 250), BLOCK);
}

static void
hash_block (const guint8 *block, Hash *hash)
{
  memset (hash, 0, sizeof *hash);
  for (gsize i = 0; i < BLOCK && hash_is_zero (hash); i++)
    if (block[i] != 0)
      memset (hash, block[i], sizeof *hash);
}

static int
contents (Call *call, const struct vmforge_content **list, uint32_t *count)
{
  static const struct vmforge_content both[2] = {{.size = sizeof both[0], .bytes = (guint64)BLOCKS * BLOCK},
                                                 {.size = sizeof both[0], .bytes = (guint64)BLOCKS * BLOCK}};
  *list = both;
  *count = 2;
  return 0;
}

/* Above level 0 all pages differ, which costs time alone. */
static int
read_page (Call *call, uint32_t content, uint32_t level, uint64_t number, void *room)
{
  Page *page = room;
  guint8 block[BLOCK];
  memset (page, 0, sizeof *page);
  for (guint i = 0; i < PAGE_HASHES; i++) {
    guint64 at = number << PAGE_SHIFT | i;
    if (level > 0)
      memset (&page->hashes[i], (int)content + 1, sizeof page->hashes[i]);
    else if (at < BLOCKS) {
      fill_block (content, at, block);
      hash_block (block, &page->hashes[i]);
    }
  }
  return 0;
}

static int
read_blocks (Call *call, uint32_t content, uint64_t block, uint32_t count, void *room)
{
  for (guint32 i = 0; i < count; i++)
    fill_block (content, block + i, (guint8 *)room + i * BLOCK);
  return 0;
}

static int
cancelled (Call *call)
{
  return 0;
}

static GByteArray *
make_pack (guint32 base)
{
  static const struct vmforge_exchange exchange = {
      .size = sizeof exchange, .contents = contents, .read_page = read_page, .read_blocks = read_blocks};
  static const struct vmforge_host host = {
      .size = sizeof host, .cancelled = cancelled, .exchange = &exchange};
  Call call = {.host = &host};
  Cbt cbt = {.threads = 2};
  int fd = memfd_create ("pack", MFD_CLOEXEC);
  struct vmforge_packing packing = {.size = sizeof packing, .content = 0, .base = base, .output = fd};
  g_assert_cmpint (cbt_pack (&cbt, &call, &packing), ==, 0);
  GByteArray *bytes = g_byte_array_new ();
  g_byte_array_set_size (bytes, (guint)lseek (fd, 0, SEEK_END));
  g_assert_cmpint (pread (fd, bytes->data, bytes->len, 0), ==, bytes->len);
  close (fd);
  return bytes;
}

/* NULL: refused. */
static GArray *
read_pack (const GByteArray *pack)
{
  PackHeader header;
  if (pack->len < PACK_HEADER || !pack_header_read (pack->data, &header) ||
      header.table_bytes > pack->len - PACK_HEADER)
    return NULL;
  return pack_table_read (&header, pack->data + PACK_HEADER);
}

static void
check_blocks (const GByteArray *pack, gboolean (*belongs) (guint64 block))
{
  g_autoptr (GArray) windows = read_pack (pack);
  g_autofree guint8 *room = g_malloc (PACK_BLOCKS * BLOCK), *wanted = g_malloc (BLOCK);
  guint64 next = 0;
  g_assert_nonnull (windows);
  for (guint i = 0; i < windows->len; i++) {
    const PackWindow *window = &g_array_index (windows, PackWindow, i);
    const guint8 *block = room;
    g_assert_true (pack_window_unpack (window, pack->data + window->offset, room));
    for (guint j = 0; j < window->runs->len; j++) {
      const Run *run = &g_array_index (window->runs, Run, j);
      for (guint64 at = run->block; at < run->block + run->count; at++, block += BLOCK) {
        for (; next < at; next++)
          g_assert_false (belongs (next));
        g_assert_true (belongs (next++));
        fill_block (0, at, wanted);
        g_assert_cmpmem (block, BLOCK, wanted, BLOCK);
      }
    }
  }
  for (; next < BLOCKS; next++)
    g_assert_false (belongs (next));
}

static gboolean
is_data (guint64 block)
{
  return block % 7 != 0;
}

static gboolean
is_different (guint64 block)
{
  return block % 7 != 0 && block % 3 == 0;
}

static void
what_was_packed_is_read (void)
{
  g_autoptr (GByteArray) whole = make_pack (VMFORGE_NO_CONTENT), part = make_pack (1);
  check_blocks (whole, is_data);
  check_blocks (part, is_different);
}

static void
what_is_the_same_has_no_window (void)
{
  g_autoptr (GByteArray) pack = make_pack (0);
  g_autoptr (GArray) windows = read_pack (pack);
  g_assert_nonnull (windows);
  g_assert_cmpuint (windows->len, ==, 0);
  g_assert_cmpuint (pack->len, ==, PACK_HEADER);
}

/* Each bit of header and table says something. */
static void
a_flipped_byte_is_seen (void)
{
  g_autoptr (GByteArray) pack = make_pack (1);
  PackHeader header;
  g_assert_true (pack_header_read (pack->data, &header));
  for (gsize at = 0; at < PACK_HEADER + header.table_bytes; at++) {
    pack->data[at] ^= 1;
    g_assert_null (read_pack (pack));
    pack->data[at] ^= 1;
  }
  g_autoptr (GArray) windows = read_pack (pack);
  g_assert_nonnull (windows);
}

static void
what_is_cut_off_is_refused (void)
{
  g_autoptr (GByteArray) pack = make_pack (1);
  PackHeader header;
  g_assert_true (pack_header_read (pack->data, &header));
  for (guint length = 0; length < PACK_HEADER + header.table_bytes; length++) {
    g_autoptr (GByteArray) part = g_byte_array_new ();
    g_byte_array_append (part, pack->data, length);
    g_assert_null (read_pack (part));
  }
}

/* Else a server could have us fetch many times what the blocks are. */
static void
a_window_is_not_longer_than_its_blocks (void)
{
  g_autoptr (GByteArray) pack = make_pack (1);
  g_autoptr (GArray) windows = read_pack (pack);
  PackHeader header;
  g_assert_true (pack_header_read (pack->data, &header));
  gsize most = ZSTD_compressBound (runs_blocks (g_array_index (windows, PackWindow, 0).runs) * BLOCK);
  for (gsize more = 0; more < 2; more++) {
    guint32 length = GUINT32_TO_LE ((guint32)(most + more));
    memcpy (pack->data + PACK_HEADER + 8, &length, sizeof length);
    cbt_sha256 (pack->data + PACK_HEADER, header.table_bytes, pack->data + 32);
    g_autoptr (GArray) read = read_pack (pack);
    g_assert_true ((read != NULL) == (more == 0));
  }
}

static void
a_window_that_is_none_does_not_unpack (void)
{
  g_autoptr (GByteArray) pack = make_pack (1);
  g_autoptr (GArray) windows = read_pack (pack);
  PackWindow window = g_array_index (windows, PackWindow, 0);
  /* Below, a window is said to be one block longer than the longest. */
  g_autofree guint8 *room = g_malloc ((PACK_BLOCKS + 1) * BLOCK);
  const guint8 *packed = pack->data + window.offset;
  g_assert_true (pack_window_unpack (&window, packed, room));
  window.length--;
  g_assert_false (pack_window_unpack (&window, packed, room));
  window.length++;
  /* One block more, or less, than it holds. */
  g_autoptr (GArray) more = g_array_copy (window.runs);
  g_autoptr (GArray) less = g_array_copy (window.runs);
  runs_add (more, BLOCKS, 1);
  g_array_index (less, Run, less->len - 1).count--;
  window.runs = more;
  g_assert_false (pack_window_unpack (&window, packed, room));
  window.runs = less;
  g_assert_false (pack_window_unpack (&window, packed, room));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cbt/pack/what-was-packed-is-read", what_was_packed_is_read);
  g_test_add_func ("/cbt/pack/what-is-the-same-has-no-window", what_is_the_same_has_no_window);
  g_test_add_func ("/cbt/pack/a-flipped-byte-is-seen", a_flipped_byte_is_seen);
  g_test_add_func ("/cbt/pack/what-is-cut-off-is-refused", what_is_cut_off_is_refused);
  g_test_add_func ("/cbt/pack/a-window-is-not-longer-than-its-blocks",
                   a_window_is_not_longer_than_its_blocks);
  g_test_add_func ("/cbt/pack/a-window-that-is-none-does-not-unpack", a_window_that_is_none_does_not_unpack);
  return g_test_run ();
}
