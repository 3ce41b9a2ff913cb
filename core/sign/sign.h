/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Keys and signatures in minisign's formats (docs/signatures.md). Knows no store. Whatever a file holds, the
 * answer is an error of one line; no secret byte is ever in one. */
#pragma once

#include "vmforge/vmforge.h"

#define VF_SIGN_ID_BYTES 8
#define VF_SIGN_ID_HEX   16

/* ---- public keys (public.c) */
typedef struct {
  guint8 id[VF_SIGN_ID_BYTES]; /* as in the files: least significant byte first */
  guint8 point[32];
} VfSignPublic;

/* text: a public key file, or its base64 alone. name: what errors call it. */
gboolean vf_sign_public_parse (const char *text, gsize length, const char *name, VfSignPublic *public,
                               GError **error);
gboolean vf_sign_public_load (int dirfd, const char *path, VfSignPublic *public, GError **error);
/* The file's text. Free the result. */
char *vf_sign_public_format (const VfSignPublic *public);
/* Its one line of base64, as `minisign -P` takes it. Free the result. */
char *vf_sign_public_base64 (const VfSignPublic *public);
/* 16 upper-case hexadecimal digits; minisign leaves out zeros at their beginning. */
void vf_sign_id_to_hex (const guint8 id[VF_SIGN_ID_BYTES], char hex[VF_SIGN_ID_HEX + 1]);
gboolean vf_sign_public_equal (const VfSignPublic *a, const VfSignPublic *b);

/* ---- secret keys (key.c, key-file.c) */
typedef struct _VfSignKey VfSignKey;

/* Asks for the passphrase of a key. Freed with vf_sign_wipe. NULL with error. */
typedef char *(*VfSignPassphraseFunc) (gpointer user_data, GError **error);

VfSignKey *vf_sign_key_generate (GError **error);
void vf_sign_key_free (VfSignKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSignKey, vf_sign_key_free)
const VfSignPublic *vf_sign_key_public (const VfSignKey *key);
/* Reads a secret key file. func: NULL where a key with a passphrase is not wanted. */
VfSignKey *vf_sign_key_parse (const char *text, gsize length, const char *name, VfSignPassphraseFunc func,
                              gpointer user_data, GError **error);
VfSignKey *vf_sign_key_load (int dirfd, const char *path, VfSignPassphraseFunc func, gpointer user_data,
                             GError **error);
/* The text of the file, encrypted if passphrase is not NULL. Free it with vf_sign_wipe. */
char *vf_sign_key_format (const VfSignKey *key, const char *passphrase, GError **error);
/* Writes a new file, mode 0600; an existing one is refused. */
gboolean vf_sign_key_save (const VfSignKey *key, int dirfd, const char *path, const char *passphrase,
                           GError **error);
/* Overwrites a text and frees it; text may be NULL. */
void vf_sign_wipe (char *text);

/* ---- signatures (signature.c, signature-file.c) */

/* The signature file over data. trusted_comment: one line, is signed too; NULL: the time. Free the result. */
char *vf_sign_make (const VfSignKey *key, const void *data, gsize length, const char *trusted_comment,
                    GError **error);
/* The same for what the descriptor holds, from its position to its end. */
char *vf_sign_make_fd (const VfSignKey *key, int fd, const char *trusted_comment, GCancellable *cancellable,
                       GError **error);
/* TRUE if signature, a signature file's text, is of this key and over data. trusted_comment: may be NULL;
 * free it. */
gboolean vf_sign_verify (const VfSignPublic *public, const void *data, gsize length, const char *signature,
                         char **trusted_comment, GError **error);
gboolean vf_sign_verify_fd (const VfSignPublic *public, int fd, const char *signature, char **trusted_comment,
                            GCancellable *cancellable, GError **error);
/* Who says to have made a signature; that it is sound is another question. */
gboolean vf_sign_claimed_id (const char *signature, gsize length, guint8 id[VF_SIGN_ID_BYTES],
                             GError **error);
