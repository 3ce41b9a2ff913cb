/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Images as they are read: manifests by digest, and the names that point to them. */
#include "store/records.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>

void
vf_image_free (VfImage *image)
{
  if (image == NULL)
    return;
  g_free (image->name);
  g_free (image->version);
  g_free (image->arch);
  g_free (image->digest);
  g_free (image->key);
  g_free (image->storage);
  g_free (image->volume);
  g_strfreev (image->tags);
  json_object_put (image->manifest);
  g_free (image);
}

/* NULL without error if absent. */
static VfJson *
read_manifest (VmforgeStore *store, const char *digest, GError **error)
{
  g_autofree char *path = g_strdup_printf ("objects/%s.json", digest);
  g_autoptr (VfJson) manifest = vf_records_read (store, path, error);
  if (manifest == NULL)
    return NULL;
  g_autofree char *text = vf_json_canonical (manifest);
  g_autofree char *made = vf_digest_text (text);
  if (strcmp (made, digest) == 0)
    return g_steal_pointer (&manifest);
  vf_error_set (error, VMFORGE_ERROR_FAILED,
                "'%s/%s' is damaged: its SHA-256 is %s (`vmforge fsck` tells more)", store->path, path, made);
  return NULL;
}

VfStage *
vf_image_stage (VmforgeStore *store, VfJson *manifest, GError **error)
{
  const char *root = vf_json_string (manifest, "root", NULL);
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) stage = vf_store_find_stage (store, vf_json_string (manifest, "stage", ""), &failure);
  /* One that was built elsewhere, or again, has the same files, but not always the same blocks. */
  if (failure == NULL && root != NULL && (stage == NULL || g_strcmp0 (stage->index, root) != 0)) {
    g_autofree char *key = vf_import_key (root);
    g_clear_pointer (&stage, vf_stage_free);
    stage = vf_store_find_stage (store, key, &failure);
  }
  if (failure == NULL)
    return g_steal_pointer (&stage);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

VfImage *
vf_image_read (VmforgeStore *store, const char *digest, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfJson) manifest = read_manifest (store, digest, &failure);
  g_autoptr (VfStage) stage = manifest == NULL ? NULL : vf_image_stage (store, manifest, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  if (manifest == NULL)
    return NULL;
  VfImage *image = g_new0 (VfImage, 1);
  image->name = g_strdup (vf_json_string (manifest, "name", ""));
  image->version = g_strdup (vf_json_string (manifest, "version", ""));
  image->arch = g_strdup (vf_json_string (manifest, "arch", ""));
  image->digest = g_strdup (digest);
  image->key = g_strdup (stage == NULL ? vf_json_string (manifest, "stage", "") : stage->key);
  image->storage = g_strdup (store->storage_name);
  image->volume = stage == NULL ? NULL : g_strdup (stage->volume);
  image->bytes = stage == NULL ? (guint64)MAX (vf_json_int (manifest, "bytes", 0), 0) : stage->bytes;
  image->created = vf_json_int (manifest, "created", 0);
  image->manifest = g_steal_pointer (&manifest);
  return image;
}

gboolean
vf_image_check_volume (VmforgeStore *store, const VfImage *image, GError **error)
{
  if (image->volume != NULL)
    return TRUE;
  g_auto (GStrv) storages = vf_stage_storages (store, image->key, error);
  if (storages == NULL)
    return FALSE;
  g_autofree char *name = image->name == NULL
                              ? g_strdup_printf ("stage %.12s", image->key)
                              : g_strdup_printf ("image %s:%s@%s", image->name, image->version, image->arch);
  if (storages[0] == NULL)
    return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                         "the volume of %s is gone: build or pull it again, or remove it", name);
  if (g_strv_contains ((const char *const *)storages, store->storage_name))
    return vf_error_set (
        error, VMFORGE_ERROR_NOT_FOUND,
        "the volume of %s has no block index, or another one than the image was published with: remove "
        "the stage and build it again",
        name);
  g_autofree char *list = vf_storages_settings (store, storages);
  return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "%s is not in %s but in %s: name it with --storage",
                       name, store->storage_setting, list);
}

static gboolean
list_name (VmforgeStore *store, const VfImageName *entry, GPtrArray *images, GError **error)
{
  for (char **digest = entry->digests; *digest != NULL; digest++) {
    g_autoptr (GError) failure = NULL;
    VfImage *image = vf_image_read (store, *digest, &failure);
    if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    if (image == NULL)
      continue;
    image->current = digest == entry->digests;
    image->tags = vf_image_name_tags (entry, *digest);
    g_ptr_array_add (images, image);
  }
  return TRUE;
}

GPtrArray *
vf_store_list_images (VmforgeStore *store, GError **error)
{
  g_autoptr (GPtrArray) entries = vf_image_names_read (store, error);
  if (entries == NULL)
    return NULL;
  g_autoptr (GPtrArray) images = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_image_free);
  for (guint i = 0; i < entries->len; i++)
    if (!list_name (store, g_ptr_array_index (entries, i), images, error))
      return NULL;
  return g_steal_pointer (&images);
}

GPtrArray *
vf_images_of_stage (VmforgeStore *store, const char *key, GError **error)
{
  g_autoptr (GPtrArray) images = vf_store_list_images (store, error);
  if (images == NULL)
    return NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < images->len; i++) {
    const VfImage *image = g_ptr_array_index (images, i);
    if (strcmp (image->key, key) == 0)
      g_ptr_array_add (names,
                       g_strdup_printf ("%s:%s@%s%s%.12s%s", image->name, image->version, image->arch,
                                        image->current ? "" : " (older, ",
                                        image->current ? "" : image->digest, image->current ? "" : ")"));
  }
  return g_steal_pointer (&names);
}

gboolean
vf_images_sweep (VmforgeStore *store, GError **error)
{
  g_autoptr (GPtrArray) entries = vf_image_names_read (store, error);
  g_auto (GStrv) digests = entries == NULL ? NULL : vf_records_names (store, "objects", ".json", error);
  if (digests == NULL)
    return FALSE;
  g_autoptr (GHashTable) listed = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < entries->len; i++)
    for (char **digest = ((VfImageName *)g_ptr_array_index (entries, i))->digests; *digest != NULL; digest++)
      g_hash_table_add (listed, *digest);
  for (char **digest = digests; *digest != NULL; digest++) {
    g_autofree char *path = g_strdup_printf ("objects/%s.json", *digest);
    if (g_hash_table_contains (listed, *digest))
      continue;
    g_autofree char *signatures = g_strdup_printf ("objects/%s.signatures", *digest);
    /* In this order: a manifest that is left is found again, signatures alone are not. */
    if (!vf_records_remove (store, signatures, error) || !vf_records_remove (store, path, error))
      return FALSE;
  }
  return vf_exports_sweep (store, listed, error);
}
