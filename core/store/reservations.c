/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Is there room for another build? What those that run have written is missing from what the storage has
 * already; what they may still need is in their records. */
#include "store/records.h"
#include "support/error.h"
#include "support/units.h"

#include <string.h>

/* What a record says that its builder may still need; 0 where there is none that counts here. */
static gboolean
read_reserve (VmforgeStore *store, const char *volume, guint64 *reserve, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VfJson) record = vf_building_read (store, volume, &failure);
  *reserve = 0;
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  if (record != NULL && strcmp (vf_json_string (record, "storage", ""), store->storage_name) == 0)
    *reserve = (guint64)MAX (vf_json_int (record, "reserve", 0), 0);
  return TRUE;
}

void
vf_room_clear (VfRoom *room)
{
  g_clear_pointer (&room->running, g_hash_table_unref);
}

gboolean
vf_room_ask (VmforgeStore *store, VfRoom *room, GError **error)
{
  guint64 total = 0;
  room->available = G_MAXUINT64;
  room->running = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (GStrv) volumes = vf_records_names (store, "building", ".json", error);
  if (volumes == NULL)
    return FALSE;
  for (char **volume = volumes; *volume != NULL; volume++) {
    guint64 reserve;
    if (!read_reserve (store, *volume, &reserve, error))
      return FALSE;
    g_hash_table_insert (room->running, g_strdup (*volume), g_memdup2 (&reserve, sizeof reserve));
  }
  return vf_storage_capacity (store->storage, &total, &room->available, error);
}

/* Adds what one record reserves, if its builder lives. */
static gboolean
add_reservation (VmforgeStore *store, const char *volume, guint64 *sum, GError **error)
{
  guint64 reserve;
  if (!read_reserve (store, volume, &reserve, error))
    return FALSE;
  if (reserve == 0)
    return TRUE;
  GError *failure = NULL;
  g_autoptr (VfLock) dead = vf_building_try_lock (store, volume, &failure);
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  *sum += dead == NULL ? reserve : 0;
  return TRUE;
}

/* Under the gate. Of those that have ended since the storage was asked, nobody knows how much of what they
 * wrote its answer saw. */
static gboolean
add_reservations (VmforgeStore *store, VfRoom *room, guint64 *sum, GError **error)
{
  g_auto (GStrv) volumes = vf_records_names (store, "building", ".json", error);
  if (volumes == NULL)
    return FALSE;
  for (char **volume = volumes; *volume != NULL; volume++) {
    g_hash_table_remove (room->running, *volume);
    if (!add_reservation (store, *volume, sum, error))
      return FALSE;
  }
  GHashTableIter iter;
  gpointer reserve;
  g_hash_table_iter_init (&iter, room->running);
  while (g_hash_table_iter_next (&iter, NULL, &reserve))
    *sum += *(guint64 *)reserve;
  return TRUE;
}

static gboolean
refuse (const VmforgeStore *store, guint64 available, guint64 reserved, guint64 wanted, GError **error)
{
  g_autofree char *needed = vf_units_format_size (wanted);
  g_autofree char *there = vf_units_format_size (available);
  g_autofree char *taken = vf_units_format_size (reserved);
  return vf_error_set (
      error, VMFORGE_ERROR_NO_SPACE,
      "not enough space in store '%s' (%s): %s needed, %s available, of which %s are reserved "
      "by builds that run",
      store->path, store->storage_name, needed, there, taken);
}

gboolean
vf_room_check (VmforgeStore *store, VfRoom *room, guint64 reserve, GError **error)
{
  guint64 reserved = 0;
  if (room->available == G_MAXUINT64)
    return TRUE;
  if (!add_reservations (store, room, &reserved, error))
    return FALSE;
  return (room->available >= reserved && room->available - reserved >= reserve) ||
         refuse (store, room->available, reserved, reserve, error);
}

gboolean
vf_store_lacking (VmforgeStore *store, guint64 reserve, guint64 *lacking, GError **error)
{
  g_auto (VfRoom) room = {.available = G_MAXUINT64};
  guint64 reserved = 0;
  *lacking = 0;
  if (!vf_room_ask (store, &room, error))
    return FALSE;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL || !add_reservations (store, &room, &reserved, error))
    return FALSE;
  guint64 wanted = reserved + MIN (reserve, G_MAXUINT64 - reserved);
  if (room.available < wanted)
    *lacking = wanted - room.available;
  return TRUE;
}

gboolean
vf_store_take_room (VmforgeStore *store, guint64 reserve, guint64 *bytes, GError **error)
{
  g_auto (VfRoom) room = {.available = G_MAXUINT64};
  guint64 reserved = 0;
  *bytes = G_MAXUINT64;
  if (!vf_room_ask (store, &room, error))
    return FALSE;
  if (room.available == G_MAXUINT64)
    return TRUE;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL || !add_reservations (store, &room, &reserved, error))
    return FALSE;
  if (room.available < reserved)
    return refuse (store, room.available, reserved - MIN (reserved, reserve), reserve, error);
  *bytes = reserve + (room.available - reserved) / 2;
  return TRUE;
}

gboolean
vf_store_still_needs (VmforgeStore *store, const VfBuilding *building, guint64 reserve, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL)
    return FALSE;
  GError *failure = NULL;
  g_autoptr (VfJson) record = vf_building_read (store, building->volume, &failure);
  if (record == NULL) {
    if (failure == NULL)
      vf_error_set (&failure, VMFORGE_ERROR_FAILED, "the record of volume %s is gone", building->volume);
    g_propagate_error (error, failure);
    return FALSE;
  }
  vf_json_set_int (record, "reserve", (gint64)MIN (reserve, G_MAXINT64));
  return vf_building_write (store, building->volume, record, error);
}
