/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A block index that is being made: first it is the parent's, or of zeros; then pages of hashes are set, by
 * several threads and in any order; at last the pages above them and the header are made. What it costs goes
 * with the pages that were set. */
#pragma once

#include "blocks/index.h"

typedef struct _VfBlockWriter VfBlockWriter;

/* Makes the file path, which must be absent; it is only the caller's to rename once it is finished. bytes: of
 * the volume. parent: of a volume that is not larger, or NULL; borrowed until vf_block_writer_free. */
VfBlockWriter *vf_block_writer_new (int dirfd, const char *path, guint64 bytes, const VfBlockIndex *parent,
                                    GCancellable *cancellable, GError **error);
/* The file stays. */
void vf_block_writer_free (VfBlockWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfBlockWriter, vf_block_writer_free)

/* What a page of level 0 holds before it is set for the first time: the parent's page, checked up to its
 * root, since damage would otherwise get a valid hash; or zeros. */
gboolean vf_block_writer_read_parent (const VfBlockWriter *writer, guint64 page, VfBlockPage *room,
                                      GError **error);
/* What it holds now; only of pages that were set. */
gboolean vf_block_writer_read (const VfBlockWriter *writer, guint64 page, VfBlockPage *room, GError **error);
/* Of level 0. Different pages may be set by different threads at once. */
gboolean vf_block_writer_set (VfBlockWriter *writer, guint64 page, const VfBlockPage *data, GError **error);
/* Nothing is set any more: the index is whole, and on stable storage. root: free it. */
gboolean vf_block_writer_finish (VfBlockWriter *writer, char **root, GError **error);
