/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What two images differ in, file by file. */
#pragma once

#include "store/store.h"

typedef struct {
  const char *path; /* as in the image, or "ESP:/…" in the EFI system partition, or the name of a boot area */
  const char
      *what; /* "path", "type", "mode", "owner", "content", "target", "device", "links", "mtime", "xattr…" */
  const char *a, *b; /* in words; NULL: it has none */
  gint64 offset;     /* of the first byte that differs; -1: this is not about content */
} VfDifference;

/* Everything is valid during the call alone. */
typedef void (*VfDifferenceFunc) (const VfDifference *difference, gpointer user_data);

typedef struct {
  VmforgeStore *store; /* with storage; both sides may have the same */
  const VfImage *image;
} VfDiffSide;

/* Compares the root filesystems, the EFI system partitions' files and the boot areas of two sealed images,
 * both read-only, in a private mount namespace. Needs root. */
gboolean vf_image_diff_tree (const VfDiffSide *a, const VfDiffSide *b, VfDifferenceFunc func,
                             gpointer user_data, GCancellable *cancellable, GError **error);
