/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The root filesystem of a volume, mounted where this process alone sees it. */
#pragma once

#include "build/mount.h"

/* path: of the root filesystem. Programs that it starts see it too. */
typedef gboolean (*VfInsideFunc) (const char *path, gpointer user_data, GError **error);

/* Calls func in a thread of its own with a private mount namespace. path: a folder in memory where it may
 * mount; whatever it leaves mounted ends with the thread. */
gboolean vf_inside_private (VfInsideFunc func, gpointer user_data, GError **error);
/* "ext4" or "xfs", by the magic number; static. NULL with error. */
const char *vf_inside_probe (const char *volume_path, const VfDiskRange *range, GError **error);

/* Calls func in a thread of its own with a private mount namespace, in which the root filesystem of the disk
 * `volume_path` is mounted, with memory filesystems on its /run and /tmp. Nothing is left mounted. */
gboolean vf_inside_run (const char *volume_path, VfInsideFunc func, gpointer user_data, GError **error);
