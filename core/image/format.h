/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The formats of exported images. */
#pragma once

#include "store/store.h"

/* What is exported, and what the storage knows of it. */
typedef struct {
  VmforgeStore *store;
  const VfImage *image;
  char *path; /* where it is mapped */
  int fd;     /* of that, for reading */
} VfImageSource;

/* Writes it, in one of vf_image_formats(), to an empty file. What is needed meanwhile is made in the folder,
 * and has ID in its name if it has one. */
gboolean vf_image_write (const VfImageSource *source, const char *format, const char *folder, const char *id,
                         int to, GCancellable *cancellable, GError **error);
