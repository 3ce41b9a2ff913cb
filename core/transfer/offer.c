/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/offer.h"

#include "support/digest.h"
#include "support/error.h"
#include "vmforge/plugin.h"

#include <string.h>

#define FORMAT 1

/* A value of two bytes takes seventy once it is read, so memory is bounded by how many there are; and whoever
 * offers is not known yet. That of hundreds of thousands of packages has fewer. */
#define MAX_COMMAS (1u << 20)

void
vf_offer_free (VfOffer *offer)
{
  if (offer == NULL)
    return;
  g_free (offer->text);
  g_free (offer->digest);
  g_clear_pointer (&offer->manifest, vf_json_unref);
  g_free (offer->root);
  g_free (offer->name);
  g_strfreev (offer->signatures);
  g_free (offer);
}

GBytes *
vf_offer_make (VmforgeStore *store, const VfImage *image, GError **error)
{
  g_autofree char *manifest = vf_json_canonical (image->manifest);
  g_autoptr (VfJson) json = json_object_new_object ();
  g_auto (GStrv) signatures = vf_store_read_signatures (store, image->digest, error);
  if (signatures == NULL)
    return NULL;
  vf_json_set_int (json, "format", FORMAT);
  vf_json_set_string (json, "manifest", manifest);
  vf_json_set (json, "signatures", vf_json_from_strv ((const char *const *)signatures));
  char *text = vf_json_canonical (json);
  return g_bytes_new_take (text, strlen (text));
}

static gboolean
refuse (GError **error, const char *why)
{
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "what the peer offers is no image: %s", why);
}

static gboolean
read_manifest (VfOffer *offer, GError **error)
{
  offer->manifest = vf_json_parse (offer->text, strlen (offer->text), NULL);
  if (offer->manifest == NULL || !json_object_is_type (offer->manifest, json_type_object) ||
      vf_json_has_floats (offer->manifest))
    return refuse (error, "its manifest is not JSON");
  /* The digest names the text: only one text may say the same. */
  g_autofree char *canonical = vf_json_canonical (offer->manifest);
  if (g_strcmp0 (canonical, offer->text) != 0)
    return refuse (error, "its manifest is not in canonical form");
  offer->digest = vf_digest_text (offer->text);
  offer->root = g_strdup (vf_json_string (offer->manifest, "root", ""));
  gint64 bytes = vf_json_int (offer->manifest, "bytes", 0);
  offer->bytes = (guint64)bytes;
  offer->name = g_strdup_printf ("%s:%s@%s", vf_json_string (offer->manifest, "name", ""),
                                 vf_json_string (offer->manifest, "version", ""),
                                 vf_json_string (offer->manifest, "arch", ""));
  if (!vf_digest_is_hex (offer->root, VF_DIGEST_HEX) || bytes <= 0)
    return refuse (error, "its manifest names no root of a block index, or no size");
  return vf_manifest_check (offer->manifest, error);
}

/* Those in strings count as well: the manifest is one. */
static gboolean
has_few_values (const char *text, gsize length)
{
  guint commas = 0;
  for (gsize i = 0; i < length && commas <= MAX_COMMAS; i++)
    commas += text[i] == ',';
  return commas <= MAX_COMMAS;
}

VfOffer *
vf_offer_parse (const void *data, gsize length, GError **error)
{
  g_autoptr (VfOffer) offer = g_new0 (VfOffer, 1);
  if (length <= VMFORGE_OFFER_MAX && !has_few_values (data, length)) {
    refuse (error, "it has more than a million values");
    return NULL;
  }
  g_autoptr (VfJson) json = length > VMFORGE_OFFER_MAX ? NULL : vf_json_parse (data, length, NULL);
  if (json == NULL || !json_object_is_type (json, json_type_object)) {
    refuse (error, "it is not JSON");
    return NULL;
  }
  if (vf_json_int (json, "format", 0) != FORMAT) {
    refuse (error, "it is of a format that this vmforge does not know");
    return NULL;
  }
  offer->text = g_strdup (vf_json_string (json, "manifest", ""));
  offer->signatures = vf_json_strv (json, "signatures");
  if (g_strv_length (offer->signatures) > VF_SIGNATURES_MAX) {
    refuse (error, "it has too many signatures");
    return NULL;
  }
  return read_manifest (offer, error) ? g_steal_pointer (&offer) : NULL;
}
