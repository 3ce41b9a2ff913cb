/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Inside of the comparison of two images. */
#pragma once

#include "build/disk.h"
#include "image/diff.h"

/* ---- diff-same.c: what the storage has proven to be equal */
typedef struct _VfDiffSame VfDiffSame;
/* NULL without error where nothing is proven: other stores, or filesystems at different places. */
VfDiffSame *vf_diff_same_new (const VfDiffSide *a, const VfDiffSide *b, const VfDiskRange *root_a,
                              const VfDiskRange *root_b, GError **error);
void vf_diff_same_free (VfDiffSame *same);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfDiffSame, vf_diff_same_free)
/* Whether two files lie in the same blocks, all of which are proven: then nothing of them needs to be read.
 * same may be NULL. */
gboolean vf_diff_same_files (const VfDiffSame *same, int fd_a, int fd_b);

/* ---- diff-content.c */
/* The first byte in [offset, offset + length) in which two files differ; -1: none. Where one ends first, its
 * end. length G_MAXINT64: to the end. -2 with error. */
gint64 vf_diff_content (int fd_a, int fd_b, gint64 offset, gint64 length, GCancellable *cancellable,
                        GError **error);

/* ---- diff-xattr.c */
/* name → value (GBytes) of the entry `name` of a folder; never follows a link. NULL with error. */
GHashTable *vf_diff_xattrs (int folder, const char *name, GError **error);
/* "\"text\"", or hexadecimal. Free the result. */
char *vf_diff_format_bytes (GBytes *bytes);

/* ---- diff-walk.c */
typedef struct {
  VfDifferenceFunc func;
  gpointer user_data;
  GCancellable *cancellable;
  const VfDiffSame *same; /* may be NULL */
  const char *prefix;     /* of paths: "" or "ESP:" */
  guint *n_read;          /* counts the pairs of files that were read; may be NULL */
} VfDiffWalk;
/* Compares two folders and all below them, in the order of names. */
gboolean vf_diff_walk (const VfDiffWalk *walk, const char *root_a, const char *root_b, GError **error);
