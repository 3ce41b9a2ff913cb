/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/tasks.h"

#include "support/error.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* More are of no use to one disk. */
#define MAX_THREADS 16

typedef gboolean (*IsWanted) (const VfExtent *extent);

static gboolean
is_data (const VfExtent *extent)
{
  return extent->state != VMFORGE_EXTENT_HOLE;
}

static gboolean
is_changed (const VfExtent *extent)
{
  return extent->state != VMFORGE_EXTENT_SAME;
}

/* The blocks that wanted extents touch, without overlaps; NULL: all blocks. */
static GArray *
select_blocks (guint64 bytes, const GArray *extents, IsWanted wanted)
{
  GArray *ranges = g_array_new (FALSE, FALSE, sizeof (VfBlockRange));
  const VfExtent whole = {0, bytes, VMFORGE_EXTENT_DATA};
  for (guint i = 0; i < (extents == NULL ? 1 : extents->len); i++) {
    const VfExtent *extent = extents == NULL ? &whole : &g_array_index (extents, VfExtent, i);
    guint64 end = MIN (extent->offset + extent->length, bytes);
    if (!wanted (extent) || extent->offset >= end)
      continue;
    VfBlockRange range = {extent->offset / VF_BLOCK_BYTES, vf_block_count (end), FALSE};
    VfBlockRange *last = ranges->len == 0 ? NULL : &g_array_index (ranges, VfBlockRange, ranges->len - 1);
    if (last != NULL && range.first <= last->end)
      last->end = MAX (last->end, range.end);
    else
      g_array_append_val (ranges, range);
  }
  return ranges;
}

static void
append (GArray *ranges, guint64 first, guint64 end, gboolean zero)
{
  VfBlockRange range = {first, end, zero};
  if (first < end)
    g_array_append_val (ranges, range);
}

GArray *
vf_block_ranges_new (guint64 bytes, GArray *extents, GArray *differences)
{
  g_autoptr (GArray) data = select_blocks (bytes, extents, is_data);
  g_autoptr (GArray) changed = select_blocks (bytes, differences, is_changed);
  GArray *ranges = g_array_new (FALSE, FALSE, sizeof (VfBlockRange));
  for (guint i = 0, j = 0; i < changed->len; i++) {
    const VfBlockRange *range = &g_array_index (changed, VfBlockRange, i);
    guint64 done = range->first;
    while (done < range->end) {
      while (j < data->len && g_array_index (data, VfBlockRange, j).end <= done)
        j++;
      const VfBlockRange *next = j < data->len ? &g_array_index (data, VfBlockRange, j) : NULL;
      guint64 start = next == NULL ? range->end : CLAMP (next->first, done, range->end);
      guint64 end = next == NULL ? range->end : CLAMP (next->end, start, range->end);
      append (ranges, done, start, TRUE);
      append (ranges, start, end, FALSE);
      done = end;
    }
  }
  return ranges;
}

void
vf_block_ranges_drop_zeros (GArray *ranges, guint64 end)
{
  guint kept = 0;
  for (guint i = 0; i < ranges->len; i++) {
    VfBlockRange range = g_array_index (ranges, VfBlockRange, i);
    if (range.zero)
      range.end = MIN (range.end, end);
    if (range.first < range.end)
      g_array_index (ranges, VfBlockRange, kept++) = range;
  }
  g_array_set_size (ranges, kept);
}

guint64
vf_block_ranges_count_data (const GArray *ranges)
{
  guint64 count = 0;
  for (guint i = 0; i < ranges->len; i++) {
    const VfBlockRange *range = &g_array_index (ranges, VfBlockRange, i);
    count += range->zero ? 0 : range->end - range->first;
  }
  return count;
}

void
vf_block_ranges_find (const GArray *ranges, VfBlockTask *task)
{
  guint64 block = task->page << VF_PAGE_SHIFT;
  while (task->first < ranges->len && g_array_index (ranges, VfBlockRange, task->first).end <= block)
    task->first++;
  if (task->first == ranges->len)
    task->page = G_MAXUINT64;
  else
    task->page = MAX (task->page, g_array_index (ranges, VfBlockRange, task->first).first >> VF_PAGE_SHIFT);
}

