/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Stages that the user wants to keep: stages/KEY/pin. */
#include "store/records.h"
#include "support/checked.h"
#include "support/error.h"
#include "support/fs.h"

static char *
pin_path (const char *key)
{
  return g_strdup_printf ("stages/%s/pin", key);
}

gboolean
vf_store_is_pinned (VmforgeStore *store, const char *key)
{
  g_autofree char *path = pin_path (key);
  return vf_fs_exists (store->fd, path);
}

gboolean
vf_store_pin (VmforgeStore *store, const char *key, gboolean pinned, GError **error)
{
  g_autofree char *path = pin_path (key);
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL)
    return FALSE;
  if (!pinned)
    return vf_records_remove (store, path, error);
  g_auto (GStrv) storages = vf_stage_storages (store, key, error);
  if (storages == NULL)
    return FALSE;
  if (storages[0] == NULL) /* removed since its key was completed */
    return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "no stage '%s'", key);
  g_autoptr (VfJson) record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set_int (record, "since", g_get_real_time () / G_USEC_PER_SEC);
  return vf_checked_write (store->fd, path, record, error);
}
