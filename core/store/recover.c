/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Removing what dead processes left. Why a live volume is never taken:
 *
 *  1. building/VOLUME.json exists before the volume does, and until STORAGE.json names it or it is removed.
 *     So a volume that was listed *before* the records were read, and that no record names, is nobody's.
 *  2. VOLUME.lock is taken before VOLUME.json appears, both under the gate, which recovery holds as well
 * while it decides. So a record whose lock can be had has no builder, nor a worker that inherited the
 * descriptor.
 *  3. Volume ids are random and never used again: a record that is gone stays gone.
 *  4. What recovery decided to remove it has locked, and removes after leaving the gate: another recovery
 * finds that lock taken and passes by; a crash in between leaves the same work for the next one.
 *  5. All other records are written under the gate too: a temporary file found there has no living maker. */
#include "store/records.h"
#include "store/stage-index.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>
#include <unistd.h>

typedef struct {
  char *volume;
  VfLock *lock;
} Dead;

static void
dead_free (gpointer data)
{
  Dead *dead = data;
  vf_lock_release (dead->lock);
  g_free (dead->volume);
  g_free (dead);
}

/* Adds the volume to dead if nobody holds its lock. */
static gboolean
claim (VmforgeStore *store, const char *volume, GPtrArray *dead, GError **error)
{
  g_autoptr (GError) failure = NULL;
  VfLock *lock = vf_building_try_lock (store, volume, &failure);
  if (lock != NULL) {
    Dead *entry = g_new0 (Dead, 1);
    entry->volume = g_strdup (volume);
    entry->lock = lock;
    g_ptr_array_add (dead, entry);
    return TRUE;
  }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* Adds the volume of one stage record. A damaged one stops the recovery: its volume would look like an
 * orphan. Reads STORAGE.json alone: stage.json may list thousands of packages, and every opening of a store
 * comes here. */
static gboolean
scan_storage (VmforgeStore *store, const char *key, const char *storage, GHashTable *recorded, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autofree char *path = g_strdup_printf ("stages/%s/%s.json", key, storage);
  g_autoptr (VfJson) record = vf_records_read (store, path, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  const char *volume = record == NULL ? "" : vf_json_string (record, "volume", "");
  if (strlen (volume) != VF_VOLUME_HEX || !vf_digest_is_hex (volume, VF_VOLUME_HEX))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s/%s' is damaged: it names no volume", store->path,
                         path);
  g_hash_table_add (recorded, g_strdup (volume));
  return TRUE;
}

/* Collects the volumes of all stages; a folder without STORAGE.json is a record that was cut off. */
static gboolean
scan_stages (VmforgeStore *store, GHashTable *recorded, GError **error)
{
  g_auto (GStrv) keys = vf_records_names (store, "stages", NULL, error);
  if (keys == NULL)
    return FALSE;
  for (char **key = keys; *key != NULL; key++) {
    g_autofree char *folder = g_strdup_printf ("stages/%s", *key);
    g_auto (GStrv) storages = vf_stage_storages (store, *key, error);
    if (storages == NULL)
      return FALSE;
    for (char **storage = storages; *storage != NULL; storage++)
      if (!scan_storage (store, *key, *storage, recorded, error))
        return FALSE;
    vf_sweep_temporaries (store, folder);
    if (!(storages[0] == NULL ? vf_fs_remove (store->fd, folder, error)
                              : vf_stage_index_sweep (store, *key, storages, error)))
      return FALSE;
  }
  return TRUE;
}

/* Kept because the user said so, or because a transfer may go on; that not for ever. */
static gboolean
is_kept (VfJson *record)
{
  gint64 age = g_get_real_time () / G_USEC_PER_SEC - vf_json_int (record, "started", 0);
  return vf_json_bool (record, "kept", FALSE) &&
         (vf_json_object (record, "transfer") == NULL || age < VF_TRANSFER_SECONDS);
}

/* One building record. */
static gboolean
scan_building (VmforgeStore *store, const char *volume, GHashTable *recorded, GPtrArray *dead, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfJson) record = vf_building_read (store, volume, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (record == NULL || is_kept (record) ||
      strcmp (vf_json_string (record, "storage", ""), store->storage_name) != 0)
    return TRUE;
  guint before = dead->len;
  if (!claim (store, volume, dead, error))
    return FALSE;
  if (dead->len == before || !g_hash_table_contains (recorded, volume))
    return TRUE;
  /* The stage was recorded; only the builder's last step is missing. */
  gboolean forgotten = vf_building_forget (store, volume, error);
  g_ptr_array_set_size (dead, (gint)before);
  return forgotten;
}

static gboolean
scan_buildings (VmforgeStore *store, GHashTable *recorded, GHashTable *building, GPtrArray *dead,
                GError **error)
{
  g_auto (GStrv) volumes = vf_records_names (store, "building", ".json", error);
  if (volumes == NULL)
    return FALSE;
  for (char **volume = volumes; *volume != NULL; volume++) {
    g_hash_table_add (building, g_strdup (*volume));
    if (!scan_building (store, *volume, recorded, dead, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
scan_orphans (VmforgeStore *store, GPtrArray *volumes, GHashTable *recorded, GHashTable *building,
              GPtrArray *dead, GError **error)
{
  for (guint i = 0; i < volumes->len; i++) {
    const VfVolume *volume = g_ptr_array_index (volumes, i);
    if (!g_hash_table_contains (recorded, volume->id) && !g_hash_table_contains (building, volume->id) &&
        !claim (store, volume->id, dead, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_claimed (const char *volume, gpointer data)
{
  const GPtrArray *dead = data;
  for (guint i = 0; i < dead->len; i++)
    if (strcmp (((const Dead *)g_ptr_array_index (dead, i))->volume, volume) == 0)
      return TRUE;
  return FALSE;
}

/* Lock files of builders that died before their record appeared, or of removals that were cut off. */
static gboolean
sweep_locks (VmforgeStore *store, GPtrArray *dead, GError **error)
{
  g_auto (GStrv) volumes = vf_records_names (store, "building", ".lock", error);
  if (volumes == NULL)
    return FALSE;
  for (char **volume = volumes; *volume != NULL; volume++) {
    g_autofree char *record = g_strdup_printf ("building/%s.json", *volume);
    if (is_claimed (*volume, dead) || vf_fs_exists (store->fd, record))
      continue;
    g_autofree char *path = g_strdup_printf ("building/%s.lock", *volume);
    g_autoptr (VfLock) lock = vf_building_try_lock (store, *volume, NULL);
    if (lock != NULL)
      unlinkat (store->fd, path, 0);
  }
  return TRUE;
}

static gboolean
sweep_records (VmforgeStore *store, GPtrArray *dead, GError **error)
{
  static const char *const folders[] = {".",     "building", "keys",           "keys/trusted",     "objects",
                                        "roots", "cache",    "cache/metadata", "cache/resolutions"};
  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
    vf_sweep_temporaries (store, folders[i]);
  vf_sweep_exports (store, is_claimed, dead);
  g_auto (GStrv) names = vf_records_names (store, "images", NULL, error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *folder = g_strdup_printf ("images/%s", *name);
    vf_sweep_temporaries (store, folder);
  }
  guint living;
  return vf_images_sweep (store, error) && vf_uses_count (store, &living, error);
}

/* What happens under the gate: everything is decided here, and whatever is to be removed is locked. */
static gboolean
decide (VmforgeStore *store, GPtrArray *volumes, GPtrArray *dead, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  g_autoptr (GHashTable) recorded = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) building = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return gate != NULL && scan_stages (store, recorded, error) &&
         scan_buildings (store, recorded, building, dead, error) &&
         scan_orphans (store, volumes, recorded, building, dead, error) && sweep_locks (store, dead, error) &&
         vf_building_index_sweep (store, error) && sweep_records (store, dead, error);
}

gboolean
vf_store_recover (VmforgeStore *store, GError **error)
{
  g_return_val_if_fail (store->storage != NULL, FALSE);
  /* Before the records are read: see 1. above. */
  g_autoptr (GPtrArray) volumes = vf_storage_list (store->storage, error);
  if (volumes == NULL)
    return FALSE;
  g_autoptr (GPtrArray) dead = g_ptr_array_new_with_free_func (dead_free);
  gboolean done = decide (store, volumes, dead, error);
  /* One volume that cannot be removed does not keep the others; its record stays for the next time. */
  for (guint i = 0; i < dead->len; i++) {
    const Dead *entry = g_ptr_array_index (dead, i);
    GError **first = done ? error : NULL;
    g_debug ("removing volume %s, which a dead process left", entry->volume);
    done = vf_building_remove_volume (store, entry->volume, first) &&
           vf_building_forget (store, entry->volume, first) && done;
  }
  vf_sweep_key_locks (store);
  vf_sweep_logs (store);
  return done;
}
