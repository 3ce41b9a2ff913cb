/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Ed25519 (RFC 8032) by libgcrypt, with the checks that libsodium has and libgcrypt leaves to its caller. */
#include "sign/sign-private.h"
#include "support/digest.h"
#include "support/error.h"

#include <gcrypt.h>
#include <string.h>

#define NARROW_BITS 192 /* three words of the four that the prime takes */

typedef struct gcry_sexp Sexp;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sexp, gcry_sexp_release)
typedef struct gcry_mpi Mpi;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Mpi, gcry_mpi_release)
typedef struct gcry_context Context;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Context, gcry_ctx_release)
typedef struct gcry_mpi_point Point;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Point, gcry_mpi_point_release)

/* The order of the base point, least significant byte first (RFC 8032, 5.1). */
static const guint8 order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                 0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                 0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

static gboolean
set_failure (GError **error, gcry_error_t failure)
{
  return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "libgcrypt cannot sign with Ed25519: %s",
                       gcry_strerror (failure));
}

gboolean
sign_ed25519_public (const guint8 seed[SIGN_SEED_BYTES], guint8 point[SIGN_POINT_BYTES], GError **error)
{
  g_autoptr (Sexp) key = NULL;
  g_autoptr (Context) context = NULL;
  vf_digest_init ();
  gcry_error_t failure = gcry_sexp_build (&key, NULL, "(private-key(ecc(curve Ed25519)(flags eddsa)(d %b)))",
                                          SIGN_SEED_BYTES, seed);
  if (failure == 0)
    failure = gcry_mpi_ec_new (&context, key, NULL);
  if (failure != 0)
    return set_failure (error, failure);
  g_autoptr (Mpi) encoded = gcry_mpi_ec_get_mpi ("q@eddsa", context, 0);
  unsigned int bits = 0;
  const void *bytes = encoded == NULL ? NULL : gcry_mpi_get_opaque (encoded, &bits);
  if (bytes == NULL || bits != 8 * SIGN_POINT_BYTES)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "libgcrypt tells no public key of Ed25519");
  memcpy (point, bytes, SIGN_POINT_BYTES);
  return TRUE;
}

static gboolean
take_half (gcry_sexp_t made, const char *name, guint8 half[32])
{
  g_autoptr (Sexp) part = gcry_sexp_find_token (made, name, 0);
  size_t length = 0;
  const char *bytes = part == NULL ? NULL : gcry_sexp_nth_data (part, 1, &length);
  if (bytes == NULL || length != 32)
    return FALSE;
  memcpy (half, bytes, 32);
  return TRUE;
}

static gcry_error_t
build_data (gcry_sexp_t *message, const void *data, gsize length)
{
  return gcry_sexp_build (message, NULL, "(data(flags eddsa)(hash-algo sha512)(value %b))", (int)length,
                          length == 0 ? "" : data);
}

gboolean
sign_ed25519_make (const guint8 seed[SIGN_SEED_BYTES], const guint8 point[SIGN_POINT_BYTES], const void *data,
                   gsize length, guint8 signature[SIGN_SIGNATURE_BYTES], GError **error)
{
  g_autoptr (Sexp) key = NULL;
  g_autoptr (Sexp) message = NULL;
  g_autoptr (Sexp) made = NULL;
  g_return_val_if_fail (length <= G_MAXINT, FALSE);
  vf_digest_init ();
  gcry_error_t failure =
      gcry_sexp_build (&key, NULL, "(private-key(ecc(curve Ed25519)(flags eddsa)(q %b)(d %b)))",
                       SIGN_POINT_BYTES, point, SIGN_SEED_BYTES, seed);
  if (failure == 0)
    failure = build_data (&message, data, length);
  if (failure == 0)
    failure = gcry_pk_sign (&made, message, key);
  if (failure != 0)
    return set_failure (error, failure);
  if (!take_half (made, "r", signature) || !take_half (made, "s", signature + 32))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "libgcrypt made no signature of Ed25519");
  return TRUE;
}

