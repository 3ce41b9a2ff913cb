/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The layout of a volume: GPT; 1 BIOS boot partition, 2 EFI system partition, 3 root filesystem (last, so
 * that it grows). Works on regular files and block devices, needs no partition devices. */
#pragma once

#include "vmforge/vmforge.h"

typedef struct {
  guint64 offset, length; /* bytes */
} VfDiskRange;

typedef struct {
  VfDiskRange bios, esp, root;
} VfDiskLayout;

/* Every identifier of the volume, derived from the Core key. */
typedef struct {
  char *disk, *bios, *esp, *root; /* GPT GUIDs */
  char *filesystem;               /* UUID of the root filesystem */
  char *hash_seed;                /* of its directories */
  guint32 fat_id;                 /* of the EFI system partition's FAT; fstab writes it 1234-ABCD */
  char *esp_uuid;
} VfDiskIds;
VfDiskIds *vf_disk_ids_new (const char *core_key);
void vf_disk_ids_free (VfDiskIds *ids);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfDiskIds, vf_disk_ids_free)

/* Smallest volume that holds the layout and a root filesystem of 64 MiB. */
#define VF_DISK_MIN_BYTES (G_GUINT64_CONSTANT (160) * 1024 * 1024)

/* Writes partition table and empty EFI system partition (FAT). */
gboolean vf_disk_create (const char *path, guint64 bytes, const char *arch, const VfDiskIds *ids,
                         GCancellable *cancellable, GError **error);
/* After the volume became larger: moves the backup table to the end and extends the root partition. */
gboolean vf_disk_grow (const char *path, guint64 bytes, GError **error);
/* Reads the table. */
gboolean vf_disk_read (const char *path, VfDiskLayout *layout, GError **error);
