/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "yum.h"

/* The scriptlets of kernels make an initial RAM filesystem by themselves. This is for files that the user
 * placed since. */
static int
update_initramfs (Call *call, const struct vmforge_root *root)
{
  const char *argv[] = {"dracut", "--force", "--regenerate-all", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox};
  if (!pkg_exists (root, "usr/bin/dracut"))
    return 0;
  return pkg_run (call, &program, &sandbox, VMFORGE_PLUGIN_FAILED, "making the initial RAM filesystem");
}

int
yum_boot (void *handle, Call *call, const struct vmforge_root *root,
          const struct vmforge_boot_request *request)
{
  const Yum *yum = handle;
  if ((request->flags & VMFORGE_BOOT_INITRAMFS) != 0 && update_initramfs (call, root) < 0)
    return -1;
  return pkg_grub (call, root, request, yum->arch);
}
