/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "store/hints-volumes.h"

#include "blocks/table.h"
#include "store/records.h"
#include "support/checked.h"

#include <string.h>

#define RECORD "blocks.json"

typedef struct {
  guint32 first, parts;
  char *volume; /* borrowed from the table of volumes */
} Range;

typedef struct {
  char *id;
  char *from;
  gboolean whole;
} Volume;

struct _VfHintVolumes {
  guint64 table;
  guint32 next;
  GHashTable *volumes; /* id → Volume */
  GArray *ranges;      /* Range, ascending */
};

static void
volume_free (gpointer data)
{
  Volume *volume = data;
  g_free (volume->id);
  g_free (volume->from);
  g_free (volume);
}

static Volume *
put_volume (VfHintVolumes *volumes, const char *id, const char *from, gboolean whole)
{
  Volume *volume = g_new0 (Volume, 1);
  volume->id = g_strdup (id);
  volume->from = g_strdup (from);
  volume->whole = whole;
  g_hash_table_replace (volumes->volumes, volume->id, volume);
  return volume;
}

static void
read_ranges (VfHintVolumes *volumes, VfJson *list)
{
  for (size_t i = 0; list != NULL && i < json_object_array_length (list); i++) {
    VfJson *json = json_object_array_get_idx (list, i);
    const Volume *volume = g_hash_table_lookup (volumes->volumes, vf_json_string (json, "volume", ""));
    Range range = {.first = (guint32)vf_json_int (json, "first", 0),
                   .parts = (guint32)vf_json_int (json, "parts", 0)};
    if (volume == NULL)
      continue;
    range.volume = volume->id;
    g_array_append_val (volumes->ranges, range);
  }
}

VfHintVolumes *
vf_hint_volumes_read (VmforgeStore *store, guint64 table)
{
  VfHintVolumes *volumes = g_new0 (VfHintVolumes, 1);
  volumes->table = table;
  volumes->next = 1;
  volumes->volumes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, volume_free);
  volumes->ranges = g_array_new (FALSE, FALSE, sizeof (Range));
  g_autoptr (VfJson) record = vf_records_read (store, RECORD, NULL);
  g_autofree char *id = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", table);
  if (record == NULL || strcmp (vf_json_string (record, "table", ""), id) != 0)
    return volumes;
  volumes->next = (guint32)vf_json_int (record, "next", 1);
  VfJson *known = vf_json_object (record, "volumes");
  if (known != NULL) {
    json_object_object_foreach (known, name, value)
      put_volume (volumes, name, vf_json_string (value, "from", NULL), vf_json_bool (value, "whole", FALSE));
  }
  read_ranges (volumes, vf_json_array (record, "numbers"));
  return volumes;
}

void
vf_hint_volumes_free (VfHintVolumes *volumes)
{
  if (volumes == NULL)
    return;
  g_hash_table_unref (volumes->volumes);
  g_array_unref (volumes->ranges);
  g_free (volumes);
}

static VfJson *
volumes_to_json (const VfHintVolumes *volumes)
{
  VfJson *known = json_object_new_object ();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, volumes->volumes);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Volume *volume = value;
    VfJson *json = json_object_new_object ();
    if (volume->from != NULL)
      vf_json_set_string (json, "from", volume->from);
    vf_json_set_bool (json, "whole", volume->whole);
    vf_json_set (known, volume->id, json);
  }
  return known;
}

gboolean
vf_hint_volumes_write (VfHintVolumes *volumes, VmforgeStore *store, GError **error)
{
  g_autoptr (VfJson) record = json_object_new_object ();
  g_autofree char *id = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", volumes->table);
  VfJson *numbers = json_object_new_array ();
  for (guint i = 0; i < volumes->ranges->len; i++) {
    const Range *range = &g_array_index (volumes->ranges, Range, i);
    VfJson *json = json_object_new_object ();
    vf_json_set_int (json, "first", range->first);
    vf_json_set_int (json, "parts", range->parts);
    vf_json_set_string (json, "volume", range->volume);
    json_object_array_add (numbers, json);
  }
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set_string (record, "table", id);
  vf_json_set_int (record, "next", volumes->next);
  vf_json_set (record, "volumes", volumes_to_json (volumes));
  vf_json_set (record, "numbers", numbers);
  /* Recovery takes a temporary beside it for one that a dead process left, if it has the gate. */
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  return gate != NULL && vf_checked_write (store->fd, RECORD, record, error);
}

