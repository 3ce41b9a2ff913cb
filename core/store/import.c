/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What was received is a stage like any other, so that collection, damage and recovery know of one kind of
 * thing. Nobody builds upon it; its inputs are the root of its block index alone, so that equal contents are
 * one stage whatever they are called. */
#include "store/records.h"
#include "support/digest.h"
#include "support/error.h"

#include <string.h>

static VfJson *
make_inputs (const char *root)
{
  VfJson *inputs = json_object_new_object ();
  vf_json_set_int (inputs, "format", VF_STORE_FORMAT);
  vf_json_set_string (inputs, "stage", "import");
  vf_json_set_string (inputs, "root", root);
  return inputs;
}

char *
vf_import_key (const char *root)
{
  g_autoptr (VfJson) inputs = make_inputs (root);
  g_autofree char *text = vf_json_canonical (inputs);
  return vf_digest_text (text);
}

VfJson *
vf_import_record (const char *root, const char *name)
{
  VfJson *record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set_string (record, "stage", "import");
  vf_json_set_string (record, "spec", name);
  vf_json_set (record, "inputs", make_inputs (root));
  return record;
}

/* ---- volumes that are being received: building records with a "transfer" member */

static gboolean
write_transfer (VmforgeStore *store, const VfBuilding *building, const char *root, const char *base,
                gboolean kept, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  g_autoptr (VfJson) record = gate == NULL ? NULL : vf_building_read (store, building->volume, error);
  if (record == NULL)
    return error == NULL || *error != NULL
               ? FALSE
               : vf_error_set (error, VMFORGE_ERROR_FAILED, "the record of volume %s is gone",
                               building->volume);
  VfJson *transfer = json_object_new_object ();
  vf_json_set_string (transfer, "root", root);
  if (base != NULL)
    vf_json_set_string (transfer, "base", base);
  vf_json_set (record, "transfer", transfer);
  vf_json_set_bool (record, "kept", kept);
  return vf_building_write (store, building->volume, record, error);
}

VfBuilding *
vf_store_begin_import (VmforgeStore *store, const char *root, const char *name, const char *base_key,
                       GError **error)
{
  g_autofree char *key = vf_import_key (root);
  VfBuildingStage what = {
      .key = key, .parent = base_key, .stage = "import", .spec = name, .reserve = VF_IMPORT_RESERVE};
  return vf_store_begin_stage (store, &what, error);
}

gboolean
vf_store_keep_import (VmforgeStore *store, const VfBuilding *building, const char *root, const char *base,
                      GError **error)
{
  return write_transfer (store, building, root, base, TRUE, error);
}

gboolean
vf_store_finish_import (VmforgeStore *store, const VfBuilding *building, const char *root, GError **error)
{
  return write_transfer (store, building, root, NULL, FALSE, error);
}

/* What was begun for the same content, and nobody is at work on. */
static VfBuilding *
resume (VmforgeStore *store, const char *volume, VfJson *record)
{
  VfKept kept = {.volume = (char *)volume};
  VfLock *lock = vf_store_lock_kept (store, &kept, NULL);
  if (lock == NULL)
    return NULL;
  VfBuilding *building = g_new0 (VfBuilding, 1);
  building->volume = g_strdup (volume);
  building->key = g_strdup (vf_json_string (record, "key", NULL));
  building->lock = lock;
  return building;
}

VfBuilding *
vf_store_resume_import (VmforgeStore *store, const char *root, char **base)
{
  g_auto (GStrv) volumes = vf_records_names (store, "building", ".json", NULL);
  for (char **volume = volumes; volume != NULL && *volume != NULL; volume++) {
    g_autoptr (VfJson) record = vf_building_read (store, *volume, NULL);
    VfJson *transfer = record == NULL ? NULL : vf_json_object (record, "transfer");
    if (transfer == NULL || strcmp (vf_json_string (transfer, "root", ""), root) != 0 ||
        !vf_json_bool (record, "kept", FALSE) ||
        strcmp (vf_json_string (record, "storage", ""), store->storage_name) != 0)
      continue;
    VfBuilding *building = resume (store, *volume, record);
    if (building == NULL)
      continue;
    *base = g_strdup (vf_json_string (transfer, "base", NULL));
    return building;
  }
  return NULL;
}
