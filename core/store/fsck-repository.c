/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What is published: each folder has a record of what its files should be. All of it is made anew of the
 * store's records, so what is damaged is removed. */
#include "store/fsck.h"

#include "store/records.h"

#define KIND   "repository"
#define IMAGES VF_REPOSITORY "/images"
#define PACKS  VF_REPOSITORY "/packs"

static gboolean
check_folder (VfFsck *fsck, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, VF_REPOSITORY_DIGESTS, NULL);
  if (!vf_fsck_record (fsck, KIND, path, VF_CURE_FILE, path))
    return TRUE;
  g_autoptr (VfJson) record = vf_records_read (fsck->store, path, NULL);
  VfJson *files = record == NULL ? NULL : vf_json_object (record, "files");
  if (files == NULL)
    return TRUE;
  json_object_object_foreach (files, name, digest) {
    g_autofree char *file = g_build_filename (folder, name, NULL);
    const char *said = json_object_is_type (digest, json_type_string) ? json_object_get_string (digest) : "";
    if (!vf_fsck_file (fsck, KIND, file, said, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_fsck_repository (VfFsck *fsck, GError **error)
{
  g_auto (GStrv) images = vf_records_names (fsck->store, IMAGES, NULL, error);
  if (images == NULL)
    return FALSE;
  for (char **image = images; *image != NULL; image++) {
    g_autofree char *folder = g_build_filename (IMAGES, *image, NULL);
    if (!check_folder (fsck, folder, error))
      return FALSE;
  }
  return check_folder (fsck, PACKS, error) && check_folder (fsck, VF_REPOSITORY, error);
}
