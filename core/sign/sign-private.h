/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Inside core/sign alone: the crypto, the lines of files, and their binary parts.
 *
 * The formats are described at https://jedisct1.github.io/minisign/ ("Key pair format", "Signature format");
 * what that page leaves open is as in minisign's src/minisign.[ch]. */
#pragma once

#include "sign/sign.h"

#define SIGN_SEED_BYTES      32
#define SIGN_POINT_BYTES     32
#define SIGN_SIGNATURE_BYTES 64
#define SIGN_SECRET_BYTES    64 /* seed, then point: as libsodium keeps a secret key */
#define SIGN_PREHASH_BYTES   64 /* BLAKE2b-512 */
#define SIGN_CHECK_BYTES     32 /* BLAKE2b-256 */

#define SIGN_PUBLIC_BYTES  (2 + VF_SIGN_ID_BYTES + SIGN_POINT_BYTES)
#define SIGN_BODY_BYTES    (2 + VF_SIGN_ID_BYTES + SIGN_SIGNATURE_BYTES)
#define SIGN_COMMENT_BYTES 1024 /* of an untrusted comment's line: minisign's COMMENTMAXBYTES */
#define SIGN_TRUSTED_BYTES 8192 /* of a trusted one's: minisign's TRUSTEDCOMMENTMAXBYTES */
#define SIGN_FILE_BYTES    16384
#define SIGN_UNTRUSTED     "untrusted comment: "
#define SIGN_TRUSTED       "trusted comment: "

/* secret holds the seed and, as point, what belongs to it; in libgcrypt's secure memory. */
struct _VfSignKey {
  VfSignPublic public;
  guint8 secret[SIGN_SECRET_BYTES];
};
VfSignKey *sign_key_new (void);

/* ---- ed25519.c: RFC 8032. seed is in secure memory, or the copies that libgcrypt makes of it are not. */
gboolean sign_ed25519_public (const guint8 seed[SIGN_SEED_BYTES], guint8 point[SIGN_POINT_BYTES],
                              GError **error);
gboolean sign_ed25519_make (const guint8 seed[SIGN_SEED_BYTES], const guint8 point[SIGN_POINT_BYTES],
                            const void *data, gsize length, guint8 signature[SIGN_SIGNATURE_BYTES],
                            GError **error);
gboolean sign_ed25519_verify (const guint8 point[SIGN_POINT_BYTES], const void *data, gsize length,
                              const guint8 signature[SIGN_SIGNATURE_BYTES]);
/* FALSE: no point of the curve, or one of small order, for which anybody can sign. */
gboolean sign_ed25519_is_sound (const guint8 point[SIGN_POINT_BYTES]);

/* ---- text.c */
/* Takes the next line off *text. Its end ("\n", or "\r\n" as on Windows) must be there. FALSE: it is not, or
 * the line is longer than limit, no UTF-8 text, or has control characters other than tabs. The line is
 * borrowed. */
gboolean sign_text_line (const char **text, gsize *length, gsize limit, const char **line,
                         gsize *line_length);
/* The same for one that begins with prefix, which is left out. */
gboolean sign_text_comment (const char **text, gsize *length, gsize limit, const char *prefix,
                            const char **comment, gsize *comment_length);
/* base64 of exactly this many bytes, in the one form that encoding gives. */
gboolean sign_text_decode (const char *line, gsize length, guint8 *bytes, gsize n_bytes);
gboolean sign_text_is_comment (const char *comment, gsize length, gsize limit);

/* ---- key.c: the 158 bytes of a secret key file */
#define SIGN_SALT_BYTES 32
typedef struct __attribute__ ((packed)) {
  guint8 signature[2]; /* "Ed" */
  guint8 kdf[2];       /* "Sc": scrypt; zeros: not encrypted */
  guint8 check[2];     /* "B2": BLAKE2b-256 */
  guint8 salt[SIGN_SALT_BYTES];
  guint8 operations[8], memory[8]; /* libsodium's limits, least significant byte first */
  struct __attribute__ ((packed)) {
    guint8 id[VF_SIGN_ID_BYTES];
    guint8 secret[SIGN_SECRET_BYTES];
    guint8 sum[SIGN_CHECK_BYTES]; /* over signature, id and secret */
  } sealed;                       /* the part that is encrypted */
} SignSecretBytes;
G_STATIC_ASSERT (sizeof (SignSecretBytes) == 158);

gboolean sign_key_is_encrypted (const SignSecretBytes *bytes);
/* Encrypts or decrypts in place, which is the same. */
gboolean sign_key_crypt (SignSecretBytes *bytes, const char *name, const char *passphrase, GError **error);
/* Whether the limits are ones that we work with: asked before a passphrase is. */
gboolean sign_key_check_limits (const SignSecretBytes *bytes, const char *name, GError **error);
void sign_key_sum (const SignSecretBytes *bytes, guint8 sum[SIGN_CHECK_BYTES]);
void sign_key_set_limits (SignSecretBytes *bytes);

/* ---- signature-file.c */
typedef struct {
  gboolean prehashed; /* "ED"; else "Ed", over the data itself */
  guint8 id[VF_SIGN_ID_BYTES];
  guint8 signature[SIGN_SIGNATURE_BYTES];
  const char *comment; /* the trusted one; borrowed */
  gsize comment_length;
  guint8 global[SIGN_SIGNATURE_BYTES]; /* over signature and comment */
} SignParts;
gboolean sign_parts_parse (SignParts *parts, const char *text, gsize length, GError **error);
char *sign_parts_format (const SignParts *parts);
/* What the global signature is over. Free the result. */
guint8 *sign_parts_global_data (const SignParts *parts, gsize *length);
