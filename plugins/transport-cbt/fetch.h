/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Fetching an image from a repository that a web server serves: its block index first, down to where it
 * differs from a content of this store; then what no content has, from packs or from the raw disk. */
#pragma once

#include "copier.h"
#include "crew.h"
#include "http.h"
#include "pack.h"

typedef struct {
  guint64 block;
  Hash hash;
} Wanted;

typedef struct {
  const char *path;
  GArray *windows; /* PackWindow; NULL: not read yet */
} Pack;

typedef struct {
  Call *call;
  const struct vmforge_exchange *exchange;
  const struct vmforge_fetch *what;
  guint threads;
  Http *http;
  const struct vmforge_content *contents;
  guint32 n_contents;
  guint depth;
  Hash top;          /* of the index */
  GHashTable *pages; /* tree_number() → Page: those above level 0 that are not zeros */
  guint32 base;      /* VMFORGE_NO_CONTENT: zeros */
  Copier copier;
  guint64 table_bytes; /* of packs, read so far */
  GArray *packs;       /* Pack */
  GArray *wanted;      /* Wanted: what nobody here has; of the pages that are being looked at */
  GArray *zeros;       /* Run */
  Crew *crew;
  gint64 moved; /* bytes; atomic */
  struct vmforge_transfer figures;
} Fetcher;

/* ---- fetch-tree.c: the block index, all but level 0 */
gboolean fetch_tree (Fetcher *fetcher);
/* The page above level 0, NULL for one of zeros. Borrowed. */
const Page *fetch_page (const Fetcher *fetcher, guint level, guint64 page);
/* The content of this store that has most in common with it, or VMFORGE_NO_CONTENT. */
gboolean fetch_choose_base (Fetcher *fetcher);
/* Where a page of level 0 is in the file. */
guint64 fetch_page_offset (guint level, guint64 page);
gboolean fetch_has_hash (const guint8 *page, const Hash *hash);

/* ---- fetch-pages.c: pages of level 0, some hundred at once */
gboolean fetch_pages (Fetcher *fetcher);

/* ---- fetch-packs.c: what is `wanted`, from where it is */
gboolean fetch_wanted (Fetcher *fetcher);

/* ---- fetch-window.c: the crew's work */
typedef struct {
  Fetcher *fetcher;
  const char *path;         /* of the file, for errors */
  const PackWindow *window; /* NULL: blocks as they are */
  guint64 block;            /* then: the first one */
  GByteArray *bytes;        /* a part of the file; referenced */
  gsize offset, length;     /* of what is this window's in it */
  GArray *wanted;           /* Wanted, ascending; owned */
} FetchJob;
gboolean fetch_job (gpointer job, Room *room, gpointer fetcher);
void fetch_job_free (gpointer job);

/* Figures, to the engine. index: since `before`, nothing but hashes and tables came. */
void fetch_tell (Fetcher *fetcher);