gboolean
vf_hint_volumes_has (const VfHintVolumes *volumes, const char *id)
{
  const Volume *volume = g_hash_table_lookup (volumes->volumes, id);
  return volume != NULL && volume->whole;
}

guint32
vf_hint_volumes_add (VfHintVolumes *volumes, const char *id, const char *from, guint32 parts)
{
  if (volumes->next == 0 || volumes->next >= VF_TABLE_VOLUMES - parts)
    return 0;
  Range range = {.first = volumes->next, .parts = parts};
  /* One that was begun and not ended keeps the numbers that it has. */
  if (!g_hash_table_contains (volumes->volumes, id))
    put_volume (volumes, id, from, FALSE);
  range.volume = ((Volume *)g_hash_table_lookup (volumes->volumes, id))->id;
  g_array_append_val (volumes->ranges, range);
  volumes->next += parts;
  return range.first;
}

gboolean
vf_hint_volumes_complete (VfHintVolumes *volumes, const char *id)
{
  ((Volume *)g_hash_table_lookup (volumes->volumes, id))->whole = TRUE;
  return TRUE;
}

const char *
vf_hint_volumes_get (const VfHintVolumes *volumes, guint32 number, guint32 *part)
{
  guint low = 0, high = volumes->ranges->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    const Range *range = &g_array_index (volumes->ranges, Range, middle);
    if (number < range->first)
      high = middle;
    else if (number - range->first >= range->parts)
      low = middle + 1;
    else {
      if (part != NULL)
        *part = number - range->first;
      return range->volume;
    }
  }
  return NULL;
}

/* A living volume that came from it, or NULL. */
static Volume *
find_heir (const VfHintVolumes *volumes, const Volume *gone, GHashTable *living)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, volumes->volumes);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Volume *volume = value;
    if (g_strcmp0 (volume->from, gone->id) == 0 && g_hash_table_contains (living, volume->id))
      return volume;
  }
  return NULL;
}

/* The heir comes from what the other came from, and its siblings from the heir. */
static void
bequeath (VfHintVolumes *volumes, const Volume *gone, Volume *heir)
{
  GHashTableIter iter;
  gpointer value;
  for (guint i = 0; i < volumes->ranges->len; i++) {
    Range *range = &g_array_index (volumes->ranges, Range, i);
    if (strcmp (range->volume, gone->id) == 0)
      range->volume = heir->id;
  }
  g_hash_table_iter_init (&iter, volumes->volumes);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Volume *volume = value;
    if (volume != heir && g_strcmp0 (volume->from, gone->id) == 0) {
      g_free (volume->from);
      volume->from = g_strdup (heir->id);
    }
  }
  g_free (heir->from);
  heir->from = g_strdup (gone->from);
}

static void
drop_ranges (VfHintVolumes *volumes, const Volume *gone)
{
  for (guint i = volumes->ranges->len; i-- > 0;)
    if (strcmp (g_array_index (volumes->ranges, Range, i).volume, gone->id) == 0)
      g_array_remove_index (volumes->ranges, i);
}

static gboolean
pass_on (VfHintVolumes *volumes, const Volume *gone, GHashTable *living)
{
  Volume *heir = find_heir (volumes, gone, living);
  if (heir == NULL)
    return FALSE;
  bequeath (volumes, gone, heir);
  g_hash_table_remove (volumes->volumes, gone->id);
  return TRUE;
}

/* Where a volume and its clone are both gone, the clone has its heir first, who is then that of the other. */
gboolean
vf_hint_volumes_prune (VfHintVolumes *volumes, GPtrArray *stages)
{
  g_autoptr (GHashTable) living = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < stages->len; i++)
    g_hash_table_add (living, ((VfStage *)g_ptr_array_index (stages, i))->volume);
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, volumes->volumes);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!g_hash_table_contains (living, ((const Volume *)value)->id))
      g_ptr_array_add (gone, value);
  gboolean any = gone->len > 0;
  for (guint before = 0; before != gone->len;) {
    before = gone->len;
    for (guint i = gone->len; i-- > 0;)
      if (pass_on (volumes, g_ptr_array_index (gone, i), living))
        g_ptr_array_remove_index (gone, i);
  }
  for (guint i = 0; i < gone->len; i++) {
    const Volume *volume = g_ptr_array_index (gone, i);
    drop_ranges (volumes, volume);
    g_hash_table_remove (volumes->volumes, volume->id);
  }
  return any;
}
