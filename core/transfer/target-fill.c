/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What comes into a volume that is being received. */
#include "support/error.h"
#include "transfer/target-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Shorter runs are read and written: a reference costs an extent in both files. */
#define MIN_REFERENCE 16 /* blocks */
#define STEP_BLOCKS   VF_PAGE_HASHES

static gboolean
check_range (const VfTarget *target, guint64 block, guint64 count, GError **error)
{
  guint64 blocks = vf_block_count (target->bytes);
  if (target->writer != NULL && block < blocks && count <= blocks - block)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "the peer writes beyond the end of the disk");
}

/* Bytes of a run: the last block may be a part of one. */
static guint64
run_bytes (guint64 volume, guint64 block, guint64 count)
{
  return MIN (count * VF_BLOCK_BYTES, volume - block * VF_BLOCK_BYTES);
}

static gboolean
write_blocks (VfTarget *target, guint64 block, guint32 count, const void *data, GError **error)
{
  guint64 length = run_bytes (target->bytes, block, count), offset = block * VF_BLOCK_BYTES;
  if (!vf_target_take_room (target, length, error))
    return FALSE;
  for (guint64 done = 0; done < length;) {
    ssize_t step = pwrite (target->fd, (const guint8 *)data + done, length - done, (off_t)(offset + done));
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0)
      return vf_error_set_errno (error, "cannot write the volume of image %s", target->name);
    done += (guint64)step;
  }
  return TRUE;
}

/* Tells the index of blocks that lie in one page. */
static gboolean
note (VfTarget *target, guint64 block, guint count, const VfBlockHash *hashes, GError **error)
{
  return vf_block_writer_edit (target->writer, block >> VF_PAGE_SHIFT, block % VF_PAGE_HASHES, count, hashes,
                               error);
}

/* Blocks up to the end of the page that block is in. */
static guint
page_part (guint64 block, guint64 count)
{
  return (guint)MIN (count, VF_PAGE_HASHES - block % VF_PAGE_HASHES);
}

int
vf_target_has (VfTarget *target, guint64 block, const guint8 *hash, guint32 hash_bytes, GError **error)
{
  VfBlockPage page;
  if (!check_range (target, block, 1, error) ||
      !vf_block_writer_read (target->writer, block >> VF_PAGE_SHIFT, &page, error))
    return -1;
  return memcmp (&page.hashes[block % VF_PAGE_HASHES], hash, hash_bytes) == 0;
}

gboolean
vf_target_write (VfTarget *target, guint64 block, guint32 count, const void *data, GError **error)
{
  if (!check_range (target, block, count, error) || !write_blocks (target, block, count, data, error))
    return FALSE;
  for (guint done = 0; done < count;) {
    VfBlockHash hashes[VF_PAGE_HASHES];
    guint part = page_part (block + done, count - done);
    for (guint i = 0; i < part; i++)
      vf_block_hash ((const guint8 *)data + (gsize)(done + i) * VF_BLOCK_BYTES, &hashes[i]);
    if (!note (target, block + done, part, hashes, error))
      return FALSE;
    done += part;
  }
  __atomic_add_fetch (&target->own_blocks, count, __ATOMIC_RELAXED);
  return TRUE;
}

static gboolean
copy_by_hand (VfTarget *target, guint64 block, guint64 count, guint32 content, guint64 from, GError **error)
{
  g_autofree guint8 *room = g_malloc (STEP_BLOCKS * VF_BLOCK_BYTES);
  for (guint64 done = 0; done < count;) {
    guint step = (guint)MIN (count - done, STEP_BLOCKS);
    if (!vf_contents_read (target->contents, content, from + done, step, room, error) ||
        !write_blocks (target, block + done, step, room, error))
      return FALSE;
    done += step;
  }
  return TRUE;
}

static gboolean
copy_data (VfTarget *target, guint64 block, guint64 count, guint32 content, guint64 from, GError **error)
{
  if (count < MIN_REFERENCE)
    return copy_by_hand (target, block, count, content, from, error);
  int fd = vf_contents_volume (target->contents, content, error);
  if (fd < 0)
    return FALSE;
  guint64 length = run_bytes (target->bytes, block, count);
  off_t in = (off_t)(from * VF_BLOCK_BYTES), out = (off_t)(block * VF_BLOCK_BYTES);
  while (length > 0) {
    /* By reference where the filesystem can. */
    ssize_t step = copy_file_range (fd, &in, target->fd, &out, length, 0);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0 && errno == ENOSPC)
      return vf_error_set_errno (error, "cannot write the volume of image %s", target->name);
    if (step <= 0)
      return copy_by_hand (target, block, count, content, from, error);
    length -= (guint64)step;
  }
  return TRUE;
}

