/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The life of one volume: made, written, grown, sealed, listed, removed. */
#include "check/suites.h"
#include "check/volume.h"
#include "support/error.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SIZE (16 * VF_CHECK_MIB)

static gboolean
has_one_place (VfCheck *check, VfStorage *storage, GError **error)
{
  g_autofree char *place = NULL, *again = NULL;
  if (!vf_storage_ask_place (storage, &place, error) || !vf_storage_ask_place (storage, &again, error))
    return FALSE;
  return g_strcmp0 (place, again) == 0 ||
         vf_check_fail (check, error, "place", "its place is '%s', and another place a moment later: '%s'",
                        place, again);
}

gboolean
vf_check_storage_open (VfCheck *check, GError **error)
{
  for (guint i = 0; i < 3; i++) {
    g_autoptr (VfStorage) storage = vf_check_open (check, error);
    VfCheckVolume *const none[] = {NULL};
    if (!storage || !has_one_place (check, storage, error) ||
        !vf_check_volumes_listed (check, storage, none, "list", error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_check_storage_create (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) small =
      storage ? vf_check_volume_create (check, storage, VF_CHECK_MIB, error) : NULL;
  g_autoptr (VfCheckVolume) large = small ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  VfCheckVolume *const volumes[] = {small, large, NULL};
  return large && vf_check_volumes_listed (check, storage, volumes, "create", error) &&
         vf_check_volume_verify (small, "create", error) && vf_check_volume_verify (large, "create", error);
}

gboolean
vf_check_storage_write (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) volume = storage ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  if (!volume || !vf_check_volume_map (volume, error) || !vf_check_volume_fill (volume, error) ||
      !vf_storage_sync (storage, volume->id, volume->path, error) || !vf_check_volume_unmap (volume, error) ||
      !vf_check_volume_verify (volume, "unmap", error))
    return FALSE;
  /* Another handle on the same store, while the first is open. */
  g_autoptr (VfStorage) other = vf_check_open (check, error);
  volume->storage = other;
  return other && vf_check_volume_verify (volume, "open", error);
}

gboolean
vf_check_storage_grow (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) volume = storage ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  if (!volume || !vf_check_volume_change (volume, 20, error) ||
      !vf_check_volume_grow (volume, SIZE + 8 * VF_CHECK_MIB, error) ||
      !vf_check_volume_verify (volume, "grow", error) || !vf_check_volume_change (volume, 20, error) ||
      !vf_check_volume_verify (volume, "grow", error))
    return FALSE;
  GError *left = NULL;
  gboolean done = vf_storage_grow (storage, volume->id, SIZE, &left);
  VfCheckVolume *const volumes[] = {volume, NULL};
  return vf_check_refused (check, done, left, "grow", "to make a volume smaller", error) &&
         vf_check_volumes_listed (check, storage, volumes, "grow", error) &&
         vf_check_volume_verify (volume, "grow", error);
}

gboolean
vf_check_storage_seal (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) volume = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  VfCheckVolume *const volumes[] = {volume, NULL};
  if (!volume || !vf_check_volumes_listed (check, storage, volumes, "seal", error))
    return FALSE;
  GError *left = NULL;
  g_autofree char *path = NULL;
  gboolean done = vf_storage_map (storage, volume->id, FALSE, &path, &left);
  if (!vf_check_refused (check, done, left, "map", "to map a sealed volume for writing", error))
    return FALSE;
  left = NULL;
  done = vf_storage_grow (storage, volume->id, 2 * SIZE, &left);
  return vf_check_refused (check, done, left, "grow", "to grow a sealed volume", error) &&
         vf_check_volumes_listed (check, storage, volumes, "grow", error) &&
         vf_check_volume_verify (volume, "seal", error);
}

static gboolean
verify_elsewhere (VfCheck *check, gpointer data, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  if (!storage || !vf_check_volumes_listed (check, storage, data, "list", error))
    return FALSE;
  for (VfCheckVolume **volume = data; *volume; volume++) {
    (*volume)->storage = storage;
    if (!vf_check_volume_verify (*volume, "open", error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_check_storage_reopen (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) sealed = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  g_autoptr (VfCheckVolume) clone = sealed ? vf_check_volume_clone (sealed, error) : NULL;
  if (!clone || !vf_check_volume_change (clone, 10, error))
    return FALSE;
  g_clear_pointer (&storage, vf_storage_close);
  VfCheckVolume *volumes[] = {sealed, clone, NULL};
  VfCheckChild child;
  return vf_check_start (check, verify_elsewhere, volumes, &child, error) &&
         vf_check_wait (check, &child, error);
}

gboolean
vf_check_storage_remove (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) sealed = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  g_autoptr (VfCheckVolume) writable = sealed ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  g_autoptr (VfCheckVolume) mapped = writable ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  if (!mapped || !vf_check_volume_map (mapped, error) || !vf_check_volume_unmap (mapped, error))
    return FALSE;
  VfCheckVolume *const rest[] = {sealed, mapped, NULL}, *const none[] = {NULL};
  if (!vf_check_volume_remove (writable, error) ||
      !vf_check_volumes_listed (check, storage, rest, "remove", error))
    return FALSE;
  /* One that does not exist is no error. */
  return vf_check_volume_remove (writable, error) && vf_check_volume_remove (sealed, error) &&
         vf_check_volume_remove (mapped, error) &&
         vf_check_volumes_listed (check, storage, none, "remove", error);
}

gboolean
vf_check_storage_deactivate (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) volume = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  if (!volume || !vf_storage_deactivate (storage, error))
    return FALSE;
  g_clear_pointer (&storage, vf_storage_close);
  storage = volume->storage = vf_check_open (check, error);
  return storage && vf_check_volume_verify (volume, "deactivate", error);
}
