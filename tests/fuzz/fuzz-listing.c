/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Any bytes as index.json of a repository: what is taken names files that can be names, and is said again as
 * it was. */
#include "repository/listing.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_names (char **names)
{
  for (; *names != NULL; names++) {
    g_assert_null (strchr (*names, '/'));
    g_assert_true (**names != '.' && **names != '\0');
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfListing) listing = vf_listing_parse ((const char *)data, size, &error);
  g_assert_true ((listing == NULL) == (error != NULL));
  if (listing == NULL)
    return 0;
  for (guint i = 0; i < listing->images->len; i++) {
    const VfListed *listed = g_ptr_array_index (listing->images, i);
    check_names (listed->packs);
    check_names (listed->signatures);
    check_names (listed->tags);
    g_autoptr (GError) none = NULL; /* or it means several */
    g_assert_true (vf_listing_find (listing, listed->name, &none) != NULL ||
                   g_error_matches (none, VMFORGE_ERROR, VMFORGE_ERROR_SPEC));
  }
  g_autoptr (VfJson) json = vf_listing_to_json (listing);
  g_autofree char *text = vf_json_canonical (json);
  g_autoptr (VfListing) again = vf_listing_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  g_autoptr (VfJson) json_again = vf_listing_to_json (again);
  g_autofree char *text_again = vf_json_canonical (json_again);
  g_assert_cmpstr (text, ==, text_again);
  return 0;
}
