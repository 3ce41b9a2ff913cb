/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Blocks that came, to their places: each has the hash that the index says, or the fetch fails. */
#include "fetch.h"

#include <string.h>

void
fetch_job_free (gpointer data)
{
  FetchJob *job = data;
  g_clear_pointer (&job->bytes, g_byte_array_unref);
  g_array_unref (job->wanted);
  g_free (job);
}

/* Where a block is in the window, unpacked; in blocks. */
static guint64
place_of (const FetchJob *job, guint64 block)
{
  guint64 place = 0;
  if (job->window == NULL)
    return block - job->block;
  for (guint i = 0; i < job->window->runs->len; i++) {
    const Run *run = &g_array_index (job->window->runs, Run, i);
    if (block >= run->block && block < run->block + run->count)
      return place + block - run->block;
    place += run->count;
  }
  g_assert_not_reached (); /* it was found there */
}

static gboolean
check (const FetchJob *job, guint first, guint count)
{
  const Fetcher *fetcher = job->fetcher;
  for (guint i = first; i < first + count; i++) {
    const Wanted *wanted = &g_array_index (job->wanted, Wanted, i);
    int has = fetcher->exchange->target_has (fetcher->call, wanted->block, wanted->hash.bytes, HASH);
    if (has < 0)
      return FALSE;
    if (has == 0)
      return cbt_fail (fetcher->call, VMFORGE_PLUGIN_FAILED,
                       "'%s' of the repository does not have what the index of the image says", job->path);
  }
  return TRUE;
}

/* Runs of blocks that lie one behind the other here and there. */
static gboolean
write_wanted (const FetchJob *job, const guint8 *plain)
{
  const Fetcher *fetcher = job->fetcher;
  for (guint i = 0; i < job->wanted->len;) {
    guint64 block = g_array_index (job->wanted, Wanted, i).block, place = place_of (job, block);
    guint count = 1;
    while (i + count < job->wanted->len &&
           g_array_index (job->wanted, Wanted, i + count).block == block + count)
      count++;
    if (fetcher->exchange->target_write (fetcher->call, block, count, plain + place * BLOCK) < 0 ||
        !check (job, i, count))
      return FALSE;
    i += count;
  }
  return TRUE;
}

static gboolean
unpack (const FetchJob *job, guint8 *room)
{
  const guint8 *bytes = job->bytes->data + job->offset;
  if (job->window == NULL) {
    memcpy (room, bytes, job->length);
    /* The end of the last block of a disk. */
    memset (room + job->length, 0, (BLOCK - job->length % BLOCK) % BLOCK);
    return TRUE;
  }
  return pack_window_unpack (job->window, bytes, room) ||
         cbt_fail (job->fetcher->call, VMFORGE_PLUGIN_FAILED, "'%s' of the repository is damaged", job->path);
}

gboolean
fetch_job (gpointer data, Room *room, gpointer user_data)
{
  FetchJob *job = data;
  Fetcher *fetcher = user_data;
  guint8 *plain = room_bytes (room, ROOM_PLAIN, PACK_BLOCKS * BLOCK);
  gboolean done = unpack (job, plain) && write_wanted (job, plain);
  if (done)
    __atomic_add_fetch (&fetcher->moved, (gint64)job->wanted->len * BLOCK, __ATOMIC_RELAXED);
  fetch_job_free (job);
  return done;
}
