/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Whether an image is what somebody signed: signatures, the root of its block index, and every block. */
#pragma once

#include "store/store.h"

typedef struct {
  /* A step that was good, or a fault; what: a line. */
  void (*step) (gboolean good, const char *what, gpointer user_data);
  void (*progress) (double fraction, gpointer user_data); /* of the blocks; may be NULL */
  gpointer user_data;
} VfVerifyWatcher;

/* quick: without the blocks. All steps are taken, whatever the ones before found. FALSE with an error where
 * one found a fault, or could not be taken. Needs the storage. */
gboolean vf_image_verify (VmforgeStore *store, const VfImage *image, gboolean quick,
                          const VfVerifyWatcher *watcher, GError **error);
