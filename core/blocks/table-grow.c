/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* How the table grows: page by page, each split in two. While the number of pages goes from one power of two
 * to the next, pages that are not split yet are twice as full as those that are. So the splits begin late,
 * when pages are as full as they may get, and then follow fast on each other: one for each fifteen entries
 * that are added. A full page holds 408; at 325 on average the fullest of millions is hardly full. */
#include "blocks/table-private.h"

#include "support/error.h"

#define FULL  310
#define ROUND 15 /* entries a page, in which all of them are split */

/* Of so many entries. */
static guint64
wanted_pages (guint64 entries)
{
  guint64 power = G_GUINT64_CONSTANT (1) << TABLE_FIRST_BITS;
  while (entries >= power * (FULL + ROUND))
    power *= 2;
  if (entries <= power * FULL)
    return power;
  return power + (entries - power * FULL) / ROUND;
}

/* The last power of two that is not above pages. */
static guint64
power_below (guint64 pages)
{
  return G_GUINT64_CONSTANT (1) << (63 - __builtin_clzll (pages));
}

/* Puts an entry behind the others of a page. */
static void
append (TablePage *page, const guint8 *entry)
{
  guint16 count = GUINT16_FROM_LE (page->count);
  memcpy (page->entries[count], entry, TABLE_ENTRY);
  page->count = GUINT16_TO_LE ((guint16)(count + 1));
}

/* Of the page whose turn it is, what belongs behind the end goes there. That page is written first: for a
 * moment some entries are in both. */
static gboolean
split (VfBlockTable *table, guint64 pages, VfTableAlive alive, gpointer user_data, GError **error)
{
  guint64 power = power_below (pages), from = pages - power;
  guint64 entries = GUINT64_FROM_LE (table->header->entries), dead = 0;
  TablePage old, low = {0}, high = {0};
  (void)vf_table_read (table, from, &old);
  for (guint i = 0; i < GUINT16_FROM_LE (old.count); i++) {
    guint32 bits;
    if (!alive (vf_table_get (&old, i, &bits).number, user_data)) {
      dead++;
      continue;
    }
    append ((bits & (power >> TABLE_FIRST_BITS)) != 0 ? &high : &low, old.entries[i]);
  }
  table->header->entries = GUINT64_TO_LE (entries - MIN (dead, entries));
  return vf_table_write (table, pages, &high, error) && vf_table_write (table, from, &low, error);
}

gboolean
vf_table_grow (VfBlockTable *table, guint64 entries, VfTableAlive alive, gpointer user_data, GError **error)
{
  guint64 wanted = wanted_pages (entries);
  for (guint64 pages = GUINT64_FROM_LE (table->header->pages); pages < wanted; pages++) {
    if (!split (table, pages, alive, user_data, error))
      return FALSE;
    /* Between the two writes readers of the old page miss what went: they look again when they are told. */
    __atomic_store_n (&table->header->pages, GUINT64_TO_LE (pages + 1), __ATOMIC_RELEASE);
  }
  return TRUE;
}
