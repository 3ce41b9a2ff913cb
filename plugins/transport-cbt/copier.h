/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Blocks of the target that are found in other contents of this store: copied in runs, as files lie in runs.
 * Of one thread. */
#pragma once

#include "pages.h"

typedef struct {
  Call *call;
  gboolean resumes;   /* the target may hold blocks of an earlier time */
  guint32 hash_bytes; /* of what is looked for: 8 … 32 */
  /* The run that is being grown: blocks that were found one behind the other in a content. */
  guint64 block, count, from;
  guint32 content;
  PageCache pages;
} Copier;

/* *found: 1 if the block is in its place now, or will be with the run that is being grown. */
gboolean copier_place (Copier *copier, guint64 block, const guint8 *hash, int *found);
gboolean copier_end (Copier *copier);
