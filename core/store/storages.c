/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The storages of a store, each with the name that its records have. Two settings of one plugin may be one
 * place (another size of a pool) or two (another folder): only volumes of its own place can be reached
 * through a storage, so the place decides. The first one of a plugin has the plugin's name, others a number
 * as well. */
#include "store/records.h"
#include "support/checked.h"
#include "support/error.h"

#include <string.h>

#define REGISTRY "storages.json"

/* {"format":1,"storages":{NAME:{"place":…,"plugin":…,"setting":…}}}; an empty one where there is none. */
static VfJson *
read_registry (VmforgeStore *store, GError **error)
{
  g_autoptr (GError) failure = NULL;
  VfJson *registry = vf_records_read (store, REGISTRY, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  if (registry == NULL) {
    registry = json_object_new_object ();
    vf_json_set_int (registry, "format", VF_STORE_FORMAT);
  }
  if (vf_json_object (registry, "storages") == NULL)
    vf_json_set (registry, "storages", json_object_new_object ());
  return registry;
}

/* Of the storage with this place, or else (by setting) of the one that was last opened so. Free the result.
 */
static char *
find_name (VfJson *registry, const char *plugin, const char *member, const char *value)
{
  json_object_object_foreach (vf_json_object (registry, "storages"), name, entry) {
    if (g_strcmp0 (vf_json_string (entry, "plugin", NULL), plugin) == 0 &&
        g_strcmp0 (vf_json_string (entry, member, NULL), value) == 0)
      return g_strdup (name);
  }
  return NULL;
}

static char *
new_name (VfJson *registry, const char *plugin)
{
  VfJson *storages = vf_json_object (registry, "storages");
  char *name = g_strdup (plugin);
  for (guint number = 2; json_object_object_get_ex (storages, name, NULL); number++) {
    g_free (name);
    name = g_strdup_printf ("%s-%u", plugin, number);
  }
  return name;
}

char *
vf_storages_name (VmforgeStore *store, GError **error)
{
  const char *setting = store->storage_setting;
  g_autofree char *plugin = g_strndup (setting, strcspn (setting, ":"));
  g_autoptr (VfJson) registry = read_registry (store, error);
  g_autofree char *place = NULL;
  if (registry == NULL ||
      (store->storage != NULL && !vf_storage_get_place (store->storage, store->path, &place, error)))
    return NULL;
  char *name = place != NULL ? find_name (registry, plugin, "place", place)
                             : find_name (registry, plugin, "setting", setting);
  if (name != NULL)
    return name;
  return place != NULL ? new_name (registry, plugin) : g_steal_pointer (&plugin);
}

/* Under the gate. */
static gboolean
write_entry (VmforgeStore *store, GError **error)
{
  g_autofree char *name = vf_storages_name (store, error); /* another process may have come first */
  g_autoptr (VfJson) registry = name == NULL ? NULL : read_registry (store, error);
  g_autofree char *place = NULL;
  if (registry == NULL || !vf_storage_get_place (store->storage, store->path, &place, error))
    return FALSE;
  VfJson *storages = vf_json_object (registry, "storages");
  VfJson *known = vf_json_object (storages, name);
  if (known == NULL || strcmp (vf_json_string (known, "setting", ""), store->storage_setting) != 0) {
    VfJson *entry = json_object_new_object ();
    g_autofree char *plugin = g_strndup (store->storage_setting, strcspn (store->storage_setting, ":"));
    vf_json_set_string (entry, "plugin", plugin);
    vf_json_set_string (entry, "place", place);
    vf_json_set_string (entry, "setting", store->storage_setting);
    vf_json_set (storages, name, entry);
    if (!vf_checked_write (store->fd, REGISTRY, registry, error))
      return FALSE;
  }
  g_free (store->storage_name);
  store->storage_name = g_steal_pointer (&name);
  return TRUE;
}

gboolean
vf_storages_register (VmforgeStore *store, GError **error)
{
  g_autoptr (VfJson) registry = read_registry (store, error);
  if (registry == NULL)
    return FALSE;
  VfJson *known = vf_json_object (vf_json_object (registry, "storages"), store->storage_name);
  if (known != NULL && strcmp (vf_json_string (known, "setting", ""), store->storage_setting) == 0)
    return TRUE;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  return gate != NULL && write_entry (store, error);
}

char *
vf_storages_setting (VmforgeStore *store, const char *name)
{
  g_autoptr (VfJson) registry = read_registry (store, NULL);
  VfJson *entry = registry == NULL ? NULL : vf_json_object (vf_json_object (registry, "storages"), name);
  return g_strdup (entry == NULL ? name : vf_json_string (entry, "setting", name));
}

char *
vf_storages_settings (VmforgeStore *store, char **names)
{
  g_autoptr (GStrvBuilder) settings = g_strv_builder_new ();
  for (; *names != NULL; names++) {
    g_autofree char *setting = vf_storages_setting (store, *names);
    g_strv_builder_add (settings, setting);
  }
  g_auto (GStrv) list = g_strv_builder_end (settings);
  return g_strjoinv (", ", list);
}
