/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "yum.h"

int
yum_boot (void *handle, Call *call, const struct vmforge_root *root,
          const struct vmforge_boot_request *request)
{
  if (!pkg_exists (root, "usr/sbin/grub2-mkconfig") && !pkg_exists (root, "usr/sbin/grub-mkconfig"))
    return 0;
  return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "boot loaders of the RPM family are not made yet");
}
