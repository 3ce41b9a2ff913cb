/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "repository/listing.h"

#include "store/store.h"
#include "support/digest.h"
#include "support/error.h"

#include <string.h>

#define FORMAT     1
#define MAX_IMAGES 100000
#define MAX_PACKS  64
#define MAX_TAGS   64

VfListing *
vf_listing_new (void)
{
  VfListing *listing = g_new0 (VfListing, 1);
  listing->images = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_listed_free);
  return listing;
}

void
vf_listing_free (VfListing *listing)
{
  if (listing == NULL)
    return;
  g_free (listing->store);
  g_ptr_array_unref (listing->images);
  g_free (listing);
}

VfListed *
vf_listed_new (void)
{
  return g_new0 (VfListed, 1);
}

void
vf_listed_free (VfListed *listed)
{
  if (listed == NULL)
    return;
  g_free (listed->name);
  g_free (listed->version);
  g_free (listed->arch);
  g_free (listed->digest);
  g_free (listed->root);
  g_strfreev (listed->packs);
  g_strfreev (listed->signatures);
  g_strfreev (listed->tags);
  g_free (listed);
}

/* ---- writing */

static VfJson *
listed_to_json (const VfListed *listed)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "name", listed->name);
  vf_json_set_string (json, "version", listed->version);
  vf_json_set_string (json, "arch", listed->arch);
  vf_json_set_string (json, "manifest", listed->digest);
  vf_json_set_string (json, "root", listed->root);
  vf_json_set_int (json, "bytes", (gint64)listed->bytes);
  vf_json_set_int (json, "created", listed->created);
  vf_json_set (json, "packs", vf_json_from_strv ((const char *const *)listed->packs));
  vf_json_set (json, "signatures", vf_json_from_strv ((const char *const *)listed->signatures));
  vf_json_set (json, "tags", vf_json_from_strv ((const char *const *)listed->tags));
  vf_json_set_bool (json, "disk", listed->disk);
  return json;
}

VfJson *
vf_listing_images (const VfListing *listing)
{
  VfJson *images = json_object_new_array ();
  for (guint i = 0; i < listing->images->len; i++)
    json_object_array_add (images, listed_to_json (listing->images->pdata[i]));
  return images;
}

VfJson *
vf_listing_to_json (const VfListing *listing)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_int (json, "format", FORMAT);
  vf_json_set_int (json, "number", listing->number);
  vf_json_set_int (json, "created", listing->created);
  vf_json_set_int (json, "expires", listing->expires);
  vf_json_set_string (json, "store", listing->store);
  vf_json_set (json, "images", vf_listing_images (listing));
  return json;
}

/* ---- reading */

static gboolean
refuse (GError **error, const char *why)
{
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "index.json of the repository cannot be used: %s", why);
}

static gboolean
is_digest (const char *text)
{
  return text != NULL && vf_digest_is_hex (text, VF_DIGEST_HEX);
}

static gboolean
is_pack (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "-", 2);
  return g_strv_length (parts) == 2 && is_digest (parts[0]) &&
         (strcmp (parts[1], "zeros") == 0 || is_digest (parts[1]));
}

static gboolean
is_signature (const char *text)
{
  static const char beginning[] = "manifest.json.", end[] = "minisig";
  if (!g_str_has_prefix (text, beginning))
    return FALSE;
  const char *rest = text + strlen (beginning);
  if (strcmp (rest, end) == 0)
    return TRUE;
  return strspn (rest, "0123456789ABCDEF") == 16 && rest[16] == '.' && strcmp (rest + 17, end) == 0;
}

/* Each is a word of this kind, and there are no more than so many. */
static gboolean
read_words (VfJson *json, const char *member, gboolean (*is_word) (const char *), guint most, char ***words)
{
  *words = vf_json_strv (json, member);
  if (g_strv_length (*words) > most)
    return FALSE;
  for (char **word = *words; *word != NULL; word++)
    if (!is_word (*word))
      return FALSE;
  return TRUE;
}

static gboolean
read_listed (VfJson *json, VfListed *listed, GError **error)
{
  gint64 bytes = vf_json_int (json, "bytes", 0);
  listed->name = g_strdup (vf_json_string (json, "name", ""));
  listed->version = g_strdup (vf_json_string (json, "version", ""));
  listed->arch = g_strdup (vf_json_string (json, "arch", ""));
  listed->digest = g_strdup (vf_json_string (json, "manifest", NULL));
  listed->root = g_strdup (vf_json_string (json, "root", NULL));
  listed->created = vf_json_int (json, "created", 0);
  listed->disk = vf_json_bool (json, "disk", FALSE);
  listed->bytes = (guint64)bytes;
  if (!is_digest (listed->digest) || !is_digest (listed->root) || bytes <= 0)
    return refuse (error, "an image in it has no manifest, root or size");
  if (!read_words (json, "packs", is_pack, MAX_PACKS, &listed->packs) ||
      !read_words (json, "signatures", is_signature, VF_SIGNATURES_MAX, &listed->signatures) ||
      !read_words (json, "tags", vf_image_is_tag, MAX_TAGS, &listed->tags))
    return refuse (error, "an image in it names files that there cannot be");
  return vf_image_check_words (listed->name, listed->version, listed->arch, error);
}

static gboolean
read_images (VfJson *json, VfListing *listing, GError **error)
{
  VfJson *images = vf_json_array (json, "images");
  if (images == NULL || json_object_array_length (images) > MAX_IMAGES)
    return refuse (error, "it has no list of images, or too long a one");
  for (size_t i = 0; i < json_object_array_length (images); i++) {
    VfJson *image = json_object_array_get_idx (images, i);
    g_autoptr (VfListed) listed = vf_listed_new ();
    if (!json_object_is_type (image, json_type_object))
      return refuse (error, "what it lists is no image");
    if (!read_listed (image, listed, error))
      return FALSE;
    g_ptr_array_add (listing->images, g_steal_pointer (&listed));
  }
  return TRUE;
}

VfListing *
vf_listing_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (VfJson) json = length > VF_LISTING_MAX ? NULL : vf_json_parse (text, length, NULL);
  g_autoptr (VfListing) listing = vf_listing_new ();
  if (json == NULL || !json_object_is_type (json, json_type_object) ||
      vf_json_int (json, "format", 0) != FORMAT) {
    refuse (error, "it is not JSON of a format that this vmforge knows");
    return NULL;
  }
  listing->number = vf_json_int (json, "number", 0);
  listing->created = vf_json_int (json, "created", 0);
  listing->expires = vf_json_int (json, "expires", 0);
  listing->store = g_strdup (vf_json_string (json, "store", ""));
  if (listing->number <= 0 || listing->expires <= 0 || !vf_store_is_id (listing->store)) {
    refuse (error, "it has no number, no time at which it expires, or no store");
    return NULL;
  }
  return read_images (json, listing, error) ? g_steal_pointer (&listing) : NULL;
}

/* ---- finding */
