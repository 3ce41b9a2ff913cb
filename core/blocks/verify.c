/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The index itself. */
#include "blocks/verify.h"

#include "support/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Of reading what should be zeros. */
#define STEP_BYTES 65536

typedef struct {
  const VfBlockIndex *index;
  const VfBlockWatcher *watcher;
  GCancellable *cancellable;
  off_t end; /* of the file */
} Verify;

char *
vf_block_fault_text (const VfBlockFault *fault)
{
  static const char *const volume_texts[] = {
      [VF_BLOCK_FAULT_DIFFERENT] = "are not those of its block index",
      [VF_BLOCK_FAULT_UNREADABLE] = "cannot be read",
      [VF_BLOCK_FAULT_UNKNOWN] = "cannot be checked: its block index is damaged",
  };
  guint64 last = fault->offset + MAX (fault->length, 1) - 1;
  if (fault->kind == VF_BLOCK_FAULT_STRAY)
    return g_strdup_printf ("bytes %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                            " of the block index should be zeros",
                            fault->offset, last);
  if (fault->kind == VF_BLOCK_FAULT_PAGE)
    return g_strdup_printf ("page %" G_GUINT64_FORMAT
                            " of level %u of the block index is damaged (bytes %" G_GUINT64_FORMAT
                            " to %" G_GUINT64_FORMAT " of the volume)",
                            fault->page, fault->level, fault->offset, last);
  return g_strdup_printf ("blocks %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " (bytes %" G_GUINT64_FORMAT
                          " to %" G_GUINT64_FORMAT ") of the volume %s",
                          fault->offset / VF_BLOCK_BYTES, last / VF_BLOCK_BYTES, fault->offset, last,
                          volume_texts[fault->kind]);
}

static void
tell_page (const Verify *verify, guint level, guint64 page)
{
  guint64 bytes = vf_block_index_get_bytes (verify->index);
  guint shift = VF_PAGE_SHIFT * (level + 1);
  VfBlockFault fault = {
      .kind = VF_BLOCK_FAULT_PAGE, .offset = (page << shift) * VF_BLOCK_BYTES, .level = level, .page = page};
  fault.length = MIN ((G_GUINT64_CONSTANT (1) << shift) * VF_BLOCK_BYTES, bytes - fault.offset);
  verify->watcher->fault (&fault, verify->watcher->user_data);
}

/* Tells the stray bytes of a part of the file that holds data. */
static gboolean
check_data (const Verify *verify, off_t start, off_t end, GError **error)
{
  guint8 buffer[STEP_BYTES];
  int fd = vf_block_index_get_fd (verify->index);
  while (start < end) {
    ssize_t step = pread (fd, buffer, (gsize)MIN (end - start, STEP_BYTES), start);
    if (step < 0 && errno == EINTR)
      continue;
    if (step <= 0)
      return step == 0 || vf_error_set_errno (error, "cannot read the block index");
    if (vf_error_set_if_cancelled (verify->cancellable, error))
      return FALSE;
    VfBlockFault fault = {VF_BLOCK_FAULT_STRAY, (guint64)start, (guint64)step, 0, 0};
    if (!vf_block_is_zero (buffer, (gsize)step))
      verify->watcher->fault (&fault, verify->watcher->user_data);
    start += step;
  }
  return TRUE;
}

/* A part of the file that nothing refers to. Holes of any size cost nothing. */
static gboolean
check_zeros (const Verify *verify, off_t start, off_t end, GError **error)
{
  int fd = vf_block_index_get_fd (verify->index);
  end = MIN (end, verify->end);
  while (start < end) {
    off_t data = lseek (fd, start, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
      return TRUE;
    off_t hole = data < 0 ? -1 : lseek (fd, data, SEEK_HOLE);
    if (data < 0)
      data = start; /* no holes are known here */
    hole = hole < 0 ? end : MIN (hole, end);
    if (!check_data (verify, data, hole, error))
      return FALSE;
    start = MAX (data, hole);
  }
  return TRUE;
}

static gboolean check_tree (const Verify *verify, guint level, guint64 page, const VfBlockHash *hash,
                            GError **error);

/* Entries behind the end of the volume are for nothing. */
static gboolean
check_entries (const Verify *verify, guint level, guint64 page, const VfBlockPage *data, GError **error)
{
  guint64 bytes = vf_block_index_get_bytes (verify->index);
  guint64 first = page << VF_PAGE_SHIFT;
  guint64 count = level == 0 ? vf_block_count (bytes) : vf_block_pages (bytes, level - 1);
  for (guint i = 0; i < VF_PAGE_HASHES; i++) {
    gboolean inside = first + i < count;
    if (!inside && !vf_block_is_zero (&data->hashes[i], VF_HASH_BYTES)) {
      off_t offset = vf_block_page_offset (level, page) + (off_t)(i * VF_HASH_BYTES);
      VfBlockFault fault = {VF_BLOCK_FAULT_STRAY, (guint64)offset, VF_HASH_BYTES, 0, 0};
      verify->watcher->fault (&fault, verify->watcher->user_data);
    }
    if (inside && level > 0 && !check_tree (verify, level - 1, first + i, &data->hashes[i], error))
      return FALSE;
  }
  return TRUE;
}

/* Depth is at most VF_BLOCK_INDEX_LEVELS. */
static gboolean
check_tree (const Verify *verify, guint level, guint64 page, const VfBlockHash *hash, GError **error)
{
  VfBlockPage data;
  off_t start = vf_block_page_offset (level, page);
  if (vf_error_set_if_cancelled (verify->cancellable, error))
    return FALSE;
  if (verify->watcher->progress != NULL && level == 0 && page % VF_PAGE_HASHES == 0)
    verify->watcher->progress ((double)start / (double)verify->end, verify->watcher->user_data);
  if (vf_block_is_zero (hash, sizeof *hash))
    return check_zeros (verify, start, start + vf_block_tree_bytes (level), error);
  if (vf_block_index_read_known (verify->index, level, page, hash, &data, NULL))
    return check_entries (verify, level, page, &data, error);
  tell_page (verify, level, page);
  return TRUE;
}

gboolean
vf_block_index_verify (const VfBlockIndex *index, const VfBlockWatcher *watcher, GCancellable *cancellable,
                       GError **error)
{
  const VfBlockHeader *header = vf_block_index_get_header (index);
  off_t top = vf_block_page_offset (header->depth - 1, 0);
  Verify verify = {
      .index = index,
      .watcher = watcher,
      .cancellable = cancellable,
      .end = vf_block_index_bytes (header->bytes),
  };
  return check_zeros (&verify, VF_BLOCK_HEADER_BYTES, top, error) &&
         check_tree (&verify, header->depth - 1, 0, &header->top, error);
}
