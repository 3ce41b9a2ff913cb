/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Walks the trees of two contents at once, down only where they differ: the cost goes with what differs. */
#pragma once

#include "cbt.h"

typedef struct {
  Call *call;
  guint32 old; /* VMFORGE_NO_CONTENT: of zeros */
  guint32 new;
  guint64 old_bytes; /* of the disk; 0 where old is none */
  guint64 new_bytes;
  /* For each page of level 0 that differs, ascending. FALSE ends the walk. */
  gboolean (*page) (guint64 page, const Page *before, const Page *after, gpointer user_data);
  gpointer user_data;
} TreeWalk;

/* Levels of the index of a disk. */
guint tree_depth (guint64 bytes);
/* FALSE if reading failed, with the error set, or page() ended it. */
gboolean tree_walk (const TreeWalk *walk);
/* How many pages of level 0 differ, counted up to limit. G_MAXUINT64: error. */
guint64 tree_distance (const TreeWalk *walk, guint64 limit);
