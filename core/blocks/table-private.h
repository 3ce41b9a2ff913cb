/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "blocks/table.h"

#include <string.h>

/* In the file in little endian, as all numbers. */
#define TABLE_ENTRY   10
#define TABLE_ENTRIES 408
typedef struct {
  guint32 checksum; /* of what follows */
  guint16 count;
  guint16 reserved;
  guint8 entries[TABLE_ENTRIES][TABLE_ENTRY]; /* 4 bytes: bits 4 to 35 of the hash; 6: number << 28 | block */
  guint8 rest[8];
} TablePage;
G_STATIC_ASSERT (sizeof (TablePage) == VF_BLOCK_BYTES);

#define TABLE_FIRST_BITS 4 /* log2 of the pages of an empty table */
#define TABLE_MAGIC      "vmforge-blocks 1"
typedef struct {
  char magic[16];
  guint64 id;
  guint64 pages; /* of entries: they follow this one */
  guint64 entries;
} TableHeader;

struct _VfBlockTable {
  int fd;
  TableHeader *header; /* mapped: readers see it grow */
};

/* The page that a hash belongs to while there are so many. */
guint64 vf_table_page_of (guint64 hash, guint64 pages);
gboolean vf_table_read (const VfBlockTable *table, guint64 page, TablePage *room);
gboolean vf_table_write (const VfBlockTable *table, guint64 page, TablePage *data, GError **error);
/* Makes room for so many entries (table-grow.c). */
gboolean vf_table_grow (VfBlockTable *table, guint64 entries, VfTableAlive alive, gpointer user_data,
                        GError **error);

/* Of the hash, bits 4 to 35: those below follow from the page, those above the page's are needed to split it
 * and to tell hashes apart. */
static inline guint32
vf_table_bits (guint64 hash)
{
  return (guint32)(hash >> TABLE_FIRST_BITS);
}

static inline void
vf_table_put (TablePage *page, guint i, const VfBlockHint *hint)
{
  guint32 bits = GUINT32_TO_LE (vf_table_bits (hint->hash));
  guint64 place = GUINT64_TO_LE ((guint64)hint->number << 28 | hint->block);
  memcpy (page->entries[i], &bits, 4);
  memcpy (page->entries[i] + 4, &place, 6);
}

/* The first entry from i on that may be of the hash; the page's count for none. */
static inline guint
vf_table_seek (const TablePage *page, guint i, guint64 hash)
{
  guint32 bits = GUINT32_TO_LE (vf_table_bits (hash)), there;
  guint count = GUINT16_FROM_LE (page->count);
  for (; i < count; i++) {
    memcpy (&there, page->entries[i], 4);
    if (there == bits)
      break;
  }
  return i;
}

/* bits: of the hash. */
static inline VfBlockHint
vf_table_get (const TablePage *page, guint i, guint32 *bits)
{
  guint64 place = 0;
  memcpy (bits, page->entries[i], 4);
  memcpy (&place, page->entries[i] + 4, 6);
  *bits = GUINT32_FROM_LE (*bits);
  place = GUINT64_FROM_LE (place);
  return (VfBlockHint){.number = (guint32)(place >> 28), .block = (guint32)(place & (VF_TABLE_BLOCKS - 1))};
}
