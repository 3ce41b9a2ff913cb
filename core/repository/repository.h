/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The repository of a store (docs/repository.md): a plain folder that any web server can serve, made of what
 * the store's records say. Whatever is lost of it is made again. */
#pragma once

#include "repository/listing.h"
#include "store/records.h"

/* Writes into the empty file `output` what a transport fetches instead of single blocks. root: of the
 * content; base: root of what it builds upon, or NULL. */
typedef gboolean (*VfPackFunc) (VmforgeStore *store, const char *root, const char *base, int output,
                                gpointer user_data, GError **error);

/* Brings the repository up to date: signs what was built here and has no signature of the service key, makes
 * what is missing, removes what is of no image any more, and then writes index.json, if it says anything new,
 * or would expire soon (renew: in any case; then what came from elsewhere is published as well). pack: NULL:
 * no packs are made. Waits for who does the same. Needs the storage. */
gboolean vf_repository_update (VmforgeStore *store, VfPackFunc pack, gpointer user_data, gboolean renew,
                               GError **error);
/* Whether an image is published, and no update was cut off since. */
gboolean vf_repository_has (VmforgeStore *store, const char *digest);
/* Before what is published changes: if nobody comes to update it, the next build does. */
void vf_repository_expect (VmforgeStore *store);
/* What index.json says; NULL without error if there is none. */
VfListing *vf_repository_read (VmforgeStore *store, GError **error);
/* Names of the files beside a manifest, for signatures in the order of their texts. Free the result. */
char **vf_repository_signature_names (VmforgeStore *store, const char *const *signatures, GError **error);
