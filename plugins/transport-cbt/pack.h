/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A pack: the blocks in which one content differs from another, in windows that are compressed one by one,
 * behind a table that says which blocks are in which. docs/pack.md is the format. */
#pragma once

#include "runs.h"

#define PACK_MAGIC  "vmforge-pack 1\n" /* and its NUL */
#define PACK_HEADER 64
#define PACK_BLOCKS 256 /* of a window: larger ones are smaller together, but more of each is not wanted */
#define PACK_TABLE_MAX                                                                                       \
  (16u * 1024 * 1024) /* of all packs of an image: a run of two bytes takes sixteen here */
#define PACK_WINDOWS_MAX  (1u << 20)
#define PACK_DIGEST_BYTES 32
/* What a reader asks for first: of most packs that is the header and the table. */
#define PACK_FIRST (64u * 1024)

typedef struct {
  guint64 offset; /* in the pack */
  guint32 length; /* bytes, compressed */
  GArray *runs;   /* Run: the blocks, ascending */
} PackWindow;

typedef struct {
  guint64 table_bytes, n_windows;
  guint8 digest[PACK_DIGEST_BYTES]; /* of the table */
} PackHeader;

/* bytes: PACK_HEADER. FALSE: it is none, or its numbers are out of bounds. */
gboolean pack_header_read (const guint8 *bytes, PackHeader *header);
/* Elements PackWindow; ascending, none has a block of another. NULL: the table is not what the header says,
 * or makes no sense. */
GArray *pack_table_read (const PackHeader *header, const guint8 *table);
/* PACK_BLOCKS * VMFORGE_BLOCK_BYTES of room. FALSE: it does not unpack to what the runs say. */
gboolean pack_window_unpack (const PackWindow *window, const guint8 *packed, guint8 *room);
