/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Does a block index hold what its root says, and a volume what its index says? Everything that is wrong is
 * told, and the rest is looked at all the same. */
#pragma once

#include "blocks/index.h"
#include "blocks/tasks.h"

typedef enum {
  /* A page is not what the page above says. Nothing is known of the blocks below it, of which offset and
   * length are the bytes of the volume. */
  VF_BLOCK_FAULT_PAGE,
  VF_BLOCK_FAULT_STRAY, /* offset, length: bytes of the index that should be zeros, as nothing refers to them
                         */
  VF_BLOCK_FAULT_DIFFERENT,  /* offset, length: bytes of the volume whose blocks are not those of the index */
  VF_BLOCK_FAULT_UNREADABLE, /* the same of blocks that cannot be read */
  VF_BLOCK_FAULT_UNKNOWN,    /* the same of blocks that the index does not tell, as a page of it is damaged */
} VfBlockFaultKind;

typedef struct {
  VfBlockFaultKind kind;
  guint64 offset, length;
  guint level;  /* of PAGE */
  guint64 page; /* of PAGE */
} VfBlockFault;

/* What a fault is, for people: "blocks 5 to 7 (bytes 20480 to 32767) …". Free the result. */
char *vf_block_fault_text (const VfBlockFault *fault);

/* Called by one thread at a time. */
typedef struct {
  void (*fault) (const VfBlockFault *fault, gpointer user_data);
  void (*progress) (double fraction, gpointer user_data); /* may be NULL */
  gpointer user_data;
} VfBlockWatcher;

/* Every page, and that everything else is zeros. FALSE where it could not look (or was cancelled), not for
 * faults. */
gboolean vf_block_index_verify (const VfBlockIndex *index, const VfBlockWatcher *watcher,
                                GCancellable *cancellable, GError **error);
/* Every block of the volume against the index, of which damaged pages are
 * told only as UNKNOWN blocks. extents: as of vf_storage_extents, holes are not read; NULL:
 * all is read. A volume of another size is an error. threads: 0 for one per processor. */
gboolean vf_block_index_verify_volume (const VfBlockIndex *index, const VfBlockVolume *volume,
                                       GArray *extents, guint threads, const VfBlockWatcher *watcher,
                                       GCancellable *cancellable, GError **error);
