/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What no image ships: identities, randomness, and the traces of its own building. */

#include "build/host-keys.h"

/* Logs of the package tools tell when and where the image was built; /var/log itself and its folders stay,
 * with their owners, because services expect them. apt's caches hold times of files. */
static const char *const removed[] = {
    "/var/cache/apt/pkgcache.bin",
    "/var/cache/apt/srcpkgcache.bin",
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
    "/var/lib/dhcp/dhclient.leases",
    "/var/log/alternatives.log",
    "/var/log/bootstrap.log",
    "/var/log/dpkg.log",
    "/var/log/dnf.log",
    "/var/log/dnf.librepo.log",
    "/var/log/dnf.rpm.log",
    "/var/log/hawkey.log",
    "/var/log/yum.log",
    "/root/.bash_history",
};
static const char *const emptied[] = {"/var/tmp",       "/var/log/apt",   "/var/cache/apt/archives/partial",
                                      "/var/cache/dnf", "/var/cache/yum", "/var/cache/ldconfig"};
/* Their folders are of packages. */
static const char *const emptied_of_files[] = {"/var/cache/apt/archives"};

/* Empty, not absent: systemd then makes one at boot without taking it for a first boot that presets all
 * units. */
static gboolean
clear_machine_id (VfWork *work, GError **error)
{
  const VfAccess access = {0444, 0, 0};
  if (!vf_rootfs_write (work->root, "/etc/machine-id", "", 0, &access, error))
    return FALSE;
  return !vf_rootfs_exists (work->root, "/var/lib/dbus") ||
         vf_rootfs_symlink (work->root, "/var/lib/dbus/machine-id", "/etc/machine-id", 0, 0, error);
}

/* /run and /tmp of the image need no care: memory filesystems hid them since before anything was installed.
 */
gboolean
vf_work_clean (VfWork *work, GError **error)
{
  if (!vf_host_keys_remove (work, error) || !clear_machine_id (work, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (removed); i++)
    if (!vf_rootfs_remove (work->root, removed[i], error))
      return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (emptied); i++)
    if (!vf_rootfs_empty (work->root, emptied[i], error))
      return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (emptied_of_files); i++)
    if (!vf_rootfs_remove_files (work->root, emptied_of_files[i], error))
      return FALSE;
  return TRUE;
}
