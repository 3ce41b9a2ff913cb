/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/process.h"

#include "support/error.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Which package has a program, where the name does not say so. */
static const char *
package_of (const char *program)
{
  static const struct {
    const char *program, *package;
  } known[] = {
      {"bwrap", "bubblewrap"},
      {"mcopy", "mtools"},
      {"mmd", "mtools"},
      {"sfdisk", "fdisk"},
      {"losetup", "mount"},
      {"mdel", "mtools"},
      {"mkfs.fat", "dosfstools"},
      {"mkfs.ext4", "e2fsprogs"},
      {"mke2fs", "e2fsprogs"},
      {"resize2fs", "e2fsprogs"},
      {"e2fsck", "e2fsprogs"},
      {"tune2fs", "e2fsprogs"},
      {"mkfs.xfs", "xfsprogs"},
      {"xfs_growfs", "xfsprogs"},
      {"qemu-img", "qemu-utils"},
      {"apt-get", "apt"},
      {"apt-config", "apt"},
      {"apt-cache", "apt"},
      {"apt-helper", "apt"},
      {"bsdtar", "libarchive-tools"},
      {"dnf", "dnf"},
      {"rpmkeys", "rpm"},
      {"mount", "mount"},
      {"umount", "mount"},
      {"fstrim", "util-linux"},
      {"vmforge-worker", "vmforge"},
      {"dpkg-deb", "dpkg"},
      {"xargs", "findutils"},
      {"qemu-system-x86_64", "qemu-system-x86"},
      {"qemu-system-i386", "qemu-system-x86"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (strcmp (known[i].program, program) == 0)
      return known[i].package;
  return program;
}

/* root may "execute" folders as far as access() goes. */
static gboolean
is_program (const char *path)
{
  struct stat st;
  return stat (path, &st) == 0 && S_ISREG (st.st_mode) && access (path, X_OK) == 0;
}

char *
vf_process_find (const char *program, GError **error)
{
  static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                        "/usr/bin",        "/sbin",          "/bin"};
  if (strchr (program, '/') != NULL && is_program (program))
    return g_strdup (program);
  for (gsize i = 0; strchr (program, '/') == NULL && i < G_N_ELEMENTS (folders); i++) {
    g_autofree char *path = g_build_filename (folders[i], program, NULL);
    if (is_program (path))
      return g_steal_pointer (&path);
  }
  g_autofree char *name = g_path_get_basename (program);
  vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "program '%s' not found: install the package '%s'", program,
                package_of (name));
  return NULL;
}
