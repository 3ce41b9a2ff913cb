/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/table-private.h"

#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PAGES (1 << TABLE_FIRST_BITS)
#define MAX_EQUAL   4 /* entries that one hash may have: a block that is everywhere must not fill pages */

guint64
vf_block_table_hash (const guint8 *hash)
{
  guint64 value;
  memcpy (&value, hash, sizeof value);
  return GUINT64_FROM_LE (value);
}

/* With a number of pages between two powers of two, those that are not split yet hold what the larger power
 * would put behind the end. */
guint64
vf_table_page_of (guint64 hash, guint64 pages)
{
  guint64 power = G_GUINT64_CONSTANT (1) << (63 - __builtin_clzll (pages));
  guint64 page = hash & (2 * power - 1);
  return page < pages ? page : hash & (power - 1);
}

static off_t
page_offset (guint64 page)
{
  return (off_t)((page + 1) * VF_BLOCK_BYTES);
}

static guint32
checksum (const TablePage *page)
{
  guint8 digest[VF_DIGEST_BYTES];
  guint32 value;
  vf_digest_bytes (&page->count, sizeof *page - sizeof page->checksum, digest);
  memcpy (&value, digest, sizeof value);
  return value;
}

gboolean
vf_table_read (const VfBlockTable *table, guint64 page, TablePage *room)
{
  ssize_t got;
  do
    got = pread (table->fd, room, sizeof *room, page_offset (page));
  while (got < 0 && errno == EINTR);
  if (got == sizeof *room && GUINT16_FROM_LE (room->count) <= TABLE_ENTRIES)
    return TRUE;
  memset (room, 0, sizeof *room);
  return FALSE;
}

gboolean
vf_table_write (const VfBlockTable *table, guint64 page, TablePage *data, GError **error)
{
  guint16 count = GUINT16_FROM_LE (data->count);
  memset (data->entries + count, 0, sizeof data->entries - count * sizeof *data->entries);
  data->checksum = checksum (data);
  ssize_t put;
  do
    put = pwrite (table->fd, data, sizeof *data, page_offset (page));
  while (put < 0 && errno == EINTR);
  return put == sizeof *data || vf_error_set_errno (error, "cannot write the table of blocks");
}

guint64
vf_block_table_get_id (const VfBlockTable *table)
{
  return table->header->id;
}

guint64
vf_block_table_get_entries (const VfBlockTable *table)
{
  return GUINT64_FROM_LE (table->header->entries);
}

/* The header says less than the file holds while a writer is at work, and never more. */
static gboolean
is_table (int fd, const TableHeader *header)
{
  struct stat st;
  guint64 pages = GUINT64_FROM_LE (header->pages);
  return memcmp (header->magic, TABLE_MAGIC, sizeof header->magic) == 0 && pages > 0 &&
         fstat (fd, &st) == 0 && (guint64)st.st_size / VF_BLOCK_BYTES > pages;
}

static gboolean
make (int fd, GError **error)
{
  g_autofree char *random = vf_digest_random_id ();
  TableHeader header = {.id = GUINT64_TO_LE (g_ascii_strtoull (random + 16, NULL, 16)),
                        .pages = GUINT64_TO_LE (FIRST_PAGES)};
  memcpy (header.magic, TABLE_MAGIC, sizeof header.magic);
  VfBlockTable table = {.fd = fd};
  TablePage empty = {0};
  if (ftruncate (fd, 0) < 0 || ftruncate (fd, page_offset (FIRST_PAGES)) < 0)
    return vf_error_set_errno (error, "cannot make the table of blocks");
  for (guint64 page = 0; page < FIRST_PAGES; page++)
    if (!vf_table_write (&table, page, &empty, error))
      return FALSE;
  return pwrite (fd, &header, sizeof header, 0) == sizeof header ||
         vf_error_set_errno (error, "cannot write the table of blocks");
}

VfBlockTable *
vf_block_table_open (int dirfd, const char *path, gboolean write, GError **error)
{
  vf_autofd int fd = openat (dirfd, path, O_CLOEXEC | (write ? O_RDWR | O_CREAT : O_RDONLY), 0644);
  TableHeader header = {0};
  if (fd < 0) {
    if (errno != ENOENT)
      vf_error_set_errno (error, "cannot open '%s'", path);
    return NULL;
  }
  if (pread (fd, &header, sizeof header, 0) != sizeof header || !is_table (fd, &header)) {
    if (!write || !make (fd, error))
      return NULL;
  }
  void *mapped = mmap (NULL, VF_BLOCK_BYTES, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) {
    vf_error_set_errno (error, "cannot map '%s'", path);
    return NULL;
  }
  VfBlockTable *table = g_new0 (VfBlockTable, 1);
  table->fd = vf_fd_steal (&fd);
  table->header = mapped;
  return table;
}

void
vf_block_table_close (VfBlockTable *table)
{
  if (table == NULL)
    return;
  munmap (table->header, VF_BLOCK_BYTES);
  close (table->fd);
  g_free (table);
}

