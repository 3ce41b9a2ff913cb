/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What LVM reports of the volume group, as JSON. A volume is ours if it has our tag and this store's id,
 * whatever its name. */
#include "storage-lvm.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

void
report_name (char *name, const char *id)
{
  snprintf (name, NAME_BYTES, LV_PREFIX "%s", id);
}

static const char *
text_of (json_object *row, const char *name)
{
  json_object *value;
  const char *text = json_object_object_get_ex (row, name, &value) ? json_object_get_string (value) : NULL;
  return text != NULL ? text : "";
}

static guint64
number_of (json_object *row, const char *name)
{
  return g_ascii_strtoull (text_of (row, name), NULL, 10);
}

static json_object *
parse (Store *store, Call *call, const GString *output)
{
  json_object *json = json_tokener_parse (output->str);
  if (json == NULL)
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "what lvs says of volume group '%s' is no JSON",
                       store->vg);
  return json;
}

/* Calls func for each LV of {"report": [{"lv": […]}]}. */
static void
for_each (json_object *json, void (*func) (json_object *row, gpointer data), gpointer data)
{
  json_object *reports, *rows;
  if (!json_object_object_get_ex (json, "report", &reports) ||
      !json_object_is_type (reports, json_type_array))
    return;
  for (size_t i = 0; i < json_object_array_length (reports); i++) {
    json_object *report = json_object_array_get_idx (reports, i);
    if (!json_object_object_get_ex (report, "lv", &rows) || !json_object_is_type (rows, json_type_array))
      continue;
    for (size_t j = 0; j < json_object_array_length (rows); j++)
      func (json_object_array_get_idx (rows, j), data);
  }
}

static int
report (Store *store, Call *call, const char *target, void (*func) (json_object *row, gpointer data),
        gpointer data)
{
  const char *const words[] = {
      "lvs",       "--reportformat",
      "json",      "--units",
      "b",         "--nosuffix",
      "--options", "lv_name,lv_tags,lv_size,pool_lv,thin_id,lv_active,data_percent,segtype",
      target,      NULL};
  g_autoptr (GString) output = g_string_new (NULL);
  g_autofree char *what = g_strdup_printf ("list the volumes of '%s'", target);
  if (lvm_run (store, call, what, output, words) < 0)
    return -1;
  json_object *json = parse (store, call, output);
  if (json == NULL)
    return -1;
  for_each (json, func, data);
  json_object_put (json);
  return 0;
}

/* ---- volumes */

Volume *
report_note (Store *store, const char *id, guint64 bytes, gboolean sealed)
{
  Volume *volume = g_new0 (Volume, 1);
  g_strlcpy (volume->id, id, sizeof volume->id);
  volume->bytes = volume->room = bytes;
  volume->sealed = sealed;
  g_hash_table_insert (store->volumes, volume->id, volume);
  return volume;
}

static gboolean
is_id (const char *text)
{
  return strlen (text) == ID_LENGTH && strspn (text, "0123456789abcdef") == ID_LENGTH;
}

static void
add_volume (json_object *row, gpointer data)
{
  Store *store = data;
  g_auto (GStrv) tags = g_strsplit (text_of (row, "lv_tags"), ",", -1);
  g_autofree char *owner = g_strconcat (TAG_STORE, store->store_id, NULL);
  const char *name = text_of (row, "lv_name");
  if (!g_strv_contains ((const char *const *)tags, TAG) ||
      !g_strv_contains ((const char *const *)tags, owner) || !g_str_has_prefix (name, LV_PREFIX) ||
      !is_id (name + strlen (LV_PREFIX)))
    return;
  gboolean sealed = g_strv_contains ((const char *const *)tags, TAG_STATE SEALED);
  guint64 room = number_of (row, "lv_size");
  Volume *volume = report_note (store, name + strlen (LV_PREFIX), room, sealed);
  for (char **tag = tags; *tag != NULL; tag++)
    if (g_str_has_prefix (*tag, TAG_BYTES))
      volume->bytes = MIN (g_ascii_strtoull (*tag + strlen (TAG_BYTES), NULL, 10), room);
  volume->room = room;
  volume->thin_id = (guint32)number_of (row, "thin_id");
  volume->active = strcmp (text_of (row, "lv_active"), "active") == 0;
  volume->allocated = (guint64)(g_ascii_strtod (text_of (row, "data_percent"), NULL) / 100 * (double)room);
}

int
report_read (Store *store, Call *call)
{
  g_clear_pointer (&store->volumes, g_hash_table_unref);
  store->volumes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  return report (store, call, store->vg, add_volume, store);
}

Volume *
report_find (Store *store, Call *call, const char *id)
{
  Volume *volume = store->volumes == NULL ? NULL : g_hash_table_lookup (store->volumes, id);
  /* Another process may have made it, or may have told LVM more of it since. */
  if (volume == NULL || volume->thin_id == 0) {
    if (report_read (store, call) < 0)
      return NULL;
    volume = g_hash_table_lookup (store->volumes, id);
  }
  if (volume == NULL)
    call->host->error (call, VMFORGE_PLUGIN_FAILED,
                       "volume group '%s' has no volume '" LV_PREFIX
                       "%s' that is tagged as one of this store",
                       store->vg, id);
  return volume;
}

/* ---- the pool */

typedef struct {
  const char *name;
  gboolean found, is_pool, active;
} PoolRow;

static void
look_at_pool (json_object *row, gpointer data)
{
  PoolRow *pool = data;
  if (strcmp (text_of (row, "lv_name"), pool->name) != 0)
    return;
  pool->found = TRUE;
  pool->is_pool = strcmp (text_of (row, "segtype"), "thin-pool") == 0;
  pool->active = strcmp (text_of (row, "lv_active"), "active") == 0;
}

int
report_pool (Store *store, Call *call, gboolean *active)
{
  PoolRow pool = {.name = store->pool};
  if (report (store, call, store->vg, look_at_pool, &pool) < 0)
    return -1;
  if (pool.found && !pool.is_pool) {
    call->host->error (call, VMFORGE_PLUGIN_INVALID, "'%s/%s' is no thin pool: name one with pool=NAME",
                       store->vg, store->pool);
    return -1;
  }
  *active = pool.active;
  return pool.found;
}
