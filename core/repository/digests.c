/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "repository/repository-private.h"

#include "support/checked.h"
#include "support/digest.h"
#include "support/fs.h"

#include <string.h>

static gboolean
is_said (VmforgeStore *store, const char *path, VfJson *json)
{
  g_autoptr (VfJson) there = vf_fs_exists (store->fd, path) ? vf_checked_read (store->fd, path, NULL) : NULL;
  if (there == NULL)
    return FALSE;
  g_autofree char *a = vf_json_canonical (there), *b = vf_json_canonical (json);
  return strcmp (a, b) == 0;
}

static gboolean
write_record (VmforgeStore *store, const char *folder, VfJson *files, GError **error)
{
  g_autoptr (VfJson) json = json_object_new_object ();
  g_autofree char *path = g_build_filename (folder, VF_REPOSITORY_DIGESTS, NULL);
  vf_json_set_int (json, "format", 1);
  vf_json_set (json, "files", json_object_get (files));
  return is_said (store, path, json) || vf_checked_write (store->fd, path, json, error);
}

static gboolean
add_digest (VmforgeStore *store, const char *folder, const char *name, VfJson *files, GError **error)
{
  g_autofree char *file = g_build_filename (folder, name, NULL);
  g_autofree char *digest = vf_digest_file (store->fd, file, error);
  if (digest != NULL)
    vf_json_set_string (files, name, digest);
  return digest != NULL;
}

gboolean
repository_write_digests (VmforgeStore *store, const char *folder, const char *const *names, GError **error)
{
  g_autoptr (VfJson) files = json_object_new_object ();
  for (; *names != NULL; names++)
    if (!add_digest (store, folder, *names, files, error))
      return FALSE;
  return write_record (store, folder, files, error);
}

gboolean
repository_note_packs (VfUpdate *update, GError **error)
{
  const char *path = PACKS_FOLDER "/" VF_REPOSITORY_DIGESTS;
  int dirfd = update->store->fd;
  g_autoptr (VfJson) before = vf_fs_exists (dirfd, path) ? vf_checked_read (dirfd, path, NULL) : NULL;
  VfJson *known = before == NULL ? NULL : vf_json_object (before, "files");
  g_autoptr (VfJson) files = json_object_new_object ();
  GHashTableIter iter;
  gpointer pack;
  g_hash_table_iter_init (&iter, update->wanted);
  while (g_hash_table_iter_next (&iter, &pack, NULL)) {
    g_autofree char *name = g_strconcat (pack, ".pack", NULL);
    const char *digest = known == NULL ? NULL : vf_json_string (known, name, NULL);
    if (digest != NULL)
      vf_json_set_string (files, name, digest);
    else if (!add_digest (update->store, PACKS_FOLDER, name, files, error))
      return FALSE;
  }
  return write_record (update->store, PACKS_FOLDER, files, error);
}