static guint64
count_pages (const VfBlockTable *table)
{
  return MAX (GUINT64_FROM_LE (__atomic_load_n (&table->header->pages, __ATOMIC_ACQUIRE)), 1);
}

guint
vf_block_table_find (const VfBlockTable *table, guint64 hash, VfBlockHint *hints, guint room)
{
  TablePage page;
  guint found = 0;
  if (!vf_table_read (table, vf_table_page_of (hash, count_pages (table)), &page))
    return 0;
  guint count = GUINT16_FROM_LE (page.count);
  for (guint i = vf_table_seek (&page, 0, hash); i < count && found < room;
       i = vf_table_seek (&page, i + 1, hash)) {
    guint32 bits;
    hints[found] = vf_table_get (&page, i, &bits);
    hints[found++].hash = hash;
  }
  return found;
}

static int
compare_hints (gconstpointer a, gconstpointer b, gpointer data)
{
  guint64 pages = *(const guint64 *)data;
  guint64 x = vf_table_page_of (((const VfBlockHint *)a)->hash, pages);
  guint64 y = vf_table_page_of (((const VfBlockHint *)b)->hash, pages);
  return (x > y) - (x < y);
}

/* Leaves out entries of volumes that are gone. Returns how many. */
static guint
drop_dead (TablePage *page, VfTableAlive alive, gpointer user_data)
{
  guint16 count = GUINT16_FROM_LE (page->count), kept = 0;
  for (guint i = 0; i < count; i++) {
    guint32 bits;
    if (!alive (vf_table_get (page, i, &bits).number, user_data))
      continue;
    memmove (page->entries[kept++], page->entries[i], TABLE_ENTRY);
  }
  page->count = GUINT16_TO_LE (kept);
  return count - kept;
}

/* Of one hash as far as the page can tell; that two may look the same does no harm. */
static gboolean
has_enough (const TablePage *page, const VfBlockHint *hint)
{
  guint equal = 0;
  guint count = GUINT16_FROM_LE (page->count);
  for (guint i = vf_table_seek (page, 0, hint->hash); i < count;
       i = vf_table_seek (page, i + 1, hint->hash)) {
    guint32 bits;
    VfBlockHint other = vf_table_get (page, i, &bits);
    if (other.number == hint->number && other.block == hint->block)
      return TRUE;
    equal++;
  }
  return equal >= MAX_EQUAL || count == TABLE_ENTRIES;
}

/* What the header says may be damaged: the table must not grow by it until the disk is full. */
static void
bound_entries (VfBlockTable *table)
{
  guint64 most = count_pages (table) * TABLE_ENTRIES;
  if (GUINT64_FROM_LE (table->header->entries) > most)
    table->header->entries = GUINT64_TO_LE (most);
}

gboolean
vf_block_table_add (VfBlockTable *table, VfBlockHint *hints, gsize count, VfTableAlive alive,
                    gpointer user_data, GError **error)
{
  bound_entries (table);
  if (!vf_table_grow (table, GUINT64_FROM_LE (table->header->entries) + count, alive, user_data, error))
    return FALSE;
  guint64 pages = count_pages (table), entries = GUINT64_FROM_LE (table->header->entries);
  g_qsort_with_data (hints, (gint)count, sizeof *hints, compare_hints, &pages);
  for (gsize i = 0; i < count;) {
    TablePage page;
    guint64 number = vf_table_page_of (hints[i].hash, pages);
    (void)vf_table_read (table, number, &page);
    entries -= MIN (drop_dead (&page, alive, user_data), entries);
    for (; i < count && vf_table_page_of (hints[i].hash, pages) == number; i++) {
      guint16 used = GUINT16_FROM_LE (page.count);
      if (has_enough (&page, &hints[i]))
        continue;
      vf_table_put (&page, used, &hints[i]);
      page.count = GUINT16_TO_LE ((guint16)(used + 1));
      entries++;
    }
    if (!vf_table_write (table, number, &page, error))
      return FALSE;
  }
  table->header->entries = GUINT64_TO_LE (entries);
  return TRUE;
}

/* Pages behind those that the header tells of, which nobody finds. A writer that died leaves one. */
static guint64
count_lost (const VfBlockTable *table)
{
  struct stat st;
  guint64 told = count_pages (table) + 2; /* with the header */
  guint64 there = fstat (table->fd, &st) < 0 ? 0 : (guint64)st.st_size / VF_BLOCK_BYTES;
  return there > told ? there - told : 0;
}

guint64
vf_block_table_verify (const VfBlockTable *table, guint64 *entries)
{
  guint64 wrong = count_lost (table);
  *entries = 0;
  for (guint64 number = 0; number < count_pages (table); number++) {
    TablePage page;
    if (!vf_table_read (table, number, &page) || page.checksum != checksum (&page))
      wrong++;
    else
      *entries += GUINT16_FROM_LE (page.count);
  }
  return wrong;
}
