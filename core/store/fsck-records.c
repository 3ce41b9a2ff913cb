/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Records beside those of stages, and what they refer to. */
#include "store/fsck.h"

#include "store/records.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/fs.h"

#include <string.h>

/* Every *.json of a folder. */
static gboolean
check_folder (VfFsck *fsck, const char *kind, const char *folder, GError **error)
{
  g_auto (GStrv) names = vf_records_names (fsck->store, folder, ".json", error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *path = g_strdup_printf ("%s/%s.json", folder, *name);
    vf_fsck_record (fsck, kind, path, VF_CURE_FILE, path);
  }
  return TRUE;
}

/* One that cannot be read at all is not even opened. */
gboolean
vf_fsck_store (VfFsck *fsck, GError **error)
{
  g_auto (GStrv) names = vf_records_names (fsck->store, ".", ".json", error);
  for (char **name = names; name != NULL && *name != NULL; name++) {
    if (strcmp (*name, "blocks") == 0)
      continue; /* fsck-hints.c */
    g_autofree char *path = g_strconcat (*name, ".json", NULL);
    vf_fsck_record (fsck, "record", path, VF_CURE_NONE, NULL);
  }
  return names != NULL;
}

gboolean
vf_fsck_roots (VfFsck *fsck, GError **error)
{
  return check_folder (fsck, "record", "roots", error);
}

/* What is damaged there is a miss, and made again. */
gboolean
vf_fsck_caches (VfFsck *fsck, GError **error)
{
  return check_folder (fsck, "cache", "cache", error) &&
         check_folder (fsck, "cache", "cache/metadata", error) &&
         check_folder (fsck, "cache", "cache/resolutions", error);
}

gboolean
vf_fsck_buildings (VfFsck *fsck, GError **error)
{
  g_auto (GStrv) volumes = vf_records_names (fsck->store, "building", ".json", error);
  if (volumes == NULL)
    return FALSE;
  for (char **volume = volumes; *volume != NULL; volume++) {
    g_autofree char *path = g_strdup_printf ("building/%s.json", *volume);
    if (!vf_fsck_record (fsck, "record", path, VF_CURE_FILE, path))
      continue;
    g_autoptr (VfJson) record = vf_building_read (fsck->store, *volume, NULL);
    if (record != NULL && vf_json_bool (record, "kept", FALSE) &&
        strcmp (vf_json_string (record, "storage", ""), fsck->store->storage_name) == 0 &&
        !g_hash_table_contains (fsck->volumes, *volume))
      vf_fsck_found (fsck, "volume", *volume, VF_CURE_FILE, path, "kept after a failure: is not there");
  }
  return TRUE;
}

static gboolean
check_manifest (VfFsck *fsck, const char *digest, GError **error)
{
  g_autofree char *path = g_strdup_printf ("objects/%s.json", digest);
  g_autoptr (GError) failure = NULL;
  g_autofree char *made = vf_digest_file (fsck->store->fd, path, &failure);
  if (made == NULL) {
    vf_fsck_found (fsck, "image", path, VF_CURE_IMAGE, digest, "%s", failure->message);
    return TRUE;
  }
  if (strcmp (made, digest) != 0) {
    vf_fsck_found (fsck, "image", path, VF_CURE_IMAGE, digest, "damaged: its SHA-256 is %.12s", made);
    return TRUE;
  }
  g_autoptr (VfJson) manifest = vf_records_read (fsck->store, path, NULL);
  const char *key = manifest == NULL ? "" : vf_json_string (manifest, "stage", "");
  g_autofree char *import = vf_import_key (manifest == NULL ? "" : vf_json_string (manifest, "root", ""));
  g_auto (GStrv) storages = vf_stage_storages (fsck->store, key, error);
  g_auto (GStrv) imports = storages == NULL ? NULL : vf_stage_storages (fsck->store, import, error);
  if (imports == NULL)
    return FALSE;
  if ((*key == '\0' || storages[0] == NULL) && imports[0] == NULL)
    vf_fsck_found (fsck, "image", path, VF_CURE_IMAGE, digest, "its stage %.12s is not there", key);
  return TRUE;
}

/* One file of images/NAME/. */
static gboolean
check_name (VfFsck *fsck, const char *path, GHashTable *seen, GError **error)
{
  if (!vf_fsck_record (fsck, "image", path, VF_CURE_FILE, path))
    return TRUE;
  g_autoptr (VfJson) record = vf_records_read (fsck->store, path, NULL);
  g_auto (GStrv) digests = record == NULL ? NULL : vf_json_strv (record, "digests");
  for (char **digest = digests; digest != NULL && *digest != NULL; digest++) {
    if (!vf_digest_is_hex (*digest, VF_DIGEST_HEX))
      vf_fsck_found (fsck, "image", path, VF_CURE_FILE, path, "'%s' is no digest", *digest);
    else if (g_hash_table_add (seen, g_strdup (*digest)) && !check_manifest (fsck, *digest, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_signatures (VfFsck *fsck, GError **error)
{
  g_auto (GStrv) digests = vf_records_names (fsck->store, "objects", ".signatures", error);
  for (char **digest = digests; digest != NULL && *digest != NULL; digest++) {
    g_autofree char *path = g_strdup_printf ("objects/%s.signatures", *digest);
    vf_fsck_record (fsck, "image", path, VF_CURE_FILE, path);
  }
  return digests != NULL;
}

/* Manifests that no name lists are rubbish, which the next opening removes. */
gboolean
vf_fsck_images (VfFsck *fsck, GError **error)
{
  if (!check_signatures (fsck, error))
    return FALSE;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_auto (GStrv) names = vf_records_names (fsck->store, "images", NULL, error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *folder = g_strdup_printf ("images/%s", *name);
    g_auto (GStrv) files = vf_records_names (fsck->store, folder, ".json", error);
    if (files == NULL)
      return FALSE;
    for (char **file = files; *file != NULL; file++) {
      g_autofree char *path = g_strdup_printf ("%s/%s.json", folder, *file);
      if (!check_name (fsck, path, seen, error))
        return FALSE;
    }
  }
  return TRUE;
}
