/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/index.h"

#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct _VfBlockIndex {
  int fd;
  char *path;
  char *root;
  VfBlockHeader header;
  VfPageCache *cache; /* NULL: none */
};

static gboolean
read_exactly (const VfBlockIndex *index, void *room, gsize length, off_t offset, GError **error)
{
  for (gsize done = 0; done < length;) {
    ssize_t step = pread (index->fd, (guint8 *)room + done, length - done, offset + (off_t)done);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0)
      return vf_error_set_errno (error, "cannot read the block index '%s'", index->path);
    if (step == 0)
      return vf_error_set (error, VMFORGE_ERROR_FAILED, "the block index '%s' is cut off", index->path);
    done += (gsize)step;
  }
  return TRUE;
}

/* The size is a function of the header, so nothing that is read later can lie outside. */
static gboolean
read_header (VfBlockIndex *index, const char *root, GError **error)
{
  guint8 bytes[VF_BLOCK_HEADER_BYTES];
  struct stat info;
  if (!read_exactly (index, bytes, sizeof bytes, 0, error))
    return FALSE;
  if (!vf_block_header_read (bytes, &index->header, error)) {
    g_prefix_error (error, "the block index '%s' is damaged: ", index->path);
    return FALSE;
  }
  if (fstat (index->fd, &info) < 0)
    return vf_error_set_errno (error, "cannot look at the block index '%s'", index->path);
  off_t wanted = vf_block_index_bytes (index->header.bytes);
  if (!S_ISREG (info.st_mode) || info.st_size != wanted)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the block index '%s' is damaged: it has %" G_GOFFSET_FORMAT
                         " bytes, not %" G_GOFFSET_FORMAT,
                         index->path, (goffset)info.st_size, (goffset)wanted);
  index->root = vf_block_header_root (&index->header);
  if (root != NULL && strcmp (root, index->root) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the block index '%s' has the root %s, its record says %s", index->path, index->root,
                         root);
  return TRUE;
}

VfBlockIndex *
vf_block_index_open (int dirfd, const char *path, const char *root, GError **error)
{
  g_autoptr (VfBlockIndex) index = g_new0 (VfBlockIndex, 1);
  index->path = g_strdup (path);
  index->fd = openat (dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (index->fd < 0) {
    vf_error_set_errno (error, "cannot open the block index '%s'", path);
    return NULL;
  }
  return read_header (index, root, error) ? g_steal_pointer (&index) : NULL;
}

void
vf_block_index_close (VfBlockIndex *index)
{
  if (index == NULL)
    return;
  vf_fd_clear (&index->fd);
  g_free (index->path);
  g_free (index->root);
  g_free (index);
}

guint64
vf_block_index_get_bytes (const VfBlockIndex *index)
{
  return index->header.bytes;
}

const char *
vf_block_index_get_root (const VfBlockIndex *index)
{
  return index->root;
}

const VfBlockHeader *
vf_block_index_get_header (const VfBlockIndex *index)
{
  return &index->header;
}

int
vf_block_index_get_fd (const VfBlockIndex *index)
{
  return index->fd;
}

void
vf_block_index_set_cache (VfBlockIndex *index, VfPageCache *cache)
{
  index->cache = cache;
}

gboolean
vf_block_index_read_known (const VfBlockIndex *index, guint level, guint64 page, const VfBlockHash *hash,
                           VfBlockPage *room, GError **error)
{
  VfBlockHash got;
  if (vf_block_is_zero (hash, sizeof *hash)) { /* not stored */
    memset (room, 0, sizeof *room);
    return TRUE;
  }
  if (index->cache != NULL && vf_page_cache_get (index->cache, hash, room))
    return TRUE;
  if (!read_exactly (index, room, sizeof *room, vf_block_page_offset (level, page), error))
    return FALSE;
  vf_block_hash (room, &got);
  if (memcmp (&got, hash, sizeof got) == 0) {
    if (index->cache != NULL)
      vf_page_cache_put (index->cache, hash, room);
    return TRUE;
  }
  return vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "the block index '%s' is damaged: page %" G_GUINT64_FORMAT
                       " of level %u is not what the page above says",
                       index->path, page, level);
}

gboolean
vf_block_index_read_page (const VfBlockIndex *index, guint level, guint64 page, VfBlockPage *room,
                          GError **error)
{
  VfBlockHash hash = index->header.top;
  if (level >= index->header.depth || page >= vf_block_pages (index->header.bytes, level)) {
    memset (room, 0, sizeof *room);
    return TRUE;
  }
  for (guint at = index->header.depth - 1; at > level; at--) {
    guint64 child = page >> (VF_PAGE_SHIFT * (at - 1 - level));
    if (!vf_block_index_read_known (index, at, child >> VF_PAGE_SHIFT, &hash, room, error))
      return FALSE;
    hash = room->hashes[child % VF_PAGE_HASHES];
  }
  return vf_block_index_read_known (index, level, page, &hash, room, error);
}

gboolean
vf_block_index_lookup (const VfBlockIndex *index, guint64 block, VfBlockHash *hash, GError **error)
{
  VfBlockPage page;
  if (!vf_block_index_read_page (index, 0, block >> VF_PAGE_SHIFT, &page, error))
    return FALSE;
  *hash = page.hashes[block % VF_PAGE_HASHES];
  return TRUE;
}

/* The first child from *child on, in the page of its parent, with a hash; FALSE for none: *child is the first
 * of the next page then. */
static gboolean
skip_zeros (const VfBlockPage *page, guint64 *child)
{
  do
    if (!vf_block_is_zero (&page->hashes[*child % VF_PAGE_HASHES], VF_HASH_BYTES))
      return TRUE;
  while (++*child % VF_PAGE_HASHES != 0);
  return FALSE;
}

/* Goes down from the top to *page, or to the first one behind it on the way. FALSE: there was none, and *page
 * is the first that has not been looked at. */
static gboolean
descend (const VfBlockIndex *index, guint64 *page, GError **error)
{
  VfBlockPage room;
  VfBlockHash hash = index->header.top;
  for (guint level = index->header.depth - 1; level > 0; level--) {
    guint below = VF_PAGE_SHIFT * (level - 1);
    guint64 first = *page >> below, child = first;
    if (!vf_block_index_read_known (index, level, child >> VF_PAGE_SHIFT, &hash, &room, error)) {
      *page = ((child >> VF_PAGE_SHIFT) + 1) << (VF_PAGE_SHIFT * level);
      return FALSE;
    }
    gboolean found = skip_zeros (&room, &child);
    if (child != first)
      *page = child << below;
    if (!found)
      return FALSE;
    hash = room.hashes[child % VF_PAGE_HASHES];
  }
  if (!vf_block_is_zero (&hash, sizeof hash))
    return TRUE;
  ++*page;
  return FALSE;
}

gboolean
vf_block_index_next_page (const VfBlockIndex *index, guint64 *page, GError **error)
{
  g_autoptr (GError) failure = NULL;
  guint64 pages = vf_block_pages (index->header.bytes, 0);
  while (*page < pages && !descend (index, page, &failure))
    if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (*page >= pages)
    *page = G_MAXUINT64;
  return TRUE;
}
