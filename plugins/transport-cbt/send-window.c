/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Blocks that travel, some megabytes at once: compressed with what the base has where the image has something
 * else, as the text that comes before. That is the old version of what was changed in its place, and of files
 * that were written anew elsewhere. */
#include "send.h"

#include <string.h>

#define LEVEL 3 /* 4 to 6 take 1.2, 1.5, 1.6 times as long and save 1, 4, 6 % (docs/performance.md) */

typedef struct {
  GArray *runs;   /* Run: the blocks */
  GArray *prefix; /* Run: of the base */
} Window;

void
window_free (gpointer data)
{
  Window *window = data;
  g_array_unref (window->runs);
  g_array_unref (window->prefix);
  g_free (window);
}

static gsize
compress (ZSTD_CCtx *context, const guint8 *plain, gsize length, const guint8 *prefix, gsize prefix_length,
          guint8 *packed, gsize packed_length)
{
  ZSTD_CCtx_setParameter (context, ZSTD_c_compressionLevel, LEVEL);
  if (prefix_length > 0) {
    ZSTD_CCtx_setParameter (context, ZSTD_c_windowLog, WINDOW_LOG);
    ZSTD_CCtx_setParameter (context, ZSTD_c_enableLongDistanceMatching, 1);
    ZSTD_CCtx_refPrefix (context, prefix, prefix_length);
  }
  return ZSTD_compress2 (context, packed, packed_length, plain, length);
}

static gboolean
send_packed (Sender *sender, const Window *window, gsize plain, const guint8 *packed, gsize length)
{
  g_autoptr (GByteArray) head = g_byte_array_new ();
  runs_put (head, window->runs);
  runs_put (head, window->prefix);
  if (!wire_write2 (&sender->wire, FRAME_DATA, head->data, head->len, packed, length))
    return FALSE;
  g_mutex_lock (&sender->lock);
  sender->figures.index_bytes += head->len;
  sender->figures.moved_bytes += plain;
  g_mutex_unlock (&sender->lock);
  send_tell (sender);
  return TRUE;
}

gboolean
window_send (gpointer job, Room *room, gpointer data)
{
  Sender *sender = data;
  Window *window = job;
  gsize length = runs_blocks (window->runs) * BLOCK, prefix_length = runs_blocks (window->prefix) * BLOCK;
  gsize bound = ZSTD_compressBound (length);
  guint8 *plain = room_bytes (room, ROOM_PLAIN, length), *packed = room_bytes (room, ROOM_PACKED, bound),
         *prefix = room_bytes (room, ROOM_PREFIX, prefix_length);
  gboolean done = runs_read (sender->call, sender->content, window->runs, plain) &&
                  runs_read (sender->call, sender->base, window->prefix, prefix);
  if (done) {
    gsize size = compress (room_packer (room), plain, length, prefix, prefix_length, packed, bound);
    done = ZSTD_isError (size) ? cbt_fail (sender->call, VMFORGE_PLUGIN_FAILED, "cannot compress: %s",
                                           ZSTD_getErrorName (size))
                               : send_packed (sender, window, length, packed, size);
  }
  window_free (window);
  return done;
}

/* Parts of ascending runs that lie in [first, end), as many blocks as `most`. */
static void
take_runs (const GArray *from, guint64 first, guint64 end, guint64 most, GArray *to)
{
  for (guint i = 0; i < from->len && most > 0; i++) {
    const Run *run = &g_array_index (from, Run, i);
    guint64 begins = MAX (run->block, first), ends = MIN (run->block + run->count, end);
    if (begins >= ends)
      continue;
    guint64 count = MIN (ends - begins, most);
    runs_add (to, begins, count);
    most -= count;
  }
}

/* All of it where that is little, else what is near to the window. Ascending. */
static GArray *
choose_prefix (const Sender *sender, const GArray *runs)
{
  GArray *prefix = runs_new ();
  const Run *last = &g_array_index (runs, Run, runs->len - 1);
  guint64 first = g_array_index (runs, Run, 0).block, end = last->block + last->count;
  take_runs (sender->replaced, first, end, PREFIX_BLOCKS, prefix);
  take_runs (sender->replaced, end, G_MAXUINT64, PREFIX_BLOCKS - runs_blocks (prefix), prefix);
  take_runs (sender->replaced, 0, first, PREFIX_BLOCKS - runs_blocks (prefix), prefix);
  runs_sort (prefix);
  return prefix;
}

static gboolean
push (Sender *sender, GArray *runs)
{
  Window *window = g_new0 (Window, 1);
  window->runs = runs;
  window->prefix = choose_prefix (sender, runs);
  return crew_push (sender->crew, window);
}

gboolean
send_windows (Sender *sender)
{
  g_autoptr (GPtrArray) parts = runs_split (sender->wanted, WINDOW_BLOCKS);
  gboolean done = TRUE;
  while (done && parts->len > 0)
    done = push (sender, g_ptr_array_steal_index (parts, 0));
  g_array_set_size (sender->wanted, 0);
  g_array_set_size (sender->replaced, 0);
  return done;
}
