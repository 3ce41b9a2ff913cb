/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes of failed builds that the user asked to keep. */
#include "store/records.h"
#include "support/error.h"

#include <string.h>

void
vf_kept_free (VfKept *kept)
{
  if (kept == NULL)
    return;
  g_free (kept->volume);
  g_free (kept->key);
  g_free (kept->stage);
  g_free (kept->spec);
  g_free (kept->storage);
  g_free (kept);
}

/* NULL without error if it is absent or not kept. */
static VfKept *
read_kept (VmforgeStore *store, const char *volume, GError **error)
{
  g_autoptr (VfJson) record = vf_building_read (store, volume, error);
  if (record == NULL || !vf_json_bool (record, "kept", FALSE))
    return NULL;
  VfKept *kept = g_new0 (VfKept, 1);
  kept->volume = g_strdup (volume);
  kept->key = g_strdup (vf_json_string (record, "key", NULL));
  kept->stage = g_strdup (vf_json_string (record, "stage", NULL));
  kept->spec = g_strdup (vf_json_string (record, "spec", NULL));
  kept->storage = g_strdup (vf_json_string (record, "storage", ""));
  kept->started = vf_json_int (record, "started", 0);
  return kept;
}

static int
compare_kept (gconstpointer a, gconstpointer b)
{
  const VfKept *x = *(const VfKept *const *)a, *y = *(const VfKept *const *)b;
  if (x->started != y->started)
    return x->started < y->started ? -1 : 1;
  return strcmp (x->volume, y->volume);
}

GPtrArray *
vf_store_list_kept (VmforgeStore *store, GError **error)
{
  g_auto (GStrv) volumes = vf_records_names (store, "building", ".json", error);
  if (volumes == NULL)
    return NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_kept_free);
  for (char **volume = volumes; *volume != NULL; volume++) {
    g_autoptr (GError) failure = NULL;
    VfKept *kept = read_kept (store, *volume, &failure);
    if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
    if (kept != NULL)
      g_ptr_array_add (list, kept);
  }
  g_ptr_array_sort (list, compare_kept);
  return g_steal_pointer (&list);
}

VfKept *
vf_store_find_kept (VmforgeStore *store, const char *word, GError **error)
{
  g_autoptr (GPtrArray) list = vf_store_list_kept (store, error);
  if (list == NULL)
    return NULL;
  g_autofree char **names = g_new0 (char *, list->len + 1);
  for (guint i = 0; i < list->len; i++)
    names[i] = ((VfKept *)g_ptr_array_index (list, i))->volume;
  g_autoptr (GError) failure = NULL;
  const char *found = vf_records_complete (names, word, "kept volume", &failure);
  for (guint i = 0; found != NULL && i < list->len; i++)
    if (names[i] == found)
      return g_ptr_array_steal_index (list, i);
  if (failure == NULL)
    vf_error_set (&failure, VMFORGE_ERROR_NOT_FOUND, "no kept volume '%s'", word);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

VfLock *
vf_store_lock_kept (VmforgeStore *store, const VfKept *kept, GError **error)
{
  /* Under the gate, as every lock of a volume, so that no recovery sweeps the lock file away meanwhile. */
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL)
    return NULL;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfKept) present = read_kept (store, kept->volume, &failure);
  g_autoptr (VfLock) lock = present == NULL ? NULL : vf_building_try_lock (store, kept->volume, &failure);
  if (lock != NULL)
    return g_steal_pointer (&lock);
  if (failure == NULL && present == NULL)
    vf_error_set (&failure, VMFORGE_ERROR_NOT_FOUND, "no kept volume '%s'", kept->volume);
  else if (failure == NULL)
    vf_error_set (&failure, VMFORGE_ERROR_FAILED, "kept volume %s is in use by another process",
                  kept->volume);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

gboolean
vf_kept_check_storage (VmforgeStore *store, const VfKept *kept, GError **error)
{
  if (strcmp (kept->storage, store->storage_name) == 0)
    return TRUE;
  g_autofree char *setting = vf_storages_setting (store, kept->storage);
  return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                       "kept volume %s is in %s, not in %s: name it with --storage", kept->volume, setting,
                       store->storage_setting);
}

/* From here on it is what a dead builder left: whoever opens the store next goes on where this one is killed.
 */
static gboolean
unkeep (VmforgeStore *store, const char *volume, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  g_autoptr (VfJson) record = gate == NULL ? NULL : vf_building_read (store, volume, error);
  if (record == NULL)
    return gate != NULL && (error == NULL || *error == NULL);
  vf_json_set_bool (record, "kept", FALSE);
  return vf_building_write (store, volume, record, error);
}

gboolean
vf_store_remove_kept (VmforgeStore *store, const VfKept *kept, GError **error)
{
  g_return_val_if_fail (store->storage != NULL, FALSE);
  if (!vf_kept_check_storage (store, kept, error))
    return FALSE;
  g_autoptr (VfLock) lock = vf_store_lock_kept (store, kept, error);
  return lock != NULL && unkeep (store, kept->volume, error) &&
         vf_building_remove_volume (store, kept->volume, error) &&
         vf_building_forget (store, kept->volume, error);
}
