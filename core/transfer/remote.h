/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Whether what a repository says is to be believed: signed by a key that this store trusts, not older than
 * what it said before, and not expired. */
#pragma once

#include "repository/listing.h"
#include "store/store.h"

/* text: of index.json; signature: of index.json.minisig, or NULL if there is none. What was accepted is
 * remembered, so that an older one is refused from then on. */
VfListing *vf_remote_judge (VmforgeStore *store, const char *text, gsize length, const char *signature,
                            GError **error);
