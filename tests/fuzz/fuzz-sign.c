/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Any bytes as a public key, a secret key and a signature: what is taken can be written, and is then the
 * same; and no signature verifies what it is not of. */
#include "sign/sign-private.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_error (gboolean taken, const GError *error)
{
  g_assert_true (taken == (error == NULL));
  if (error == NULL)
    return;
  g_assert_null (strchr (error->message, '\n'));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
try_public (const char *text, gsize length)
{
  VfSignPublic public, again;
  g_autoptr (GError) error = NULL;
  gboolean taken = vf_sign_public_parse (text, length, "fuzz.pub", &public, &error);
  check_error (taken, error);
  if (!taken)
    return;
  g_autofree char *made = vf_sign_public_format (&public);
  g_assert_true (vf_sign_public_parse (made, strlen (made), "again.pub", &again, &error));
  g_assert_true (vf_sign_public_equal (&public, &again));
  /* No work with a key may end the program. */
  const guint8 signature[SIGN_SIGNATURE_BYTES] = {1};
  g_assert_false (sign_ed25519_verify (public.point, text, length, signature));
}

/* Without a passphrase: each guess would take a second. The limits are judged before one is asked for. */
static void
try_secret (const char *text, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = vf_sign_key_parse (text, length, "fuzz.key", NULL, NULL, &error);
  check_error (key != NULL, error);
  if (key == NULL)
    return;
  char *made = vf_sign_key_format (key, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (VfSignKey) again = vf_sign_key_parse (made, strlen (made), "again.key", NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vf_sign_public_equal (vf_sign_key_public (key), vf_sign_key_public (again)));
  vf_sign_wipe (made);
}

static void
try_signature (const char *text, gsize length)
{
  SignParts parts;
  VfSignPublic public;
  g_autoptr (GError) error = NULL;
  g_autofree char *copy = g_strndup (text, length);
  gboolean taken = sign_parts_parse (&parts, text, length, &error);
  check_error (taken, error);
  if (!taken)
    return;
  /* The key of RFC 8032's first vector, with the id that the signature wants. */
  static const guint8 point[SIGN_POINT_BYTES] = {
      0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
      0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
  memcpy (public.id, parts.id, sizeof public.id);
  memcpy (public.point, point, sizeof public.point);
  g_assert_false (vf_sign_verify (&public, "data", 4, copy, NULL, &error));
  check_error (FALSE, error);
  g_autofree char *made = sign_parts_format (&parts);
  SignParts again;
  g_assert_true (sign_parts_parse (&again, made, strlen (made), NULL));
  g_assert_cmpmem (parts.comment, parts.comment_length, again.comment, again.comment_length);
  g_assert_cmpmem (parts.global, SIGN_SIGNATURE_BYTES, again.global, SIGN_SIGNATURE_BYTES);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = data == NULL ? "" : (const char *)data;
  try_public (text, size);
  try_secret (text, size);
  try_signature (text, size);
  return 0;
}