/* What is behind the end of the volume counts as zeros. */
static gboolean
read_blocks (const VfBlockVolume *volume, guint64 first, guint64 end, guint8 *buffer, GError **error)
{
  guint64 offset = first * VF_BLOCK_BYTES;
  gsize length = (gsize)(MIN (end * VF_BLOCK_BYTES, volume->bytes) - offset);
  for (gsize done = 0; done < length;) {
    ssize_t step = pread (volume->fd, buffer + done, length - done, (off_t)(offset + done));
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0)
      return vf_error_set_errno (error, "cannot read the volume at byte %" G_GUINT64_FORMAT, offset + done);
    if (step == 0)
      return vf_error_set (error, VMFORGE_ERROR_FAILED,
                           "the volume ends at byte %" G_GUINT64_FORMAT ", not %" G_GUINT64_FORMAT,
                           offset + done, volume->bytes);
    done += (gsize)step;
  }
  memset (buffer + length, 0, (gsize)((end - first) * VF_BLOCK_BYTES) - length);
  return TRUE;
}

gboolean
vf_block_volume_hash (const VfBlockVolume *volume, const GArray *ranges, const VfBlockTask *task,
                      guint8 *buffer, VfBlockPage *page, GError **error)
{
  guint64 base = task->page << VF_PAGE_SHIFT, stop = base + VF_PAGE_HASHES;
  for (guint i = task->first; i < ranges->len; i++) {
    const VfBlockRange *range = &g_array_index (ranges, VfBlockRange, i);
    guint64 first = MAX (range->first, base), end = MIN (range->end, stop);
    if (range->first >= stop)
      break;
    if (first >= end)
      continue;
    if (!range->zero && !read_blocks (volume, first, end, buffer, error))
      return FALSE;
    for (guint64 block = first; block < end; block++) {
      VfBlockHash *hash = &page->hashes[block - base];
      if (range->zero)
        memset (hash, 0, sizeof *hash);
      else
        vf_block_hash (buffer + (block - first) * VF_BLOCK_BYTES, hash);
    }
  }
  return TRUE;
}

typedef struct {
  const VfBlockCrew *crew;
  gpointer user_data;
  GCancellable *cancellable;
  GMutex mutex; /* of next, and of failure */
  GError *failure;
} Run;

static gboolean
take (Run *run, VfBlockTask *task)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&run->mutex);
  return run->failure == NULL && !vf_error_set_if_cancelled (run->cancellable, &run->failure) &&
         run->crew->next (task, run->user_data, &run->failure);
}

static gpointer
work (gpointer data)
{
  Run *run = data;
  g_autofree guint8 *buffer = g_malloc (VF_BLOCK_BUFFER);
  VfBlockTask task;
  while (take (run, &task)) {
    g_autoptr (GError) failure = NULL;
    if (run->crew->work (&task, buffer, run->user_data, &failure))
      continue;
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&run->mutex);
    if (run->failure == NULL)
      run->failure = g_steal_pointer (&failure);
  }
  return NULL;
}

/* Threads of our own and not of a GThreadPool, whose idle ones would outlive this call and be missing after a
 * fork. */
gboolean
vf_block_crew_run (const VfBlockCrew *crew, gpointer user_data, guint threads, GCancellable *cancellable,
                   GError **error)
{
  Run run = {.crew = crew, .user_data = user_data, .cancellable = cancellable};
  GThread *helpers[MAX_THREADS] = {NULL};
  if (threads == 0)
    threads = g_get_num_processors ();
  g_mutex_init (&run.mutex);
  /* This thread is one of them, and enough where the machine has no other to give. */
  for (guint i = 0; i + 1 < MIN (threads, MAX_THREADS); i++)
    helpers[i] = g_thread_try_new ("vmforge-index", work, &run, NULL);
  work (&run);
  for (guint i = 0; i < MAX_THREADS; i++)
    if (helpers[i] != NULL)
      g_thread_join (helpers[i]);
  g_mutex_clear (&run.mutex);
  if (run.failure == NULL)
    return TRUE;
  g_propagate_error (error, run.failure);
  return FALSE;
}
