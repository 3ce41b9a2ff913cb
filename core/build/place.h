/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A file that is there as long as something is mounted on it. */
#pragma once

#include "build/rootfs.h"

/* What was made for it; all zero: nothing. */
typedef struct {
  char *path;      /* resolved, of the empty file; NULL: there was a file */
  guint n_folders; /* above it that were made as well */
  ino_t inode;
  struct timespec before, after; /* modification times of the folder below which all of it was made */
} VfPlace;

/* Makes an empty file at path, where links lead, unless there is one. resolved: where; free it. */
gboolean vf_place_make (VfPlace *place, const VfRootfs *root, const char *path, char **resolved,
                        GError **error);
/* Takes away what was made, unless it is used for something else by now. Clears place. */
void vf_place_remove (VfPlace *place, const VfRootfs *root);
