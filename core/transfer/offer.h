/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What one store tells another of an image before any block of it: the manifest and its signatures. */
#pragma once

#include "store/store.h"

typedef struct {
  char *text;   /* of the manifest, as it was hashed and signed */
  char *digest; /* of text */
  VfJson *manifest;
  char *root; /* of the block index */
  char *name; /* NAME:VERSION@ARCH */
  guint64 bytes;
  char **signatures;
} VfOffer;
void vf_offer_free (VfOffer *offer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfOffer, vf_offer_free)

GBytes *vf_offer_make (VmforgeStore *store, const VfImage *image, GError **error);
/* What a peer sent: whole and within bounds, nothing of it believed yet. */
VfOffer *vf_offer_parse (const void *data, gsize length, GError **error);
