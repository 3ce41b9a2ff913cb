/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A volume against its index. */
#include "blocks/verify.h"

#include "support/error.h"

#include <string.h>
#include <unistd.h>

typedef struct {
  const VfBlockIndex *index;
  const VfBlockVolume *volume;
  const VfBlockWatcher *watcher;
  GArray *ranges; /* what is not zeros without a look */
  VfBlockTask task;
  guint64 stored; /* the first page of the index that is not taken yet */
  GMutex mutex;   /* of watcher */
} Verify;

static void
tell (Verify *verify, VfBlockFault fault)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&verify->mutex);
  fault.length = MIN (fault.length, verify->volume->bytes - fault.offset);
  verify->watcher->fault (&fault, verify->watcher->user_data);
}

static void
tell_progress (Verify *verify, guint64 page)
{
  const VfBlockWatcher *watcher = verify->watcher;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&verify->mutex);
  if (watcher->progress != NULL)
    watcher->progress ((double)page / (double)vf_block_pages (verify->volume->bytes, 0), watcher->user_data);
}

static void
tell_pages (Verify *verify, VfBlockFaultKind kind, guint64 first, guint64 end)
{
  tell (verify, (VfBlockFault){.kind = kind,
                               .offset = first * VF_BLOCK_BUFFER,
                               .length = (end - first) * VF_BLOCK_BUFFER});
}

/* Pages with data in the volume, and pages that the index has, which must not be where the volume has
 * holes. */
static gboolean
next_task (VfBlockTask *task, gpointer user_data, GError **error)
{
  Verify *verify = user_data;
  vf_block_ranges_find (verify->ranges, &verify->task);
  for (guint64 first = verify->stored; verify->stored != G_MAXUINT64; first = verify->stored) {
    if (vf_block_index_next_page (verify->index, &verify->stored, NULL))
      break;
    tell_pages (verify, VF_BLOCK_FAULT_UNKNOWN, first, verify->stored);
  }
  *task = verify->task;
  task->page = MIN (task->page, verify->stored);
  if (task->page == G_MAXUINT64)
    return FALSE;
  if (verify->task.page == task->page)
    verify->task.page++;
  if (verify->stored == task->page)
    verify->stored++;
  tell_progress (verify, task->page);
  return TRUE;
}

static void
compare (Verify *verify, guint64 page, const VfBlockPage *index, const VfBlockPage *volume)
{
  guint64 base = page << VF_PAGE_SHIFT;
  guint count = (guint)MIN (vf_block_count (verify->volume->bytes) - base, VF_PAGE_HASHES);
  for (guint i = 0; i < count; i++) {
    guint first = i;
    while (i < count && memcmp (&index->hashes[i], &volume->hashes[i], VF_HASH_BYTES) != 0)
      i++;
    if (i > first)
      tell (verify, (VfBlockFault){.kind = VF_BLOCK_FAULT_DIFFERENT,
                                   .offset = (base + first) * VF_BLOCK_BYTES,
                                   .length = (guint64)(i - first) * VF_BLOCK_BYTES});
  }
}

static gboolean
check_page (const VfBlockTask *task, guint8 *buffer, gpointer user_data, GError **error)
{
  Verify *verify = user_data;
  VfBlockPage index, volume = {0};
  if (!vf_block_index_read_page (verify->index, 0, task->page, &index, NULL))
    tell_pages (verify, VF_BLOCK_FAULT_UNKNOWN, task->page, task->page + 1);
  else if (!vf_block_volume_hash (verify->volume, verify->ranges, task, buffer, &volume, NULL))
    tell_pages (verify, VF_BLOCK_FAULT_UNREADABLE, task->page, task->page + 1);
  else
    compare (verify, task->page, &index, &volume);
  return TRUE;
}

static gboolean
check_size (const VfBlockIndex *index, const VfBlockVolume *volume, GError **error)
{
  off_t end = lseek (volume->fd, 0, SEEK_END); /* of a device as well */
  guint64 wanted = vf_block_index_get_bytes (index);
  if (end < 0)
    return vf_error_set_errno (error, "cannot ask for the size of the volume");
  if ((guint64)end == wanted && volume->bytes == wanted)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "the volume has %" G_GUINT64_FORMAT " bytes, its block index is of %" G_GUINT64_FORMAT,
                       (guint64)end == wanted ? volume->bytes : (guint64)end, wanted);
}

gboolean
vf_block_index_verify_volume (const VfBlockIndex *index, const VfBlockVolume *volume, GArray *extents,
                              guint threads, const VfBlockWatcher *watcher, GCancellable *cancellable,
                              GError **error)
{
  static const VfBlockCrew crew = {.next = next_task, .work = check_page};
  if (!check_size (index, volume, error))
    return FALSE;
  g_autoptr (GArray) ranges = vf_block_ranges_new (volume->bytes, extents, NULL);
  Verify verify = {.index = index, .volume = volume, .watcher = watcher, .ranges = ranges};
  vf_block_ranges_drop_zeros (ranges, 0);
  g_mutex_init (&verify.mutex);
  gboolean done = vf_block_crew_run (&crew, &verify, threads, cancellable, error);
  g_mutex_clear (&verify.mutex);
  return done;
}
