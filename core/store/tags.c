/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Words for images that move: "tags" in images/NAME/VERSION@ARCH.json, {TAG: {"digest", "since"}}. A tag is
 * of one image of a name and architecture; where a crash left it with two, the one that got it last has it.
 */
#include "store/records.h"
#include "support/error.h"

#include <string.h>

static const char *
digest_of (VfJson *tag)
{
  return json_object_is_type (tag, json_type_object) ? vf_json_string (tag, "digest", "") : "";
}

char **
vf_image_name_tags (const VfImageName *entry, const char *digest)
{
  g_autoptr (GStrvBuilder) tags = g_strv_builder_new ();
  if (entry->tags != NULL) {
    json_object_object_foreach (entry->tags, name, tag) {
      if (strcmp (digest_of (tag), digest) == 0 && vf_image_is_tag (name))
        g_strv_builder_add (tags, name);
    }
  }
  return g_strv_builder_end (tags);
}

VfJson *
vf_image_name_live_tags (const VfImageName *entry)
{
  VfJson *live = NULL;
  if (entry->tags == NULL)
    return NULL;
  json_object_object_foreach (entry->tags, name, tag) {
    if (!g_strv_contains ((const char *const *)entry->digests, digest_of (tag)))
      continue;
    if (live == NULL)
      live = json_object_new_object ();
    vf_json_set (live, name, json_object_get (tag));
  }
  return live;
}

const char *
vf_image_names_tagged (GPtrArray *entries, const char *name, const char *tag, const char *arch,
                       const VfImageName **found)
{
  gint64 newest = -1;
  const char *digest = NULL;
  for (guint i = 0; i < entries->len; i++) {
    const VfImageName *entry = g_ptr_array_index (entries, i);
    VfJson *have = entry->tags == NULL ? NULL : vf_json_object (entry->tags, tag);
    if (have == NULL || strcmp (entry->name, name) != 0 ||
        (arch != NULL && strcmp (entry->arch, arch) != 0) || vf_json_int (have, "since", 0) <= newest)
      continue;
    newest = vf_json_int (have, "since", 0);
    digest = digest_of (have);
    *found = entry;
  }
  return digest;
}

static gboolean
check_tag (GPtrArray *entries, const VfImage *image, const char *tag, GError **error)
{
  if (!vf_image_is_tag (tag))
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "'%s' cannot be a tag: letters, digits and any of ._+~- are allowed, at most 100",
                         tag);
  for (guint i = 0; i < entries->len; i++) {
    const VfImageName *entry = g_ptr_array_index (entries, i);
    if (strcmp (entry->name, image->name) == 0 && strcmp (entry->version, tag) == 0)
      return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is a version of '%s', and cannot be a tag of it",
                           tag, image->name);
  }
  return TRUE;
}

static gboolean
is_of (const VfImageName *entry, const VfImage *image)
{
  return strcmp (entry->name, image->name) == 0 && strcmp (entry->arch, image->arch) == 0;
}

static gboolean
take_away (VmforgeStore *store, VfImageName *entry, const char *tag, GError **error)
{
  if (entry->tags == NULL || vf_json_object (entry->tags, tag) == NULL)
    return TRUE;
  json_object_object_del (entry->tags, tag);
  return vf_image_name_write (store, entry, error);
}

static gboolean
give (VmforgeStore *store, VfImageName *entry, const char *digest, const char *tag, GError **error)
{
  VfJson *value = json_object_new_object ();
  vf_json_set_string (value, "digest", digest);
  vf_json_set_int (value, "since", g_get_real_time ());
  if (entry->tags == NULL)
    entry->tags = json_object_new_object ();
  vf_json_set (entry->tags, tag, value);
  return vf_image_name_write (store, entry, error);
}

static gboolean
change (VmforgeStore *store, const VfImage *image, const char *tag, gboolean gives, GError **error)
{
  if (image->name == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "%.12s is a stage: tags are of images", image->key);
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  g_autoptr (GPtrArray) entries = gate == NULL ? NULL : vf_image_names_read (store, error);
  if (entries == NULL || (gives && !check_tag (entries, image, tag, error)))
    return FALSE;
  VfImageName *own = NULL;
  for (guint i = 0; i < entries->len; i++) {
    VfImageName *entry = g_ptr_array_index (entries, i);
    if (is_of (entry, image) && g_strv_contains ((const char *const *)entry->digests, image->digest))
      own = entry;
  }
  VfJson *had = own == NULL || own->tags == NULL ? NULL : vf_json_object (own->tags, tag);
  if (own == NULL || (!gives && (had == NULL || strcmp (digest_of (had), image->digest) != 0)))
    return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "image %s:%s@%s has no tag '%s'", image->name,
                         image->version, image->arch, tag);
  if (!gives)
    return take_away (store, own, tag, error);
  if (!give (store, own, image->digest, tag, error))
    return FALSE;
  for (guint i = 0; i < entries->len; i++) {
    VfImageName *entry = g_ptr_array_index (entries, i);
    if (entry != own && is_of (entry, image) && !take_away (store, entry, tag, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_store_tag_image (VmforgeStore *store, const VfImage *image, const char *tag, GError **error)
{
  return change (store, image, tag, TRUE, error);
}

gboolean
vf_store_untag_image (VmforgeStore *store, const VfImage *image, const char *tag, GError **error)
{
  return change (store, image, tag, FALSE, error);
}
