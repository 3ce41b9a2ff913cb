/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "apt.h"

int
apt_boot (void *handle, Call *call, const struct vmforge_root *root,
          const struct vmforge_boot_request *request)
{
  const Apt *apt = handle;
  if ((request->flags & VMFORGE_BOOT_INITRAMFS) != 0 && apt_initramfs_update (call, root) < 0)
    return -1;
  if (pkg_grub (call, root, request, apt->arch) < 0)
    return -1;
  /* From here on, in the guest, upgrades of GRUB install it on the guest's disk and into the ESP. */
  if (pkg_exists (root, "usr/sbin/grub-mkconfig") && pkg_exists (root, "usr/share/doc/grub-cloud-amd64"))
    return pkg_write (call, root, "etc/grub.d/enable_cloud", "", 0, 0644);
  return 0;
}
