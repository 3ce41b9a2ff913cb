/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Making and verifying. What is signed is BLAKE2b-512 of the data ("ED"); minisign's legacy form ("Ed"),
 * which is over the data itself, is only verified. */
#include "sign/sign-private.h"
#include "support/digest.h"
#include "support/error.h"

#include <errno.h>
#include <gcrypt.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES 65536
/* A legacy signature needs all of the data in memory, several times. */
#define MAX_LEGACY (64 * 1024 * 1024)

/* Where the data come from: memory, or a descriptor. */
typedef struct {
  const void *data;
  gsize length;
  int fd;
  GCancellable *cancellable;
} Source;

static gboolean
hash_fd (gcry_md_hd_t hash, const Source *source, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (BUFFER_BYTES);
  while (!vf_error_set_if_cancelled (source->cancellable, error)) {
    ssize_t length = read (source->fd, buffer, BUFFER_BYTES);
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0)
      return vf_error_set_errno (error, "cannot read what is signed");
    if (length == 0)
      return TRUE;
    gcry_md_write (hash, buffer, (size_t)length);
  }
  return FALSE;
}

static gboolean
prehash (const Source *source, guint8 digest[SIGN_PREHASH_BYTES], GError **error)
{
  gcry_md_hd_t hash;
  vf_digest_init ();
  if (gcry_md_open (&hash, GCRY_MD_BLAKE2B_512, 0) != 0)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "libgcrypt has no BLAKE2b");
  gboolean done = TRUE;
  if (source->fd >= 0)
    done = hash_fd (hash, source, error);
  else
    gcry_md_write (hash, source->data, source->length);
  if (done)
    memcpy (digest, gcry_md_read (hash, GCRY_MD_BLAKE2B_512), SIGN_PREHASH_BYTES);
  gcry_md_close (hash);
  return done;
}

static char *
make (const VfSignKey *key, const Source *source, const char *trusted_comment, GError **error)
{
  guint8 digest[SIGN_PREHASH_BYTES];
  SignParts parts = {.prehashed = TRUE};
  g_autofree char *now =
      g_strdup_printf ("timestamp:%" G_GINT64_FORMAT "\thashed", g_get_real_time () / G_USEC_PER_SEC);
  parts.comment = trusted_comment == NULL ? now : trusted_comment;
  parts.comment_length = strlen (parts.comment);
  if (!sign_text_is_comment (parts.comment, parts.comment_length, SIGN_TRUSTED_BYTES - 256)) {
    vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "a trusted comment is one line of UTF-8 text, at most %d bytes and without control characters",
        SIGN_TRUSTED_BYTES - 256);
    return NULL;
  }
  memcpy (parts.id, key->public.id, VF_SIGN_ID_BYTES);
  if (!prehash (source, digest, error) ||
      !sign_ed25519_make (key->secret, key->public.point, digest, sizeof digest, parts.signature, error))
    return NULL;
  gsize length;
  g_autofree guint8 *global = sign_parts_global_data (&parts, &length);
  if (!sign_ed25519_make (key->secret, key->public.point, global, length, parts.global, error))
    return NULL;
  return sign_parts_format (&parts);
}

char *
vf_sign_make (const VfSignKey *key, const void *data, gsize length, const char *trusted_comment,
              GError **error)
{
  return make (key, &(Source){data, length, -1, NULL}, trusted_comment, error);
}

char *
vf_sign_make_fd (const VfSignKey *key, int fd, const char *trusted_comment, GCancellable *cancellable,
                 GError **error)
{
  return make (key, &(Source){NULL, 0, fd, cancellable}, trusted_comment, error);
}

static GByteArray *
read_all (const Source *source, GError **error)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autofree guint8 *buffer = g_malloc (BUFFER_BYTES);
  while (!vf_error_set_if_cancelled (source->cancellable, error)) {
    ssize_t length = read (source->fd, buffer, BUFFER_BYTES);
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0) {
      vf_error_set_errno (error, "cannot read what is signed");
      return NULL;
    }
    if (length == 0)
      return g_steal_pointer (&all);
    g_byte_array_append (all, buffer, (guint)length);
    if (all->len > MAX_LEGACY)
      return g_steal_pointer (&all); /* refused below */
  }
  return NULL;
}

static gboolean
verify_legacy (const VfSignPublic *public, const Source *source, const SignParts *parts, gboolean *sound,
               GError **error)
{
  g_autoptr (GByteArray) all = NULL;
  const void *data = source->data;
  gsize length = source->length;
  if (source->fd >= 0) {
    all = read_all (source, error);
    if (all == NULL)
      return FALSE;
    data = all->data;
    length = all->len;
  }
  if (length > MAX_LEGACY)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "a legacy signature of more than %d MiB is not verified: `minisign -S` without -l "
                         "makes one that is",
                         MAX_LEGACY >> 20);
  *sound = sign_ed25519_verify (public->point, data, length, parts->signature);
  return TRUE;
}

static gboolean
verify_data (const VfSignPublic *public, const Source *source, const SignParts *parts, GError **error)
{
  guint8 digest[SIGN_PREHASH_BYTES];
  gboolean sound = FALSE;
  if (!parts->prehashed) {
    if (!verify_legacy (public, source, parts, &sound, error))
      return FALSE;
  } else {
    if (!prehash (source, digest, error))
      return FALSE;
    sound = sign_ed25519_verify (public->point, digest, sizeof digest, parts->signature);
  }
  return sound || vf_error_set (error, VMFORGE_ERROR_FAILED,
                                "the signature is not of these data: they, or it, were changed");
}

static gboolean
verify (const VfSignPublic *public, const Source *source, const char *signature, char **trusted_comment,
        GError **error)
{
  SignParts parts;
  if (!sign_parts_parse (&parts, signature, strlen (signature), error))
    return FALSE;
  if (memcmp (parts.id, public->id, VF_SIGN_ID_BYTES) != 0) {
    char wanted[VF_SIGN_ID_HEX + 1], said[VF_SIGN_ID_HEX + 1];
    vf_sign_id_to_hex (public->id, wanted);
    vf_sign_id_to_hex (parts.id, said);
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the signature is of key %s, not of %s", said, wanted);
  }
  gsize length;
  g_autofree guint8 *global = sign_parts_global_data (&parts, &length);
  if (!sign_ed25519_verify (public->point, global, length, parts.global))
    return vf_error_set (
        error, VMFORGE_ERROR_FAILED,
        "the signature's trusted comment was changed, or it is of another key with the same id");
  if (!verify_data (public, source, &parts, error))
    return FALSE;
  if (trusted_comment != NULL)
    *trusted_comment = g_strndup (parts.comment, parts.comment_length);
  return TRUE;
}

gboolean
vf_sign_verify (const VfSignPublic *public, const void *data, gsize length, const char *signature,
                char **trusted_comment, GError **error)
{
  return verify (public, &(Source){data, length, -1, NULL}, signature, trusted_comment, error);
}

gboolean
vf_sign_verify_fd (const VfSignPublic *public, int fd, const char *signature, char **trusted_comment,
                   GCancellable *cancellable, GError **error)
{
  return verify (public, &(Source){NULL, 0, fd, cancellable}, signature, trusted_comment, error);
}
