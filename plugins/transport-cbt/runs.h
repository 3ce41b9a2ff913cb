/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Runs of blocks, and how they travel: numbers of seven bits a byte, the lowest first, each byte but the last
 * with its highest bit set. */
#pragma once

#include "cbt.h"

typedef struct {
  guint64 block, count;
} Run;

GArray *runs_new (void);
/* Grows the last run where this one follows it. */
void runs_add (GArray *runs, guint64 block, guint64 count);
guint64 runs_blocks (const GArray *runs);
/* Ascending. */
void runs_sort (GArray *runs);
/* In parts of `most` blocks each, but for the last one: elements GArray, owned. */
GPtrArray *runs_split (const GArray *runs, guint64 most);

/* The blocks of a content, one behind the other. FALSE with the call's error set. */
gboolean runs_read (Call *call, guint32 content, const GArray *runs, guint8 *room);

void number_put (GByteArray *bytes, guint64 number);
/* How many there are, then of each the gap behind the one before and its length. Ascending runs alone. */
void runs_put (GByteArray *bytes, const GArray *runs);

/* What a peer sent; each call takes from the front. */
typedef struct {
  const guint8 *data;
  gsize length;
} Bytes;
gboolean number_get (Bytes *bytes, guint64 *number);
/* Ascending, all below `blocks`, together at most `most`. NULL: it is not so. */
GArray *runs_get (Bytes *bytes, guint64 blocks, guint64 most);
/* The same of so many runs at most, where blocks are bounded by the disk alone. */
GArray *runs_get_few (Bytes *bytes, guint64 blocks, guint64 most, guint64 most_runs);
/* NULL: there are not so many. */
const guint8 *bytes_get (Bytes *bytes, gsize length);
