/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Any bytes as an offer of a peer: what is taken names an image that can be one. */
#include "support/digest.h"
#include "transfer/offer.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfOffer) offer = vf_offer_parse (data, size, &error);
  g_assert_true ((offer == NULL) == (error != NULL));
  if (offer == NULL)
    return 0;
  g_autofree char *digest = vf_digest_text (offer->text);
  g_assert_cmpstr (offer->digest, ==, digest);
  g_assert_true (vf_digest_is_hex (offer->root, VF_DIGEST_HEX));
  g_assert_cmpuint (offer->bytes, >, 0);
  g_assert_null (strpbrk (offer->name, "/ \n"));
  return 0;
}
