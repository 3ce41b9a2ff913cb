/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/index-writer.h"

#include "support/error.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_LOCKS 64

struct _VfBlockWriter {
  int fd;
  guint64 bytes; /* of the volume */
  guint depth;
  const VfBlockIndex *parent;
  GMutex lock;           /* for: */
  GHashTable *set;       /* Set, by its page of level 1 */
  GMutex pages[N_LOCKS]; /* each for the pages of level 0 whose number is it, modulo N_LOCKS: edits */
};

/* Which pages of level 0 below one of level 1 were set; that one has to be hashed anew. */
typedef struct {
  gint64 page;
  guint64 below[2];
} Set;

static gboolean
write_at (const VfBlockWriter *writer, const void *data, gsize length, off_t offset, GError **error)
{
  for (gsize done = 0; done < length;) {
    ssize_t step = pwrite (writer->fd, (const guint8 *)data + done, length - done, offset + (off_t)done);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0)
      return vf_error_set_errno (error, "cannot write the block index");
    done += (gsize)step;
  }
  return TRUE;
}

/* What we wrote ourselves, or copied and compared: nothing to check it against. */
static gboolean
read_back (const VfBlockWriter *writer, void *room, gsize length, off_t offset, GError **error)
{
  ssize_t step;
  do
    step = pread (writer->fd, room, length, offset);
  while (step < 0 && errno == EINTR);
  return step == (ssize_t)length || vf_error_set_errno (error, "cannot read the block index");
}

/* A page of zeros takes no space. */
static gboolean
write_page (const VfBlockWriter *writer, guint level, guint64 page, const VfBlockPage *data, GError **error)
{
  off_t offset = vf_block_page_offset (level, page);
  if (vf_block_is_zero (data, sizeof *data) &&
      fallocate (writer->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, sizeof *data) == 0)
    return TRUE;
  return write_at (writer, data, sizeof *data, offset, error);
}

/* Tells the page above the hash of this one. Entries of one page are written by several threads, each only
 * its own, and are read when all have ended. */
static gboolean
write_hash (const VfBlockWriter *writer, guint level, guint64 page, const VfBlockHash *hash, GError **error)
{
  VfBlockHash before;
  off_t offset =
      vf_block_page_offset (level + 1, page >> VF_PAGE_SHIFT) + (off_t)(page % VF_PAGE_HASHES * sizeof *hash);
  if (!read_back (writer, &before, sizeof before, offset, error))
    return FALSE;
  return memcmp (&before, hash, sizeof before) == 0 || write_at (writer, hash, sizeof *hash, offset, error);
}

/* above: a page of level 1. NULL if none was set below it. */
static Set *
find_set (const VfBlockWriter *writer, guint64 above)
{
  gint64 key = (gint64)above;
  return g_hash_table_lookup (writer->set, &key);
}

static Set *
make_set (VfBlockWriter *writer, guint64 above)
{
  Set *set = find_set (writer, above);
  if (set != NULL)
    return set;
  set = g_new0 (Set, 1);
  set->page = (gint64)above;
  g_hash_table_add (writer->set, set);
  return set;
}

static void
mark (VfBlockWriter *writer, guint64 page)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  guint bit = page % VF_PAGE_HASHES;
  make_set (writer, page >> VF_PAGE_SHIFT)->below[bit / 64] |= G_GUINT64_CONSTANT (1) << bit % 64;
}

static gboolean
is_set (VfBlockWriter *writer, guint64 page)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  const Set *set = find_set (writer, page >> VF_PAGE_SHIFT);
  guint bit = page % VF_PAGE_HASHES;
  return set != NULL && (set->below[bit / 64] >> bit % 64 & 1) != 0;
}

gboolean
vf_block_writer_read_parent (const VfBlockWriter *writer, guint64 page, VfBlockPage *room, GError **error)
{
  if (writer->parent != NULL)
    return vf_block_index_read_page (writer->parent, 0, page, room, error);
  memset (room, 0, sizeof *room);
  return TRUE;
}

gboolean
vf_block_writer_set (VfBlockWriter *writer, guint64 page, const VfBlockPage *data, GError **error)
{
  VfBlockHash hash;
  if (!write_page (writer, 0, page, data, error))
    return FALSE;
  vf_block_hash (data, &hash);
  if (writer->depth > 1 && !write_hash (writer, 0, page, &hash, error))
    return FALSE;
  mark (writer, page);
  return TRUE;
}

static gboolean
read_now (VfBlockWriter *writer, guint64 page, VfBlockPage *room, GError **error)
{
  return is_set (writer, page) ? read_back (writer, room, sizeof *room, vf_block_page_offset (0, page), error)
                               : vf_block_writer_read_parent (writer, page, room, error);
}

