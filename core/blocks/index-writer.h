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
/* Goes on with what an earlier writer of the same volume and parent left, finished or not: set are the pages
 * that are not the parent's. Their hashes are not to be believed. */
VfBlockWriter *vf_block_writer_reopen (int dirfd, const char *path, guint64 bytes, const VfBlockIndex *parent,
                                       GError **error);
/* The first page of level 0, from `page` on, that was set; G_MAXUINT64 for none. */
guint64 vf_block_writer_next_set (VfBlockWriter *writer, guint64 page);
/* The file stays. */
void vf_block_writer_free (VfBlockWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfBlockWriter, vf_block_writer_free)

/* What a page of level 0 holds before it is set for the first time: the parent's page, checked up to its
 * root, since damage would otherwise get a valid hash; or zeros. */
gboolean vf_block_writer_read_parent (const VfBlockWriter *writer, guint64 page, VfBlockPage *room,
                                      GError **error);
/* A whole page of level 0. Different pages may be set by different threads at once. */
gboolean vf_block_writer_set (VfBlockWriter *writer, guint64 page, const VfBlockPage *data, GError **error);
/* Some hashes of it. Any threads at once, but no other vf_block_writer_set of the page. */
gboolean vf_block_writer_edit (VfBlockWriter *writer, guint64 page, guint first, guint count,
                               const VfBlockHash *hashes, GError **error);
/* What a page of level 0 holds now. */
gboolean vf_block_writer_read (VfBlockWriter *writer, guint64 page, VfBlockPage *room, GError **error);
/* Nothing is set any more: the index is whole, and on stable storage. root: free it. */
gboolean vf_block_writer_finish (VfBlockWriter *writer, char **root, GError **error);
