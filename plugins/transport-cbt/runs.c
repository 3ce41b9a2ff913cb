/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "runs.h"

GArray *
runs_new (void)
{
  return g_array_new (FALSE, FALSE, sizeof (Run));
}

void
runs_add (GArray *runs, guint64 block, guint64 count)
{
  Run *last = runs->len == 0 ? NULL : &g_array_index (runs, Run, runs->len - 1);
  Run run = {block, count};
  if (last != NULL && last->block + last->count == block)
    last->count += count;
  else
    g_array_append_val (runs, run);
}

guint64
runs_blocks (const GArray *runs)
{
  guint64 blocks = 0;
  for (guint i = 0; i < runs->len; i++)
    blocks += g_array_index (runs, Run, i).count;
  return blocks;
}

static int
compare_runs (gconstpointer a, gconstpointer b)
{
  const Run *x = a, *y = b;
  return (x->block > y->block) - (x->block < y->block);
}

void
runs_sort (GArray *runs)
{
  g_array_sort (runs, compare_runs);
}

GPtrArray *
runs_split (const GArray *runs, guint64 most)
{
  GPtrArray *parts = g_ptr_array_new_with_free_func ((GDestroyNotify)g_array_unref);
  guint64 left = 0; /* of the last part */
  for (guint i = 0; i < runs->len; i++) {
    Run run = g_array_index (runs, Run, i);
    while (run.count > 0) {
      if (left == 0) {
        g_ptr_array_add (parts, runs_new ());
        left = most;
      }
      guint64 count = MIN (run.count, left);
      runs_add (g_ptr_array_index (parts, parts->len - 1), run.block, count);
      run.block += count;
      run.count -= count;
      left -= count;
    }
  }
  return parts;
}

gboolean
runs_read (Call *call, guint32 content, const GArray *runs, guint8 *room)
{
  for (guint i = 0; i < runs->len; i++) {
    const Run *run = &g_array_index (runs, Run, i);
    if (call->host->exchange->read_blocks (call, content, run->block, (guint32)run->count, room) < 0)
      return FALSE;
    room += run->count * BLOCK;
  }
  return TRUE;
}

void
number_put (GByteArray *bytes, guint64 number)
{
  guint8 room[10];
  guint length = 0;
  do {
    room[length] = (guint8)(number & 0x7f);
    number >>= 7;
    room[length++] |= number > 0 ? 0x80 : 0;
  } while (number > 0);
  g_byte_array_append (bytes, room, length);
}

void
runs_put (GByteArray *bytes, const GArray *runs)
{
  guint64 next = 0;
  number_put (bytes, runs->len);
  for (guint i = 0; i < runs->len; i++) {
    const Run *run = &g_array_index (runs, Run, i);
    number_put (bytes, run->block - next);
    number_put (bytes, run->count);
    next = run->block + run->count;
  }
}

gboolean
number_get (Bytes *bytes, guint64 *number)
{
  guint64 value = 0;
  for (guint shift = 0; shift < 64 && bytes->length > 0; shift += 7) {
    guint8 byte = *bytes->data++;
    bytes->length--;
    if (shift == 63 && byte > 1)
      return FALSE;
    value |= (guint64)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *number = value;
      return TRUE;
    }
  }
  return FALSE;
}

GArray *
runs_get (Bytes *bytes, guint64 blocks, guint64 most)
{
  return runs_get_few (bytes, blocks, most, most);
}

GArray *
runs_get_few (Bytes *bytes, guint64 blocks, guint64 most, guint64 most_runs)
{
  guint64 count, next = 0, sum = 0;
  /* A run takes two bytes at least. */
  if (!number_get (bytes, &count) || count > bytes->length / 2 || count > most_runs)
    return NULL;
  g_autoptr (GArray) runs = runs_new ();
  for (guint64 i = 0; i < count; i++) {
    Run run;
    if (!number_get (bytes, &run.block) || !number_get (bytes, &run.count) || run.block > blocks - next)
      return NULL;
    run.block += next;
    if (run.count == 0 || run.count > blocks - run.block || run.count > most - sum)
      return NULL;
    next = run.block + run.count;
    sum += run.count;
    g_array_append_val (runs, run);
  }
  return g_steal_pointer (&runs);
}

const guint8 *
bytes_get (Bytes *bytes, gsize length)
{
  const guint8 *data = bytes->data;
  if (length > bytes->length)
    return NULL;
  bytes->data += length;
  bytes->length -= length;
  return data;
}
