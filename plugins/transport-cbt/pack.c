/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "pack.h"

#include "crew.h"
#include "tree.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

/* What a stage adds is packed once and fetched often; but whoever builds waits for it, so the hundreds of
 * megabytes of a whole system are packed as fast as they are hashed. 9 takes three times as long as 3, and
 * saves 7 %. */
#define SMALL_BLOCKS (64 * 1024 * 1024 / BLOCK)
#define SMALL_LEVEL  9
#define LARGE_LEVEL  3

typedef struct {
  Call *call;
  guint32 content;
  int output;
  int level;
  GArray *runs;    /* Run: what differs */
  GArray *windows; /* PackWindow */
  guint64 end;     /* of what has its place in the file; under the lock */
  GMutex lock;
} Packer;

static gboolean
add_page (guint64 page, const Page *before, const Page *after, gpointer user_data)
{
  Packer *packer = user_data;
  for (guint i = 0; i < PAGE_HASHES; i++)
    if (!hash_is_zero (&after->hashes[i]) &&
        memcmp (&before->hashes[i], &after->hashes[i], sizeof before->hashes[i]) != 0)
      runs_add (packer->runs, page << PAGE_SHIFT | i, 1);
  return TRUE;
}

static gboolean
find_differences (Packer *packer, guint32 base)
{
  const struct vmforge_content *contents;
  guint32 count;
  if (packer->call->host->exchange->contents (packer->call, &contents, &count) < 0)
    return FALSE;
  TreeWalk walk = {.call = packer->call,
                   .old = base,
                   .new = packer->content,
                   .old_bytes = base == VMFORGE_NO_CONTENT ? 0 : contents[base].bytes,
                   .new_bytes = contents[packer->content].bytes,
                   .page = add_page,
                   .user_data = packer};
  return tree_walk (&walk);
}

static gboolean
write_at (Packer *packer, const void *data, gsize length, guint64 offset)
{
  const guint8 *bytes = data;
  while (length > 0) {
    ssize_t count = pwrite (packer->output, bytes, length, (off_t)offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return cbt_fail (packer->call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot write a pack: %s",
                       count == 0 ? "nothing was written" : g_strerror (errno));
    bytes += count;
    length -= (gsize)count;
    offset += (guint64)count;
  }
  return TRUE;
}

/* Where it lies is decided when its length is known, so no window waits for another. */
static gboolean
pack_window (gpointer job, Room *room, gpointer user_data)
{
  Packer *packer = user_data;
  PackWindow *window = job;
  gsize length = runs_blocks (window->runs) * BLOCK, bound = ZSTD_compressBound (length);
  guint8 *plain = room_bytes (room, ROOM_PLAIN, length), *packed = room_bytes (room, ROOM_PACKED, bound);
  if (!runs_read (packer->call, packer->content, window->runs, plain))
    return FALSE;
  gsize size = ZSTD_compressCCtx (room_packer (room), packed, bound, plain, length, packer->level);
  if (ZSTD_isError (size))
    return cbt_fail (packer->call, VMFORGE_PLUGIN_FAILED, "zstd: %s", ZSTD_getErrorName (size));
  g_mutex_lock (&packer->lock);
  window->offset = packer->end;
  window->length = (guint32)size;
  packer->end += size;
  g_mutex_unlock (&packer->lock);
  return write_at (packer, packed, size, window->offset);
}

static void
put64 (guint8 *bytes, guint64 number)
{
  number = GUINT64_TO_LE (number);
  memcpy (bytes, &number, sizeof number);
}

static GByteArray *
make_table (const Packer *packer)
{
  GByteArray *table = g_byte_array_new ();
  for (guint i = 0; i < packer->windows->len; i++) {
    const PackWindow *window = &g_array_index (packer->windows, PackWindow, i);
    guint8 head[12];
    guint32 length = GUINT32_TO_LE (window->length);
    put64 (head, window->offset);
    memcpy (head + 8, &length, sizeof length);
    g_byte_array_append (table, head, sizeof head);
    runs_put (table, window->runs);
  }
  return table;
}

static gboolean
write_table (Packer *packer)
{
  g_autoptr (GByteArray) table = make_table (packer);
  guint8 header[PACK_HEADER];
  memcpy (header, PACK_MAGIC, sizeof PACK_MAGIC);
  put64 (header + 16, table->len);
  put64 (header + 24, packer->windows->len);
  cbt_sha256 (table->data, table->len, header + 32);
  return write_at (packer, header, sizeof header, 0) &&
         write_at (packer, table->data, table->len, PACK_HEADER);
}

static void
keep (gpointer job)
{
  (void)job; /* of the array */
}

static gboolean
write_windows (Packer *packer, guint threads)
{
  g_autoptr (GPtrArray) parts = runs_split (packer->runs, PACK_BLOCKS);
  packer->level = runs_blocks (packer->runs) <= SMALL_BLOCKS ? SMALL_LEVEL : LARGE_LEVEL;
  g_array_set_size (packer->windows, parts->len);
  for (guint i = 0; i < parts->len; i++)
    g_array_index (packer->windows, PackWindow, i).runs = g_ptr_array_index (parts, i);
  /* All numbers in it but those of the runs have a fixed length, so its length is known before they are. */
  g_autoptr (GByteArray) table = make_table (packer);
  packer->end = PACK_HEADER + table->len;
  g_autoptr (Crew) crew = crew_new (threads, pack_window, keep, packer);
  gboolean pushed = TRUE;
  for (guint i = 0; pushed && i < packer->windows->len; i++)
    pushed = !packer->call->host->cancelled (packer->call) &&
             crew_push (crew, &g_array_index (packer->windows, PackWindow, i));
  return crew_wait (crew) && pushed && write_table (packer);
}

int
cbt_pack (void *handle, Call *call, const struct vmforge_packing *packing)
{
  const Cbt *cbt = handle;
  Packer packer = {.call = call, .content = packing->content, .output = packing->output};
  g_mutex_init (&packer.lock);
  packer.runs = runs_new ();
  packer.windows = g_array_new (FALSE, TRUE, sizeof (PackWindow));
  gboolean done = find_differences (&packer, packing->base) && write_windows (&packer, cbt->threads);
  g_array_unref (packer.windows);
  g_array_unref (packer.runs);
  g_mutex_clear (&packer.lock);
  return done ? 0 : -1;
}
