/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes under construction. The protocol that makes their recovery safe is in recover.c and docs/store.md.
 */
#include "store/records.h"
#include "store/stage-index.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>
#include <unistd.h>

VfJson *
vf_building_read (VmforgeStore *store, const char *volume, GError **error)
{
  g_autofree char *path = g_strdup_printf ("building/%s.json", volume);
  return vf_records_read (store, path, error);
}

gboolean
vf_building_write (VmforgeStore *store, const char *volume, VfJson *record, GError **error)
{
  g_autofree char *path = g_strdup_printf ("building/%s.json", volume);
  return vf_checked_write (store->fd, path, record, error);
}

VfLock *
vf_building_try_lock (VmforgeStore *store, const char *volume, GError **error)
{
  g_autofree char *path = g_strdup_printf ("building/%s.lock", volume);
  return vf_lock_try (store->fd, path, VF_LOCK_EXCLUSIVE, error);
}

gboolean
vf_building_forget (VmforgeStore *store, const char *volume, GError **error)
{
  g_autofree char *record = g_strdup_printf ("building/%s.json", volume);
  g_autofree char *lock = g_strdup_printf ("building/%s.lock", volume);
  vf_building_index_remove (store, volume);
  return vf_records_remove (store, record, error) && vf_records_remove (store, lock, error);
}

gboolean
vf_building_remove_volume (VmforgeStore *store, const char *volume, GError **error)
{
  GCancellable *cancellable = store->host.cancellable;
  store->host.cancellable = NULL;
  gboolean removed = vf_storage_remove (store->storage, volume, error);
  store->host.cancellable = cancellable;
  return removed;
}

static void
building_free (VfBuilding *building)
{
  g_clear_pointer (&building->lock, vf_lock_release);
  g_free (building->volume);
  g_free (building->key);
  g_free (building);
}

static gboolean
check_stage_present (VmforgeStore *store, const char *key, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) stage = key == NULL ? NULL : vf_store_find_stage (store, key, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (key == NULL || stage != NULL)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                       "stage %.12s was removed from %s meanwhile: run the command again", key,
                       store->storage_name);
}

static VfJson *
make_record (VmforgeStore *store, const VfBuildingStage *what)
{
  VfJson *record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  if (what->key != NULL)
    vf_json_set_string (record, "key", what->key);
  if (what->parent != NULL)
    vf_json_set_string (record, "parent", what->parent);
  if (what->stage != NULL)
    vf_json_set_string (record, "stage", what->stage);
  if (what->spec != NULL)
    vf_json_set_string (record, "spec", what->spec);
  vf_json_set_string (record, "storage", store->storage_name);
  vf_json_set_int (record, "pid", getpid ());
  vf_json_set_int (record, "started", g_get_real_time () / G_USEC_PER_SEC);
  vf_json_set_int (record, "reserve", (gint64)MIN (what->reserve, G_MAXINT64));
  vf_json_set_bool (record, "kept", FALSE);
  return record;
}

VfBuilding *
vf_store_begin_stage (VmforgeStore *store, const VfBuildingStage *what, GError **error)
{
  g_return_val_if_fail (store->storage != NULL, NULL);
  g_auto (VfRoom) room = {.available = G_MAXUINT64};
  /* A storage may take its time to answer (it gives space back first): nobody else waits for that. */
  if (what->reserve > 0 && !vf_room_ask (store, &room, error))
    return NULL;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL || !check_stage_present (store, what->parent, error) ||
      !vf_room_check (store, &room, what->reserve, error))
    return NULL;
  VfBuilding *building = g_new0 (VfBuilding, 1);
  building->volume = vf_digest_random_id ();
  building->key = g_strdup (what->key);
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfJson) record = make_record (store, what);
  building->lock = vf_building_try_lock (store, building->volume, &failure);
  if (building->lock != NULL && vf_building_write (store, building->volume, record, &failure)) {
    if (what->parent != NULL)
      vf_store_touch (store, what->parent);
    return building;
  }
  if (building->lock != NULL)
    vf_building_forget (store, building->volume, NULL);
  building_free (building);
  if (failure == NULL)
    vf_error_set (&failure, VMFORGE_ERROR_FAILED, "the lock of a new volume is taken");
  g_propagate_prefixed_error (error, g_steal_pointer (&failure), "store '%s': ", store->path);
  return NULL;
}

VfBuilding *
vf_store_begin_clone (VmforgeStore *store, const char *key, guint64 reserve, GError **error)
{
  VfBuildingStage what = {.parent = key, .reserve = reserve};
  return vf_store_begin_stage (store, &what, error);
}

/* A record that a failed or cut off vf_store_record_stage left goes before the volume that it names. A
 * throw-away clone has the key of its parent, whose record names another volume and stays. */
static gboolean
forget_stage (VmforgeStore *store, const VfBuilding *building, GError **error)
{
  if (building->key == NULL)
    return TRUE;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  return gate != NULL && vf_stage_forget (store, building->key, building->volume, error);
}

static gboolean
keep_volume (VmforgeStore *store, const VfBuilding *building, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL)
    return FALSE;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfJson) record = vf_building_read (store, building->volume, &failure);
  if (record == NULL) {
    if (failure == NULL)
      vf_error_set (&failure, VMFORGE_ERROR_FAILED, "the record of volume %s is gone", building->volume);
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  vf_json_set_bool (record, "kept", TRUE);
  return vf_building_write (store, building->volume, record, error);
}

gboolean
vf_store_end (VmforgeStore *store, VfBuilding *building, gboolean remove_volume, gboolean keep,
              GError **error)
{
  gboolean done;
  if (keep)
    done = keep_volume (store, building, error);
  else if (remove_volume)
    done = forget_stage (store, building, error) &&
           vf_building_remove_volume (store, building->volume, error) &&
           vf_building_forget (store, building->volume, error);
  else
    done = vf_building_forget (store, building->volume, error);
  building_free (building);
  return done;
}