gboolean
vf_block_writer_read (VfBlockWriter *writer, guint64 page, VfBlockPage *room, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->pages[page % N_LOCKS]);
  return read_now (writer, page, room, error);
}

gboolean
vf_block_writer_edit (VfBlockWriter *writer, guint64 page, guint first, guint count,
                      const VfBlockHash *hashes, GError **error)
{
  VfBlockPage data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->pages[page % N_LOCKS]);
  if (!read_now (writer, page, &data, error))
    return FALSE;
  if (memcmp (&data.hashes[first], hashes, count * sizeof *hashes) == 0)
    return TRUE;
  memcpy (&data.hashes[first], hashes, count * sizeof *hashes);
  return vf_block_writer_set (writer, page, &data, error);
}

/* Hashes one page above level 0 into the one above it. */
static gboolean
link_page (const VfBlockWriter *writer, guint level, guint64 page, GError **error)
{
  VfBlockPage data;
  VfBlockHash hash;
  if (!read_back (writer, &data, sizeof data, vf_block_page_offset (level, page), error))
    return FALSE;
  vf_block_hash (&data, &hash);
  if (vf_block_is_zero (&hash, sizeof hash) && !write_page (writer, level, page, &data, error))
    return FALSE;
  return level + 1 == writer->depth || write_hash (writer, level, page, &hash, error);
}

/* The pages above `below`, each once. Sorted, for both are. */
static GArray *
pages_above (GArray *below)
{
  GArray *above = g_array_new (FALSE, FALSE, sizeof (guint64));
  for (guint i = 0; i < below->len; i++) {
    guint64 page = g_array_index (below, guint64, i) >> VF_PAGE_SHIFT;
    if (above->len == 0 || g_array_index (above, guint64, above->len - 1) != page)
      g_array_append_val (above, page);
  }
  return above;
}

static int
compare_pages (gconstpointer a, gconstpointer b)
{
  guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;
  return (x > y) - (x < y);
}

static GArray *
set_pages (const VfBlockWriter *writer)
{
  GArray *pages = g_array_new (FALSE, FALSE, sizeof (guint64));
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init (&iter, writer->set);
  while (g_hash_table_iter_next (&iter, &key, NULL)) {
    guint64 page = (guint64)((const Set *)key)->page;
    g_array_append_val (pages, page);
  }
  g_array_sort (pages, compare_pages);
  return pages;
}

static gboolean
link_levels (VfBlockWriter *writer, GError **error)
{
  if (writer->depth == 1)
    return TRUE;
  /* The first page of each level is always among them: where the volume outgrew its parent, it is the way to
   * the parent's top page. */
  make_set (writer, 0);
  g_autoptr (GArray) pages = set_pages (writer);
  for (guint level = 1; level < writer->depth; level++) {
    for (guint i = 0; i < pages->len; i++)
      if (!link_page (writer, level, g_array_index (pages, guint64, i), error))
        return FALSE;
    GArray *above = pages_above (pages);
    g_array_unref (pages);
    pages = above;
  }
  return TRUE;
}

static gboolean
write_header (const VfBlockWriter *writer, char **root, GError **error)
{
  guint8 bytes[VF_BLOCK_HEADER_BYTES];
  VfBlockHeader header = {.bytes = writer->bytes, .depth = writer->depth};
  VfBlockPage top;
  if (!read_back (writer, &top, sizeof top, vf_block_page_offset (writer->depth - 1, 0), error))
    return FALSE;
  vf_block_hash (&top, &header.top);
  vf_block_header_write (&header, bytes);
  if (!write_at (writer, bytes, sizeof bytes, 0, error))
    return FALSE;
  *root = vf_block_header_root (&header);
  return TRUE;
}

gboolean
vf_block_writer_finish (VfBlockWriter *writer, char **root, GError **error)
{
  g_autofree char *found = NULL;
  if (!link_levels (writer, error) || !write_header (writer, &found, error))
    return FALSE;
  if (fsync (writer->fd) < 0)
    return vf_error_set_errno (error, "cannot sync the block index");
  *root = g_steal_pointer (&found);
  return TRUE;
}

/* The way from the top to the first page is hashed again below, so it has to be right before. */
static gboolean
check_first (VfBlockWriter *writer, GError **error)
{
  VfBlockPage page;
  VfBlockHash hash;
  if (!vf_block_index_read_page (writer->parent, 0, 0, &page, error))
    return FALSE;
  vf_block_hash (&page, &hash);
  return writer->depth == 1 || write_hash (writer, 0, 0, &hash, error);
}

