/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* exports/DIGEST-VOLUME.FORMAT: an image in a format that a build derived from its volume. The digest says
 * when it goes: with the image. The volume says what is in it: a stage that is built again has the same key
 * and, where a step is not reproducible, other content. */
#include "store/records.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/fs.h"

#include <string.h>

char *
vf_store_export_name (const VfImage *image, const char *format)
{
  g_return_val_if_fail (image->digest != NULL && image->volume != NULL, NULL);
  return g_strdup_printf ("exports/%s-%s.%s", image->digest, image->volume, format);
}

static char *
record_path (const char *name)
{
  return g_strconcat (name, VF_EXPORT_RECORD, NULL);
}

gboolean
vf_store_record_export (VmforgeStore *store, const char *name, GError **error)
{
  g_autofree char *path = record_path (name);
  g_autofree char *digest = vf_digest_file (store->fd, name, error);
  if (digest == NULL)
    return FALSE;
  g_autoptr (VfJson) record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set_string (record, "digest", digest);
  return vf_store_write_checked (store, path, record, error);
}

gboolean
vf_store_forget_export (VmforgeStore *store, const char *name, GError **error)
{
  g_autofree char *path = record_path (name);
  return vf_records_remove (store, path, error);
}

char *
vf_export_digest (VmforgeStore *store, const char *name)
{
  g_autofree char *path = record_path (name);
  g_autoptr (VfJson) record = vf_records_read (store, path, NULL);
  return record == NULL ? NULL : g_strdup (vf_json_string (record, "digest", NULL));
}

gboolean
vf_store_has_export (VmforgeStore *store, const char *name)
{
  g_autofree char *digest = vf_export_digest (store, name);
  return digest != NULL && vf_fs_exists (store->fd, name);
}

gboolean
vf_exports_sweep (VmforgeStore *store, GHashTable *listed, GError **error)
{
  g_auto (GStrv) names = vf_records_names (store, "exports", NULL, error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *digest = g_strndup (*name, VF_DIGEST_HEX);
    g_autofree char *path = g_strdup_printf ("exports/%s", *name);
    if (!g_hash_table_contains (listed, digest) && !vf_fs_remove (store->fd, path, error))
      return FALSE;
  }
  return TRUE;
}
