/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Places boot files into a volume, beside its filesystem: the work of grub-bios-setup and of a mounted EFI
 * system partition, on a plain file or block device. */
#pragma once

#include "build/disk.h"

/* boot sector and core image, whole, of GRUB's i386-pc. The protective partition table stays. */
gboolean vf_embed_bios (const char *path, const VfDiskLayout *layout, const guint8 *boot, gsize boot_length,
                        const guint8 *core, gsize core_length, GError **error);

/* Copies the host's file `source` to `target` (a/b/c) in the EFI system partition, replacing an earlier one.
 * Times are those of epoch (seconds since 1970). */
gboolean vf_embed_efi (const char *path, const VfDiskLayout *layout, const char *source, const char *target,
                       gint64 epoch, GCancellable *cancellable, GError **error);
