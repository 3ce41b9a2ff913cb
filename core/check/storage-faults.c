/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What happens to a plugin while it works: it is asked to stop, others work beside it, its disk is full. */
#include "check/suites.h"
#include "check/volume.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#define SIZE      (16 * VF_CHECK_MIB)
#define PROCESSES 4
#define DISK      "size=96m"

gboolean
vf_check_storage_cancelled (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) parent = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  if (!parent)
    return FALSE;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) left = NULL;
  g_cancellable_cancel (cancellable);
  check->host.cancellable = cancellable;
  g_autoptr (VfCheckVolume) clone = vf_check_volume_clone (parent, &left);
  gboolean removed = !clone || vf_check_volume_remove (clone, error);
  check->host.cancellable = NULL;
  VfCheckVolume *const rest[] = {parent, NULL};
  if (!removed || !vf_check_volumes_listed (check, storage, rest, clone ? "remove" : "clone", error))
    return FALSE;
  return vf_check_volume_verify (parent, "clone", error) &&
         vf_check_note (check, "clone %s", clone ? "is done at once" : "stops");
}

/* What one of several processes does. */
static gboolean
work (VfCheck *check, gpointer data, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  for (guint round = 0; round < 5; round++) {
    g_autoptr (VfCheckVolume) volume =
        storage ? vf_check_volume_sealed (check, storage, SIZE / 4, error) : NULL;
    g_autoptr (VfCheckVolume) clone = volume ? vf_check_volume_clone (volume, error) : NULL;
    if (!clone || !vf_check_volume_change (clone, 4, error) ||
        !vf_check_volume_verify (volume, "clone", error) || !vf_check_volume_verify (clone, "clone", error) ||
        !vf_check_volume_remove (volume, error) || !vf_check_volume_verify (clone, "remove", error) ||
        !vf_check_volume_remove (clone, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_check_storage_together (VfCheck *check, GError **error)
{
  VfCheckChild children[PROCESSES];
  guint n = 0;
  gboolean done = TRUE;
  while (done && n < PROCESSES)
    if ((done = vf_check_start (check, work, NULL, &children[n], error)))
      n++;
  for (guint i = 0; i < n; i++)
    if (!vf_check_wait (check, &children[i], done ? error : NULL))
      done = FALSE;
  g_autoptr (VfStorage) storage = done ? vf_check_open (check, error) : NULL;
  VfCheckVolume *const none[] = {NULL};
  return storage && vf_check_volumes_listed (check, storage, none, "list", error);
}

static guint64
room_at (const char *path)
{
  struct statvfs status;
  return statvfs (path, &status) < 0 ? 0 : (guint64)status.f_bavail * status.f_frsize;
}

/* A failure for want of space must be told as that, so that the engine can say which disk it is. */
static gboolean
check_no_space (VfCheck *check, const GError *left, const char *callback, GError **error)
{
  if (g_error_matches (left, VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE))
    return TRUE;
  return vf_check_fail (check, error, callback, "on a full disk it fails with another code than NO_SPACE: %s",
                        left->message);
}

/* Clones and writes until the disk is full. */
static gboolean
fill (VfCheck *check, VfCheckVolume *parent, GPtrArray *made, GError **error)
{
  while (made->len < 64) {
    g_autoptr (GError) left = NULL;
    VfCheckVolume *clone = vf_check_volume_clone (parent, &left);
    if (!clone)
      return check_no_space (check, left, "clone", error);
    g_ptr_array_add (made, clone);
    if (vf_check_volume_map (clone, &left) && vf_check_volume_scribble (clone, 60, &left) &&
        vf_storage_sync (clone->storage, clone->id, clone->path, &left) &&
        vf_check_volume_unmap (clone, &left))
      continue;
    vf_fd_clear (&clone->fd);
    return check_no_space (check, left, clone->path ? "sync" : "map", error);
  }
  return vf_check_fail (check, error, "clone", "a disk of 96 MiB never fills up");
}

/* Sealed volumes are as they were, and removing makes room. */
static gboolean
make_room (VfCheck *check, VfStorage *storage, VfCheckVolume *parent, GPtrArray *made, GError **error)
{
  if (!vf_check_volume_verify (parent, "clone", error))
    return FALSE;
  for (guint i = 0; i < made->len; i++)
    if (!vf_check_volume_remove (g_ptr_array_index (made, i), error))
      return FALSE;
  VfCheckVolume *const rest[] = {parent, NULL};
  return vf_check_volumes_listed (check, storage, rest, "remove", error);
}

/* The room is there for the next that opens the store. */
static gboolean
use_room (VfCheck *check, VfCheckVolume *parent, GError **error)
{
  g_autoptr (VfStorage) storage = parent->storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) again = storage ? vf_check_volume_clone (parent, error) : NULL;
  return again && vf_check_volume_change (again, 20, error) &&
         vf_check_volume_verify (again, "clone", error) && vf_check_volume_seal (again, error) &&
         vf_check_volume_verify (parent, "clone", error);
}

gboolean
vf_check_storage_full (VfCheck *check, GError **error)
{
  g_autofree char *disk = g_build_filename (check->work, "small", NULL);
  if (!vf_fs_mkdir_p (AT_FDCWD, disk, 0700, error))
    return FALSE;
  if (mount ("tmpfs", disk, "tmpfs", MS_NOSUID | MS_NODEV, DISK) < 0)
    return vf_error_set_errno (error, "cannot mount a small filesystem at '%s'", disk);
  check->store = disk;
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  guint64 before = room_at (disk);
  g_autoptr (VfCheckVolume) parent = storage ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  if (!parent || !vf_check_volume_change (parent, 120, error) || !vf_check_volume_seal (parent, error))
    return FALSE;
  if (room_at (disk) + 4 * VF_CHECK_MIB > before)
    return vf_check_skip (check, "its volumes are not in the folder of the store");
  g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_check_volume_free);
  if (!fill (check, parent, made, error) || !make_room (check, storage, parent, made, error))
    return FALSE;
  g_clear_pointer (&storage, vf_storage_close);
  return use_room (check, parent, error);
}
