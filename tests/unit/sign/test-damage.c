/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Every truncation and every flipped bit of the three kinds of files, less those that say nothing: the
 * untrusted comment, limits that come to the same parameters of scrypt, and in a key without a passphrase the
 * salt and limits that a former one had. */
#include "sign/sign-private.h"
#include "vectors.h"

#include <string.h>

/* TRUE if the text is taken as the file that it was, and does what it did. */
typedef gboolean (*Works) (const char *text, gsize length, GError **error);

static char *
answer (gpointer user_data, GError **error)
{
  return g_strdup (PASSPHRASE);
}

static gboolean
secret_works (const char *text, gsize length, GError **error)
{
  VfSignPublic public;
  g_autoptr (VfSignKey) key = vf_sign_key_parse (text, length, "a.key", answer, NULL, error);
  if (key == NULL)
    return FALSE;
  g_assert_true (vf_sign_public_parse (MINISIGN_PUBLIC, strlen (MINISIGN_PUBLIC), "a.pub", &public, NULL));
  g_assert_true (vf_sign_public_equal (&public, vf_sign_key_public (key)));
  return TRUE;
}

static gboolean
public_works (const char *text, gsize length, GError **error)
{
  VfSignPublic public;
  return vf_sign_public_parse (text, length, "a.pub", &public, error) &&
         vf_sign_verify (&public, SIGNED_DATA, strlen (SIGNED_DATA), MINISIGN_SIGNATURE, NULL, error);
}

static gboolean
signature_works (const char *text, gsize length, GError **error)
{
  VfSignPublic public;
  guint8 id[VF_SIGN_ID_BYTES];
  g_assert_true (vf_sign_public_parse (MINISIGN_PUBLIC, strlen (MINISIGN_PUBLIC), "a.pub", &public, NULL));
  return vf_sign_claimed_id (text, length, id, error) &&
         vf_sign_verify (&public, SIGNED_DATA, strlen (SIGNED_DATA), text, NULL, error);
}

static void
check_refused (Works works, const char *text, gsize length)
{
  g_autoptr (GError) error = NULL;
  /* Exactly as long, so that a sanitizer sees a read beyond the end; signatures are texts. */
  g_autofree char *copy = g_malloc (length + 1);
  memcpy (copy, text, length);
  copy[length] = '\0';
  g_assert_false (works (copy, length, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_null (strchr (error->message, '\n'));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
check_truncations (Works works, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (works (text, strlen (text), &error));
  g_assert_no_error (error);
  for (gsize length = 0; length < strlen (text); length++)
    check_refused (works, text, length);
  g_autofree char *longer = g_strconcat (text, "x\n", NULL);
  check_refused (works, longer, strlen (longer));
}

/* unused: characters of the second line that say nothing, as [first, end). */
typedef struct {
  gsize first, end;
} Unused;

static void
check_flips (Works works, const char *text, guint step, Unused unused)
{
  gsize comment = (gsize)(strchr (text, '\n') - text);
  g_autofree char *copy = g_strdup (text);
  for (gsize bit = 0; bit < 8 * strlen (text); bit += step) {
    gsize place = bit / 8;
    if ((place >= strlen (SIGN_UNTRUSTED) && place < comment) ||
        (place > comment + unused.first && place <= comment + unused.end))
      continue;
    copy[place] = (char)(copy[place] ^ 1 << bit % 8);
    check_refused (works, copy, strlen (text));
    copy[place] = text[place];
  }
}

static void
every_cut_secret_key_is_refused (void)
{
  check_truncations (secret_works, MINISIGN_SECRET);
  check_truncations (secret_works, SCRYPT_BY_TIME);
}

static void
every_cut_public_key_is_refused (void)
{
  check_truncations (public_works, MINISIGN_PUBLIC);
}

static void
every_cut_signature_is_refused (void)
{
  check_truncations (signature_works, MINISIGN_SIGNATURE);
  check_truncations (signature_works, MINISIGN_LEGACY);
}

static void
every_flipped_bit_of_a_public_key_is_refused (void)
{
  check_flips (public_works, MINISIGN_PUBLIC, 1, (Unused){0, 0});
}

static void
every_flipped_bit_of_a_signature_is_refused (void)
{
  check_flips (signature_works, MINISIGN_SIGNATURE, 1, (Unused){0, 0});
  check_flips (signature_works, MINISIGN_LEGACY, 1, (Unused){0, 0});
}

/* As we write it, with a checksum; minisign leaves that out of keys that have no passphrase. */
static void
every_flipped_bit_of_a_secret_key_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key =
      vf_sign_key_parse (MINISIGN_SECRET, strlen (MINISIGN_SECRET), "a.key", NULL, NULL, &error);
  char *text = vf_sign_key_format (key, NULL, &error);
  g_assert_no_error (error);
  /* Bytes 6 to 54 are salt and limits: characters 8 to 72. */
  check_flips (secret_works, text, 1, (Unused){8, 72});
  vf_sign_wipe (text);
}

/* Each guess costs a run of scrypt. Several limits (bytes 38 to 54) come to the same parameters. */
static void
every_flipped_byte_of_an_encrypted_key_is_refused (void)
{
  check_flips (secret_works, SCRYPT_BY_TIME, 8, (Unused){50, 72});
}

static void
an_untrusted_comment_may_say_what_it_wants (void)
{
  g_autoptr (GError) error = NULL;
  const char *rest = strchr (MINISIGN_SIGNATURE, '\n');
  g_autofree char *text = g_strconcat (SIGN_UNTRUSTED "trust me", rest, NULL);
  g_assert_true (signature_works (text, strlen (text), &error));
  g_autofree char *much = g_strnfill (SIGN_COMMENT_BYTES, 'x');
  g_autofree char *longer = g_strconcat (SIGN_UNTRUSTED, much, rest, NULL);
  check_refused (signature_works, longer, strlen (longer));
  g_autofree char *moving = g_strconcat (SIGN_UNTRUSTED "\x1b[2J", rest, NULL);
  check_refused (signature_works, moving, strlen (moving));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add_func ("/sign/damage/" #name, name)
  ADD (every_cut_secret_key_is_refused);
  ADD (every_cut_public_key_is_refused);
  ADD (every_cut_signature_is_refused);
  ADD (every_flipped_bit_of_a_public_key_is_refused);
  ADD (every_flipped_bit_of_a_signature_is_refused);
  ADD (every_flipped_bit_of_a_secret_key_is_refused);
  ADD (every_flipped_byte_of_an_encrypted_key_is_refused);
  ADD (an_untrusted_comment_may_say_what_it_wants);
  return g_test_run ();
}
