/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Making a block index: of a whole volume, or from the index of its parent and what differs from it. Both
 * give the same bytes. */
#pragma once

#include "blocks/index.h"
#include "blocks/tasks.h"

typedef struct {
  VfBlockVolume volume;       /* mapped; does not change meanwhile */
  GArray *extents;            /* VfExtent, of vf_storage_extents; NULL: all is data */
  const VfBlockIndex *parent; /* NULL: all is hashed. Its volume is not larger */
  GArray *differences; /* VfExtent, of vf_storage_differences from the parent's volume; NULL: unknown */
  guint threads;       /* 0: one per processor */
  void (*progress) (double fraction, gpointer user_data); /* by one thread at a time; may be NULL */
  gpointer user_data;
  GCancellable *cancellable;
} VfBlockSource;

/* path appears whole, and on stable storage, or not at all; PATH.part is in use meanwhile. root: free it.
 * own_bytes: of the blocks that hold data, and not the parent's in their place. */
gboolean vf_block_index_build (const VfBlockSource *source, int dirfd, const char *path, char **root,
                               guint64 *own_bytes, GError **error);
