/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A throw-away clone of an image: known to the store while it lives, so that recovery removes what a crash
 * left. */
#pragma once

#include "image/image.h"

typedef struct {
  VmforgeStore *store;
  VfBuilding *building;
  char *path; /* a file or block device, writable */
} VfClone;

/* size: to grow it to; 0: as it is. */
VfClone *vf_clone_new (VmforgeStore *store, const VfImage *image, guint64 size, GError **error);
/* Removes it; also after the user asked to stop. */
gboolean vf_clone_close (VfClone *clone, GError **error);
