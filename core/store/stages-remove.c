/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Removing a stage: the record first, then the volume, so that no record ever names a volume that is gone. */
#include "store/records.h"
#include "store/stage-index.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>
#include <unistd.h>

gboolean
vf_stage_forget (VmforgeStore *store, const char *key, const char *volume, GError **error)
{
  g_autofree char *folder = g_strdup_printf ("stages/%s", key);
  g_autofree char *path = g_strdup_printf ("%s/%s.json", folder, store->storage_name);
  if (!vf_fs_exists (store->fd, folder))
    return TRUE;
  g_autoptr (VfJson) record = vf_records_read (store, path, NULL);
  if (record != NULL && volume != NULL && strcmp (vf_json_string (record, "volume", ""), volume) != 0)
    return TRUE;
  if (!vf_records_remove (store, path, error) || !vf_stage_index_remove (store, key, error))
    return FALSE;
  g_auto (GStrv) others = vf_stage_storages (store, key, error);
  if (others == NULL)
    return FALSE;
  if (others[0] != NULL)
    return TRUE;
  return vf_fs_remove (store->fd, folder, error) && vf_records_sync_dir (store, "stages", error);
}

static gboolean
add_children (VmforgeStore *store, const char *key, GPtrArray *users, GError **error)
{
  g_autoptr (GPtrArray) stages = vf_store_list_stages (store, error);
  if (stages == NULL)
    return FALSE;
  for (guint i = 0; i < stages->len; i++) {
    const VfStage *stage = g_ptr_array_index (stages, i);
    if (g_strcmp0 (stage->parent, key) == 0 && strcmp (stage->storage, store->storage_name) == 0)
      g_ptr_array_add (users, g_strdup_printf ("stage %.12s (%s)", stage->key, stage->stage));
  }
  return TRUE;
}

static gboolean
add_building (VmforgeStore *store, const char *key, GPtrArray *users, GError **error)
{
  g_auto (GStrv) volumes = vf_records_names (store, "building", ".json", error);
  if (volumes == NULL)
    return FALSE;
  for (char **volume = volumes; *volume != NULL; volume++) {
    g_autoptr (GError) failure = NULL;
    g_autoptr (VfJson) record = vf_building_read (store, *volume, &failure);
    if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    if (record == NULL || (g_strcmp0 (vf_json_string (record, "parent", NULL), key) != 0 &&
                           g_strcmp0 (vf_json_string (record, "key", NULL), key) != 0))
      continue;
    if (vf_json_bool (record, "kept", FALSE))
      continue;
    g_autoptr (VfLock) dead = vf_building_try_lock (store, *volume, &failure);
    if (dead == NULL)
      g_ptr_array_add (users, g_strdup_printf ("process %" G_GINT64_FORMAT ", which works with it now",
                                               vf_json_int (record, "pid", 0)));
  }
  return TRUE;
}

typedef struct {
  const char *key;
  GPtrArray *users;
} Users;

static void
add_use (const char *key, gint64 pid, gpointer user_data)
{
  const Users *found = user_data;
  if (strcmp (key, found->key) == 0)
    g_ptr_array_add (found->users, g_strdup_printf ("the build of process %" G_GINT64_FORMAT, pid));
}

static void
add_root (const char *key, const char *path, gpointer user_data)
{
  const Users *found = user_data;
  if (strcmp (key, found->key) == 0)
    g_ptr_array_add (found->users, g_strdup_printf ("the lock file '%s'", path));
}

static gboolean
add_others (VmforgeStore *store, const char *key, GPtrArray *users, GError **error)
{
  Users found = {key, users};
  guint living;
  if (vf_store_is_pinned (store, key))
    g_ptr_array_add (users, g_strdup ("you (`vmforge stages unkeep` lets it go)"));
  return vf_uses_scan (store, &living, add_use, &found, error) &&
         vf_roots_scan (store, add_root, &found, error);
}

/* Sets an error that lists who needs the stage. */
static gboolean
check_unused (VmforgeStore *store, const char *key, GError **error)
{
  g_autoptr (GPtrArray) users = vf_images_of_stage (store, key, error);
  if (users == NULL)
    return FALSE;
  for (guint i = 0; i < users->len; i++) {
    char *name = users->pdata[i];
    users->pdata[i] = g_strdup_printf ("image %s", name);
    g_free (name);
  }
  if (!add_children (store, key, users, error) || !add_building (store, key, users, error) ||
      !add_others (store, key, users, error))
    return FALSE;
  if (users->len == 0)
    return TRUE;
  g_ptr_array_add (users, NULL);
  g_autofree char *list = g_strjoinv (", ", (char **)users->pdata);
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "stage %.12s is needed by %s: remove those first", key,
                       list);
}

static gboolean
check_present (VmforgeStore *store, const char *key, VfStage **stage, GError **error)
{
  g_autoptr (GError) failure = NULL;
  *stage = vf_store_find_stage (store, key, &failure);
  if (*stage != NULL)
    return TRUE;
  g_auto (GStrv) others = failure != NULL ? NULL : vf_stage_storages (store, key, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (others[0] == NULL)
    return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "no stage '%s'", key);
  g_autofree char *list = vf_storages_settings (store, others);
  return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                       "stage %.12s is not in %s but in %s: name it with --storage", key,
                       store->storage_setting, list);
}

/* What happens under the gate. lock: of the volume, so that no recovery takes it for an orphan meanwhile. */
static gboolean
unrecord_stage (VmforgeStore *store, const char *key, VfStage **stage, VfLock **lock, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL || !check_present (store, key, stage, error) || !check_unused (store, key, error))
    return FALSE;
  g_autoptr (GError) failure = NULL;
  *lock = vf_building_try_lock (store, (*stage)->volume, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (*lock == NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "stage %.12s is being recorded now: try again", key);
  return vf_stage_forget (store, key, NULL, error);
}

gboolean
vf_store_remove_stage (VmforgeStore *store, const char *key, GError **error)
{
  g_autoptr (VfStage) stage = NULL;
  g_autoptr (VfLock) lock = NULL;
  g_return_val_if_fail (store->storage != NULL, FALSE);
  if (!unrecord_stage (store, key, &stage, &lock, error))
    return FALSE;
  gboolean removed = vf_building_remove_volume (store, stage->volume, error);
  return vf_building_forget (store, stage->volume, removed ? error : NULL) && removed;
}