/* The hashes of a run of another content, page by page. */
static gboolean
copy_hashes (VfTarget *target, guint64 block, guint64 count, guint32 content, guint64 from, GError **error)
{
  VfBlockIndex *index = vf_contents_index (target->contents, content, error);
  VfBlockPage page;
  guint64 loaded = G_MAXUINT64;
  for (guint64 done = 0; index != NULL && done < count;) {
    VfBlockHash hashes[VF_PAGE_HASHES];
    guint part = page_part (block + done, count - done);
    for (guint i = 0; i < part; i++) {
      guint64 source = from + done + i;
      if (source >> VF_PAGE_SHIFT != loaded &&
          !vf_block_index_read_page (index, 0, source >> VF_PAGE_SHIFT, &page, error))
        return FALSE;
      loaded = source >> VF_PAGE_SHIFT;
      hashes[i] = page.hashes[source % VF_PAGE_HASHES];
    }
    if (!note (target, block + done, part, hashes, error))
      return FALSE;
    done += part;
  }
  return index != NULL;
}

gboolean
vf_target_copy (VfTarget *target, guint64 block, guint64 count, guint32 content, guint64 from, GError **error)
{
  guint32 contents;
  const struct vmforge_content *list = vf_contents_list (target->contents, &contents);
  if (!check_range (target, block, count, error))
    return FALSE;
  guint64 blocks = content < contents ? vf_block_count (list[content].bytes) : 0;
  if (from >= blocks || count > blocks - from)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the peer copies from where nothing is");
  return copy_data (target, block, count, content, from, error) &&
         copy_hashes (target, block, count, content, from, error);
}

static gboolean
write_zeros (VfTarget *target, guint64 block, guint64 count, GError **error)
{
  static const guint8 zeros[STEP_BLOCKS * VF_BLOCK_BYTES];
  guint64 length = run_bytes (target->bytes, block, count);
  if (fallocate (target->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(block * VF_BLOCK_BYTES),
                 (off_t)length) == 0)
    return TRUE;
  for (guint64 done = 0; done < count; done += STEP_BLOCKS)
    if (!write_blocks (target, block + done, (guint32)MIN (count - done, STEP_BLOCKS), zeros, error))
      return FALSE;
  return TRUE;
}

gboolean
vf_target_zero (VfTarget *target, guint64 block, guint64 count, GError **error)
{
  static const VfBlockHash none[VF_PAGE_HASHES];
  if (!check_range (target, block, count, error) || !write_zeros (target, block, count, error))
    return FALSE;
  for (guint64 done = 0; done < count;) {
    guint part = page_part (block + done, count - done);
    if (!note (target, block + done, part, none, error))
      return FALSE;
    done += part;
  }
  return TRUE;
}

/* Of one page: what the volume holds, whatever the index says. */
static gboolean
recheck_page (VfTarget *target, guint64 page, guint8 *room, GError **error)
{
  VfBlockHash hashes[VF_PAGE_HASHES];
  guint64 block = page << VF_PAGE_SHIFT;
  guint count = page_part (block, vf_block_count (target->bytes) - block);
  guint64 length = run_bytes (target->bytes, block, count);
  memset (room, 0, STEP_BLOCKS * VF_BLOCK_BYTES);
  for (guint64 done = 0; done < length;) {
    ssize_t step = pread (target->fd, room + done, length - done, (off_t)(block * VF_BLOCK_BYTES + done));
    if (step < 0 && errno == EINTR)
      continue;
    if (step <= 0)
      return vf_error_set_errno (error, "cannot read what was received");
    done += (guint64)step;
  }
  for (guint i = 0; i < count; i++)
    vf_block_hash (room + (gsize)i * VF_BLOCK_BYTES, &hashes[i]);
  return note (target, block, count, hashes, error);
}

gboolean
vf_target_recheck (VfTarget *target, GError **error)
{
  g_autofree guint8 *room = g_malloc (STEP_BLOCKS * VF_BLOCK_BYTES);
  for (guint64 page = vf_block_writer_next_set (target->writer, 0); page != G_MAXUINT64;
       page = vf_block_writer_next_set (target->writer, page + 1))
    if (!recheck_page (target, page, room, error))
      return FALSE;
  return TRUE;
}