/* Else each signature had a second form, with the order added to its second half (RFC 8032, 5.1.7). */
static gboolean
is_below_order (const guint8 scalar[32])
{
  for (int i = 31; i >= 0; i--)
    if (scalar[i] != order[i])
      return scalar[i] < order[i];
  return FALSE;
}

gboolean
sign_ed25519_verify (const guint8 point[SIGN_POINT_BYTES], const void *data, gsize length,
                     const guint8 signature[SIGN_SIGNATURE_BYTES])
{
  g_autoptr (Sexp) key = NULL;
  g_autoptr (Sexp) message = NULL;
  g_autoptr (Sexp) made = NULL;
  vf_digest_init ();
  return length <= G_MAXINT && is_below_order (signature + 32) && sign_ed25519_is_sound (point) &&
         gcry_sexp_build (&key, NULL, "(public-key(ecc(curve Ed25519)(flags eddsa)(q %b)))", SIGN_POINT_BYTES,
                          point) == 0 &&
         build_data (&message, data, length) == 0 &&
         gcry_sexp_build (&made, NULL, "(sig-val(eddsa(r %b)(s %b)))", 32, signature, 32, signature + 32) ==
             0 &&
         gcry_pk_verify (made, message, key) == 0;
}

/* libgcrypt 1.10 ends the program ("mulm_25519: different sizes") when it works with a coordinate, or the
 * negative of one, that takes fewer words than the prime. It takes malice to make such a key: chance does so
 * once in 2^60. */
static gboolean
is_wide (gcry_mpi_t coordinate, gcry_mpi_t prime)
{
  g_autoptr (Mpi) rest = gcry_mpi_new (0);
  gcry_mpi_sub (rest, prime, coordinate);
  return gcry_mpi_get_nbits (coordinate) > NARROW_BITS && !gcry_mpi_is_neg (rest) &&
         gcry_mpi_get_nbits (rest) > NARROW_BITS;
}

static gboolean
has_wide_coordinates (gcry_mpi_point_t point, gcry_ctx_t context)
{
  g_autoptr (Mpi) prime = gcry_mpi_ec_get_mpi ("p", context, 0);
  g_autoptr (Mpi) x = gcry_mpi_new (0);
  g_autoptr (Mpi) y = gcry_mpi_new (0);
  gcry_mpi_point_get (x, y, NULL, point);
  return prime != NULL && is_wide (x, prime) && is_wide (y, prime);
}

/* Eight times a point is the neutral element (0, 1) for those of small order alone. */
static gboolean
has_small_order (gcry_mpi_point_t point, gcry_ctx_t context)
{
  g_autoptr (Mpi) eight = gcry_mpi_set_ui (NULL, 8);
  g_autoptr (Mpi) x = gcry_mpi_new (0);
  g_autoptr (Point) multiple = gcry_mpi_point_new (0);
  gcry_mpi_ec_mul (multiple, eight, point, context);
  return gcry_mpi_ec_get_affine (x, NULL, multiple, context) != 0 || gcry_mpi_cmp_ui (x, 0) == 0;
}

gboolean
sign_ed25519_is_sound (const guint8 point[SIGN_POINT_BYTES])
{
  g_autoptr (Context) context = NULL;
  vf_digest_init ();
  if (gcry_mpi_ec_new (&context, NULL, "Ed25519") != 0)
    return FALSE;
  g_autoptr (Mpi) encoded = gcry_mpi_set_opaque_copy (NULL, point, 8 * SIGN_POINT_BYTES);
  g_autoptr (Point) decoded = gcry_mpi_point_new (0);
  return gcry_mpi_ec_decode_point (decoded, encoded, context) == 0 &&
         has_wide_coordinates (decoded, context) && gcry_mpi_ec_curve_point (decoded, context) &&
         !has_small_order (decoded, context);
}
