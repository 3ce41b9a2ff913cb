/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The keys of a store: its own, and those that it trusts (docs/store.md, keys/). */
#pragma once

#include "sign/sign.h"
#include "store/store.h"

typedef enum {
  VF_ROLE_SERVICE, /* signs builds and index.json, unattended */
  VF_ROLE_AUTHOR,  /* a person, with a passphrase: `vmforge sign` */
} VfRole;
const char *vf_role_name (VfRole role);
gboolean vf_role_parse (const char *text, VfRole *role);

typedef struct {
  char id[VF_SIGN_ID_HEX + 1];
  VfSignPublic public;
  VfRole role;
  char *name; /* for people; may be NULL */
  gint64 since;
  gint64 revoked; /* when; 0: it is not */
  gboolean own;   /* the store's service key */
  char *damage;   /* what is wrong with its files, or NULL; such a key verifies nothing */
} VfTrustedKey;

typedef struct _VfKeyring VfKeyring;

/* Reads the keys of a store, as they are; a store without keys has an empty keyring. */
VfKeyring *vf_keyring_load (VmforgeStore *store, GError **error);
void vf_keyring_free (VfKeyring *keyring);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfKeyring, vf_keyring_free)
/* Elements VfTrustedKey: the store's own first, then by id. Borrowed. */
GPtrArray *vf_keyring_keys (VfKeyring *keyring);
/* word: an id or an unambiguous prefix of at least 6 digits. VMFORGE_ERROR_NOT_FOUND. */
const VfTrustedKey *vf_keyring_find (VfKeyring *keyring, const char *word, GError **error);

/* Which keys of this role signed data. signatures: texts of signature files, NULL terminated; those that do
 * not count are passed by as long as one does. Elements VfTrustedKey, borrowed; never empty. NULL with an
 * error that says why none counts. only: ids of the keys that count, or NULL for all. */
GPtrArray *vf_keyring_judge (VfKeyring *keyring, const void *data, gsize length,
                             const char *const *signatures, VfRole role, const char *const *only,
                             GError **error);
/* The same for each role that the store's configuration requires of images from elsewhere. May be empty. */
GPtrArray *vf_keyring_check_policy (VfKeyring *keyring, const VfConfig *config, const void *data,
                                    gsize length, const char *const *signatures, GError **error);
/* Of signatures that were offered with data those that are kept beside the ones that are there: one of a key,
 * none that is forged as far as the keyring can tell, and no more than a repository lists. */
char **vf_keyring_sift (VfKeyring *keyring, const void *data, gsize length, const char *const *there,
                        const char *const *offered);

/* ---- changes (keyring-change.c). Each holds the store's gate for a moment. */
/* The store's service key, made where there is none; of all who ask at once one makes it. A revoked one is
 * refused. */
VfSignKey *vf_keyring_service_key (VmforgeStore *store, GError **error);
/* Makes another service key. The old one is trusted from then on like another store's, so that what it signed
 * stays good, unless it is revoked. */
gboolean vf_keyring_rotate (VmforgeStore *store, VfSignPublic *public, GError **error);
/* name: may be NULL. A key that is trusted already gets the role and name. Refuses one that was revoked, and
 * another key with an id that is taken. */
gboolean vf_keyring_trust (VmforgeStore *store, const VfSignPublic *public, VfRole role, const char *name,
                           GError **error);
/* id: of a key that is known, in full. It verifies nothing from then on, whenever the signature was made. */
gboolean vf_keyring_revoke (VmforgeStore *store, const char *id, GError **error);