static gboolean
begin (VfBlockWriter *writer, GCancellable *cancellable, GError **error)
{
  const VfBlockIndex *parent = writer->parent;
  if (parent != NULL && vf_block_index_get_bytes (parent) > writer->bytes)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the volume is smaller than the one that the parent's block index is of");
  if (parent != NULL && !vf_fs_copy_data (vf_block_index_get_fd (parent), writer->fd, cancellable, error))
    return FALSE;
  if (ftruncate (writer->fd, vf_block_index_bytes (writer->bytes)) < 0)
    return vf_error_set_errno (error, "cannot make the block index");
  return parent == NULL || check_first (writer, error);
}

static VfBlockWriter *
make (int dirfd, const char *path, int flags, guint64 bytes, const VfBlockIndex *parent, GError **error)
{
  if (bytes > VF_BLOCK_INDEX_MAX) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the volume is too large for a block index");
    return NULL;
  }
  int fd = openat (dirfd, path, O_RDWR | O_CLOEXEC | flags, 0644);
  if (fd < 0) {
    vf_error_set_errno (error, "cannot make the block index '%s'", path);
    return NULL;
  }
  VfBlockWriter *writer = g_new0 (VfBlockWriter, 1);
  writer->fd = fd;
  writer->bytes = bytes;
  writer->depth = vf_block_depth (bytes);
  writer->parent = parent;
  G_STATIC_ASSERT (offsetof (Set, page) == 0);
  writer->set = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_mutex_init (&writer->lock);
  for (guint i = 0; i < N_LOCKS; i++)
    g_mutex_init (&writer->pages[i]);
  return writer;
}

VfBlockWriter *
vf_block_writer_new (int dirfd, const char *path, guint64 bytes, const VfBlockIndex *parent,
                     GCancellable *cancellable, GError **error)
{
  g_autoptr (VfBlockWriter) writer = make (dirfd, path, O_CREAT | O_EXCL, bytes, parent, error);
  return writer != NULL && begin (writer, cancellable, error) ? g_steal_pointer (&writer) : NULL;
}

/* An earlier writer may have ended between a page and its hash, at any level: so none of the hashes is
 * believed, and all pages above level 0 are hashed again at the end. */
static gboolean
take_over (VfBlockWriter *writer, guint64 page, GError **error)
{
  VfBlockPage before, now;
  VfBlockHash hash;
  if (!vf_block_writer_read_parent (writer, page, &before, error) ||
      !read_back (writer, &now, sizeof now, vf_block_page_offset (0, page), error))
    return FALSE;
  vf_block_hash (&now, &hash);
  if (writer->depth > 1 && !write_hash (writer, 0, page, &hash, error))
    return FALSE;
  if (memcmp (&before, &now, sizeof now) != 0)
    mark (writer, page);
  make_set (writer, page >> VF_PAGE_SHIFT);
  return TRUE;
}

static gboolean
take_over_all (VfBlockWriter *writer, GError **error)
{
  guint64 pages = vf_block_pages (writer->bytes, 0);
  for (guint64 page = 0; page < pages; page++)
    if (!take_over (writer, page, error))
      return FALSE;
  return TRUE;
}

VfBlockWriter *
vf_block_writer_reopen (int dirfd, const char *path, guint64 bytes, const VfBlockIndex *parent,
                        GError **error)
{
  g_autoptr (VfBlockWriter) writer = make (dirfd, path, 0, bytes, parent, error);
  struct stat st;
  if (writer == NULL)
    return NULL;
  if (fstat (writer->fd, &st) < 0 || st.st_size != vf_block_index_bytes (bytes)) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' was not begun for such a volume", path);
    return NULL;
  }
  return take_over_all (writer, error) ? g_steal_pointer (&writer) : NULL;
}

guint64
vf_block_writer_next_set (VfBlockWriter *writer, guint64 page)
{
  guint64 pages = vf_block_pages (writer->bytes, 0);
  while (page < pages) {
    if (is_set (writer, page))
      return page;
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
    guint64 above = page >> VF_PAGE_SHIFT;
    page = find_set (writer, above) == NULL ? (above + 1) << VF_PAGE_SHIFT : page + 1;
  }
  return G_MAXUINT64;
}

void
vf_block_writer_free (VfBlockWriter *writer)
{
  if (writer == NULL)
    return;
  close (writer->fd);
  g_hash_table_unref (writer->set);
  g_mutex_clear (&writer->lock);
  for (guint i = 0; i < N_LOCKS; i++)
    g_mutex_clear (&writer->pages[i]);
  g_free (writer);
}
