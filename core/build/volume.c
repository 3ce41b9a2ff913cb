/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* First and last step of a stage: from the parent's volume to a mounted root filesystem, and back to a sealed
 * one. */

#include "build/clamp.h"
#include "build/host-keys.h"

#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

static gboolean
get_size (const char *path, guint64 *bytes, GError **error)
{
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  off_t end = fd < 0 ? -1 : lseek (fd, 0, SEEK_END); /* of a block device as well */
  if (end < 0)
    return vf_error_set_errno (error, "cannot ask for the size of '%s'", path);
  *bytes = end;
  return TRUE;
}

static gboolean
create_volume (VfWork *work, const VfFilesystem *filesystem, GError **error)
{
  const char *volume = vf_json_string (work->job, "volume", "");
  return vf_storage_label (work->storage, volume, vf_json_string (work->job, "key", ""), error) &&
         vf_storage_create (work->storage, volume, work->bytes, error) &&
         vf_storage_map (work->storage, volume, FALSE, &work->volume_path, error) &&
         vf_disk_create (work->volume_path, work->bytes, vf_json_string (work->job, "arch", ""), work->ids,
                         NULL, error) &&
         vf_disk_read (work->volume_path, &work->layout, error) &&
         vf_filesystem_make (filesystem, work->volume_path, &work->layout.root, work->ids, NULL, error);
}

/* grown: the partition is larger than the parent's. */
static gboolean
grow_volume (VfWork *work, const char *volume, gboolean *grown, GError **error)
{
  guint64 size = 0;
  if (!get_size (work->volume_path, &size, error))
    return FALSE;
  if (work->bytes < size)
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "the volume of this stage would be smaller than that of the stage below: raise `size`");
  if (work->bytes == size)
    return TRUE;
  *grown = TRUE;
  if (!vf_storage_unmap (work->storage, volume, error) ||
      !vf_storage_grow (work->storage, volume, work->bytes, error))
    return FALSE;
  g_clear_pointer (&work->volume_path, g_free);
  return vf_storage_map (work->storage, volume, FALSE, &work->volume_path, error) &&
         vf_disk_grow (work->volume_path, work->bytes, error);
}

static gboolean
clone_volume (VfWork *work, const char *parent, gboolean *grown, GError **error)
{
  const char *volume = vf_json_string (work->job, "volume", "");
  return vf_storage_label (work->storage, volume, vf_json_string (work->job, "key", ""), error) &&
         vf_storage_clone (work->storage, volume, parent, error) &&
         vf_storage_map (work->storage, volume, FALSE, &work->volume_path, error) &&
         grow_volume (work, volume, grown, error) && vf_disk_read (work->volume_path, &work->layout, error);
}

/* Programs of others may write through memory maps, which nobody is told of. What runs in other stages
 * (systemctl, useradd, what makes boot files) does not. */
static gboolean
is_told_of_changes (const VfWork *work)
{
  static const char *const reasons[] = {"packages", "install", "remove", "repositories", "run"};
  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++) {
    VfJson *list = vf_json_array (work->job, reasons[i]);
    if (list && json_object_array_length (list) > 0)
      return FALSE;
  }
  return !vf_work_is_core (work);
}

gboolean
vf_work_prepare (VfWork *work, GError **error)
{
  const char *parent = vf_json_string (work->job, "parent_volume", NULL);
  const VfFilesystem filesystem = {
      .type = vf_json_string (work->job, "filesystem", "ext4"),
      .mkfs = (const char *const *)work->mkfs,
      .epoch = work->epoch,
  };
  gboolean grown = FALSE;
  g_autofree char *target = NULL;
  if (!(parent ? clone_volume (work, parent, &grown, error) : create_volume (work, &filesystem, error)) ||
      !vf_mount_make_target (&target, error))
    return FALSE;
  work->mount = vf_mount_new (&filesystem, work->volume_path, &work->layout.root, target, grown, NULL, error);
  if (!work->mount)
    return FALSE;
  work->root = vf_rootfs_open (target, work->epoch, error);
  if (!work->root)
    return FALSE;
  work->sandbox.root_path = work->root->path;
  work->sandbox.root_fd = work->root->fd;
  if (is_told_of_changes (work))
    work->changes = vf_changes_watch (work->root->fd);
  return vf_host_keys_inherit (work, error);
}

/* Also of the folders that memory filesystems hid until now. */
static gboolean
clamp_times (VfWork *work, GError **error)
{
  const gint64 start = g_get_monotonic_time ();
  gboolean complete = FALSE;
  if (!vf_mount_uncover (work->mount, error) ||
      (work->changes && !vf_changes_clamp (work->changes, work->epoch, &complete, error)))
    return FALSE;
  g_clear_pointer (&work->changes, vf_changes_free);
  if (!complete && !vf_clamp_times (work->root->fd, work->epoch, error))
    return FALSE;
  vf_events_logf (work->events, "vmforge: looking at the times of %s files took %.2f s",
                  complete ? "changed" : "all", (double)(g_get_monotonic_time () - start) / G_USEC_PER_SEC);
  return TRUE;
}

gboolean
vf_work_finish (VfWork *work, GError **error)
{
  const char *volume = vf_json_string (work->job, "volume", "");
  g_clear_pointer (&work->backend, vf_backend_close);
  if (!clamp_times (work, error))
    return FALSE;
  g_clear_pointer (&work->root, vf_rootfs_close);
  if (!vf_mount_close (work->mount, error))
    return FALSE;
  g_clear_pointer (&work->mount, vf_mount_free);
  return vf_storage_unmap (work->storage, volume, error) && vf_storage_seal (work->storage, volume, error);
}
