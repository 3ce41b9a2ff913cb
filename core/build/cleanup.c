/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What no image ships: identities, randomness, and the traces of its own building. */

#include "build/work.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

/* Logs of the package tools tell when and where the image was built; /var/log itself and its folders stay,
 * with their owners, because services expect them. */
static const char *const removed[] = {
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
static const char *const emptied[] = {"/var/tmp",       "/var/log/apt",   "/var/cache/apt/archives",
                                      "/var/cache/dnf", "/var/cache/yum", "/var/cache/ldconfig"};

static gboolean
remove_host_keys (VfWork *work, GError **error)
{
  vf_autofd int fd = vf_rootfs_open_at (work->root, "/etc/ssh", O_RDONLY | O_DIRECTORY, NULL);
  if (fd < 0)
    return TRUE;
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = g_dir_open (self, 0, error);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    if (fnmatch ("ssh_host_*_key", name, 0) == 0 || fnmatch ("ssh_host_*_key.pub", name, 0) == 0)
      if (!vf_fs_remove (fd, name, error))
        return FALSE;
  return dir != NULL;
}

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
  if (!remove_host_keys (work, error) || !clear_machine_id (work, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (removed); i++)
    if (!vf_rootfs_remove (work->root, removed[i], error))
      return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (emptied); i++)
    if (!vf_rootfs_empty (work->root, emptied[i], error))
      return FALSE;
  return TRUE;
}
