/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The root filesystem of a volume: made, grown, mounted in this process's private mount namespace, trimmed.
 */
#pragma once

#include "build/disk.h"

typedef struct {
  const char *type;        /* "ext4", "xfs" */
  const char *const *mkfs; /* the profile's arguments, NULL terminated */
  gint64 epoch;            /* the time that it says it was made, seconds since 1970 */
} VfFilesystem;

/* The volume reads as zeros in range. Errors: nothing is known of that type, or the profile says too little.
 */
gboolean vf_filesystem_make (const VfFilesystem *filesystem, const char *path, const VfDiskRange *range,
                             const VfDiskIds *ids, GCancellable *cancellable, GError **error);

/* Mount points must exist. This folder is made for all and stays, empty: what is mounted there (memory, and
 * the root filesystem below) is in the private mount namespace of one process, and vanishes with it. */
#define VF_MOUNT_FOLDER "/run/vmforge"
/* Mounts that memory, in the namespace of the caller's own, and makes the place of the root filesystem in it.
 */
gboolean vf_mount_make_target (char **target, GError **error);

typedef struct _VfMount VfMount;

/* Mounts it at `target` (a folder), with empty memory filesystems on its /run and /tmp: what programs leave
 * there while building must not ship. grow: the partition may have become larger than the filesystem. */
VfMount *vf_mount_new (const VfFilesystem *filesystem, const char *path, const VfDiskRange *range,
                       const char *target, gboolean grow, GCancellable *cancellable, GError **error);
/* Bytes of the root filesystem: all, and those that root may still fill. */
gboolean vf_mount_get_space (const VfMount *mount, guint64 *total, guint64 *available, GError **error);
/* Unmounts the memory filesystems on /run and /tmp: the folders below them can be seen. */
gboolean vf_mount_uncover (VfMount *mount, GError **error);
/* Trims, writes what is left and unmounts, and says who prevents it. A write that failed at any time since
 * vf_mount_new() is an error. The object stays to be freed. */
gboolean vf_mount_close (VfMount *mount, GError **error);
/* Unmounts whatever is left, lazily: for failures. */
void vf_mount_free (VfMount *mount);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfMount, vf_mount_free)
