/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The files of a keyring. */
#pragma once

#include "repository/keyring.h"

#define KEYS_FOLDER    "keys"
#define TRUSTED_FOLDER "keys/trusted"
#define SERVICE_SECRET "keys/service.key"
#define SERVICE_PUBLIC "keys/service.pub"

/* What keys/trusted has of an id; NULL without error if nothing. A key whose files are damaged has `damage`.
 */
VfTrustedKey *keyring_read_trusted (VmforgeStore *store, const char *id, GError **error);
void keyring_key_free (VfTrustedKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfTrustedKey, keyring_key_free)
/* keys/trusted/ID.json or .pub. Free the result. */
char *keyring_path (const char *id, const char *suffix);
