/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Stages: record, key, parent, volume. */
#include "store/fsck.h"

#include "store/records.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/fs.h"

#include <string.h>

#define CURE VF_CURE_STAGE

/* Notes what is wrong with stage.json. The parent that it names, or NULL; free it. */
static char *
check_inputs (VfFsck *fsck, const char *key)
{
  g_autofree char *path = g_strdup_printf ("stages/%s/stage.json", key);
  if (!vf_fs_exists (fsck->store->fd, path))
    vf_fsck_found (fsck, "stage", path, CURE, key, "is not there");
  if (!vf_fsck_record (fsck, "stage", path, CURE, key))
    return NULL;
  g_autoptr (VfJson) record = vf_records_read (fsck->store, path, NULL);
  VfJson *inputs = record == NULL ? NULL : vf_json_object (record, "inputs");
  g_autofree char *text = inputs == NULL ? NULL : vf_json_canonical (inputs);
  g_autofree char *digest = text == NULL ? NULL : vf_digest_text (text);
  const char *parent = record == NULL ? NULL : vf_json_string (record, "parent", NULL);
  if (digest == NULL)
    vf_fsck_found (fsck, "stage", path, CURE, key, "has no inputs");
  else if (strcmp (digest, key) != 0)
    vf_fsck_found (fsck, "stage", path, CURE, key, "its inputs have the key %.12s", digest);
  else if (g_strcmp0 (vf_json_string (inputs, "parent", NULL), parent) != 0)
    vf_fsck_found (fsck, "stage", path, CURE, key, "its parent is not that of its inputs");
  return g_strdup (parent);
}

/* The volume that a record names, or NULL; free it. */
static char *
check_storage (VfFsck *fsck, const char *key, const char *storage, guint64 *bytes)
{
  gboolean ours = strcmp (storage, fsck->store->storage_name) == 0;
  g_autofree char *path = g_strdup_printf ("stages/%s/%s.json", key, storage);
  /* The volumes of another storage cannot be reached from here, nor removed. */
  if (!vf_fsck_record (fsck, "stage", path, ours ? CURE : VF_CURE_NONE, key))
    return NULL;
  g_autoptr (VfJson) record = vf_records_read (fsck->store, path, NULL);
  const char *volume = record == NULL ? "" : vf_json_string (record, "volume", "");
  *bytes = record == NULL ? 0 : (guint64)vf_json_int (record, "bytes", 0);
  if (strlen (volume) == VF_VOLUME_HEX && vf_digest_is_hex (volume, VF_VOLUME_HEX))
    return g_strdup (volume);
  vf_fsck_found (fsck, "stage", path, ours ? CURE : VF_CURE_NONE, key, "it names no volume");
  return NULL;
}

static void
check_volume (VfFsck *fsck, const VfFsckStage *stage)
{
  const VfVolume *volume = g_hash_table_lookup (fsck->volumes, stage->volume);
  if (volume == NULL)
    vf_fsck_found (fsck, "volume", stage->volume, CURE, stage->key, "of stage %.12s: is not there",
                   stage->key);
  else if (!volume->sealed)
    vf_fsck_found (fsck, "volume", stage->volume, CURE, stage->key, "of stage %.12s: is not sealed",
                   stage->key);
  else if (volume->bytes != stage->bytes)
    vf_fsck_found (fsck, "volume", stage->volume, CURE, stage->key,
                   "of stage %.12s: has %" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT, stage->key,
                   volume->bytes, stage->bytes);
}

/* In the storages that have it. */
static gboolean
check_stage (VfFsck *fsck, const char *key, GError **error)
{
  g_auto (GStrv) storages = vf_stage_storages (fsck->store, key, error);
  if (storages == NULL)
    return FALSE;
  if (storages[0] == NULL) /* a record that was cut off: the next opening removes it */
    return TRUE;
  g_autofree char *pin = g_strdup_printf ("stages/%s/pin", key);
  vf_fsck_record (fsck, "record", pin, VF_CURE_PIN, key);
  g_autofree char *parent = check_inputs (fsck, key);
  for (char **storage = storages; *storage != NULL; storage++) {
    guint64 bytes = 0;
    g_autofree char *volume = check_storage (fsck, key, *storage, &bytes);
    if (strcmp (*storage, fsck->store->storage_name) != 0)
      continue;
    VfFsckStage *stage = g_new0 (VfFsckStage, 1);
    *stage = (VfFsckStage){g_strdup (key), g_strdup (parent), g_steal_pointer (&volume), bytes};
    g_ptr_array_add (fsck->stages, stage);
    if (stage->volume != NULL)
      check_volume (fsck, stage);
  }
  return TRUE;
}

static void
check_parents (VfFsck *fsck)
{
  g_autoptr (GHashTable) keys = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < fsck->stages->len; i++)
    g_hash_table_add (keys, ((VfFsckStage *)g_ptr_array_index (fsck->stages, i))->key);
  for (guint i = 0; i < fsck->stages->len; i++) {
    const VfFsckStage *stage = g_ptr_array_index (fsck->stages, i);
    g_autofree char *path = g_strdup_printf ("stages/%s/stage.json", stage->key);
    if (stage->parent != NULL && !g_hash_table_contains (keys, stage->parent))
      vf_fsck_found (fsck, "stage", path, CURE, stage->key, "its parent, stage %.12s, is not there",
                     stage->parent);
  }
}

gboolean
vf_fsck_stages (VfFsck *fsck, GError **error)
{
  g_auto (GStrv) keys = vf_records_names (fsck->store, "stages", NULL, error);
  if (keys == NULL)
    return FALSE;
  for (char **key = keys; *key != NULL; key++)
    if (strlen (*key) == VF_DIGEST_HEX && vf_digest_is_hex (*key, VF_DIGEST_HEX)) {
      if (!check_stage (fsck, *key, error))
        return FALSE;
    } else {
      g_autofree char *path = g_strdup_printf ("stages/%s", *key);
      vf_fsck_found (fsck, "stage", path, VF_CURE_NONE, NULL, "is no key");
    }
  check_parents (fsck);
  return TRUE;
}
