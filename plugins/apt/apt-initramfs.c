/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The initial RAM filesystem, made once for all that a stage installs. A kernel's maintainer script makes
 * one, and a trigger of other packages makes it again at the end, each of which takes as long as unpacking a
 * hundred packages. So the script is told not to (INITRD=No, which the hooks of initramfs-tools, dracut and
 * tiny-initramfs heed), a hook of ours notes which kernels were configured, and what no trigger made until
 * the end is made then, by those hooks that know of INITRD. */
#include "apt.h"

#define HOOKS "etc/kernel/postinst.d"
/* First in the order, so that whatever makes one is later than the note. */
#define HOOK  HOOKS "/00vmforge-note"
#define NOTES "boot/.vmforge-kernel-"

static const char hook[] = "#!/bin/sh\n"
                           "# Of a build by vmforge, which removes it at its end.\n"
                           "case \"$DEB_MAINT_PARAMS\" in\n"
                           "'' | *configure*) echo \"$2\" >\"/" NOTES "$1\" ;;\n"
                           "esac\n";

/* A kernel that needs none is left without; one whose needs are unknown gets one. */
static const char make_noted[] =
    "set -e\n"
    "for note in /" NOTES "*; do\n"
    "  [ -e \"$note\" ] || continue\n"
    "  version=${note#/" NOTES "}\n"
    "  read -r image <\"$note\" || :\n"
    "  config=/boot/config-$version initrd=/boot/initrd.img-$version\n"
    "  made=\n"
    "  [ -e \"$initrd\" ] && ! [ \"$note\" -nt \"$initrd\" ] && made=yes\n"
    "  rm \"$note\"\n"
    "  [ -z \"$made\" ] && [ -e \"$image\" ] || continue\n"
    "  [ ! -e \"$config\" ] || grep -q '^CONFIG_BLK_DEV_INITRD=y' \"$config\" || continue\n"
    "  for hook in /" HOOKS "/*; do\n"
    "    [ -x \"$hook\" ] && grep -q INITRD \"$hook\" || continue\n"
    "    DEB_MAINT_PARAMS=configure \"$hook\" \"$version\" \"$image\"\n"
    "  done\n"
    "done\n";

int
apt_initramfs_defer (AptDpkg *dpkg)
{
  dpkg->made_hooks = !pkg_exists (dpkg->root, HOOKS);
  return pkg_write (dpkg->call, dpkg->root, HOOK, hook, strlen (hook), 0755);
}

/* The folder of the hook goes too, if no package has put something into it. */
static void
remove_hook (const AptDpkg *dpkg)
{
  pkg_remove (dpkg->root, HOOK);
  if (dpkg->made_hooks)
    pkg_remove_empty_folders (dpkg->root, HOOKS);
}

int
apt_initramfs_make (AptDpkg *dpkg)
{
  remove_hook (dpkg);
  const char *argv[] = {"/bin/sh", "-c", make_noted, NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox};
  dpkg->call->host->progress (dpkg->call, 0.95, "making the initial RAM filesystem");
  return pkg_run (dpkg->call, &program, &sandbox, VMFORGE_PLUGIN_FAILED, "making the initial RAM filesystem");
}

int
apt_initramfs_update (Call *call, const struct vmforge_root *root)
{
  const char *argv[] = {"update-initramfs", "-u", "-k", "all", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox};
  if (!pkg_exists (root, "usr/sbin/update-initramfs"))
    return 0;
  call->host->progress (call, 0.1, "making the initial RAM filesystem");
  return pkg_run (call, &program, &sandbox, VMFORGE_PLUGIN_FAILED,
                  "'update-initramfs -u -k all' in the image");
}
