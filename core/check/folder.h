/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The temporary folder of a suite: its name is locked while its owner lives, and the next suite removes those
 * whose owner was killed. */
#pragma once

#include "vmforge/vmforge.h"

typedef struct {
  char *path;
  int fd; /* holds the lock */
} VfCheckFolder;

/* place: where it is made. */
VfCheckFolder *vf_check_folder_new (const char *place, GError **error);
/* Removes it. Frees folder in any case. */
gboolean vf_check_folder_remove (VfCheckFolder *folder, GError **error);
