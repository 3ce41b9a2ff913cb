/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Where blocks are, by their hash: a table on disk for all volumes of a store (docs/store.md). What it says
 * is a hint: whoever asks compares the whole hash with the block index of the volume. So nothing here is
 * synced, readers take no lock, and a page that is torn or damaged costs hints and nothing else.
 *
 * The table is one of linear hashing: it grows by single pages, and a look-up reads one page however large it
 * is. Of a hash only its first eight bytes are looked at. */
#pragma once

#include "blocks/index-format.h"

#define VF_TABLE_HASH    8
#define VF_TABLE_VOLUMES (1u << 20)                     /* numbers of volumes; 0 is none */
#define VF_TABLE_BLOCKS  (G_GUINT64_CONSTANT (1) << 28) /* of one number: a TiB */

typedef struct _VfBlockTable VfBlockTable;

typedef struct {
  guint64 hash;   /* vf_block_table_hash */
  guint32 number; /* of a volume, or of a part of it */
  guint32 block;  /* below VF_TABLE_BLOCKS */
} VfBlockHint;

/* The first eight bytes. */
guint64 vf_block_table_hash (const guint8 *hash);

/* Reading: NULL without error if there is none. Writing makes it where it is absent, or not one; the caller
 * excludes other writers. */
VfBlockTable *vf_block_table_open (int dirfd, const char *path, gboolean write, GError **error);
void vf_block_table_close (VfBlockTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfBlockTable, vf_block_table_close)

/* Random, made with the table: says which list of volumes belongs to it. */
guint64 vf_block_table_get_id (const VfBlockTable *table);
/* How many it holds, about: a writer that died has not told of its last ones. */
guint64 vf_block_table_get_entries (const VfBlockTable *table);

/* Up to `room` hints for the hash; returns how many. Any threads. */
guint vf_block_table_find (const VfBlockTable *table, guint64 hash, VfBlockHint *hints, guint room);

/* Sorts hints and adds them. Of one hash only some are kept. What alive() denies is thrown out of the pages
 * that are written anyway. */
typedef gboolean (*VfTableAlive) (guint32 number, gpointer user_data);
gboolean vf_block_table_add (VfBlockTable *table, VfBlockHint *hints, gsize count, VfTableAlive alive,
                             gpointer user_data, GError **error);

/* Pages whose checksum is wrong, or that the header does not tell of; G_MAXUINT64: the table cannot be read.
 * entries: that the sound ones hold. */
guint64 vf_block_table_verify (const VfBlockTable *table, guint64 *entries);
