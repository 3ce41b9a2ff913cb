/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Files of keys and signatures: ours, and minisign's. */
#include "sign/sign-private.h"
#include "vectors.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* user_data: the passphrase. */
static char *
answer (gpointer user_data, GError **error)
{
  return g_strdup (user_data);
}

static VfSignKey *
parse_key (const char *text, const char *passphrase, GError **error)
{
  return vf_sign_key_parse (text, strlen (text), "a.key", answer, (gpointer)passphrase, error);
}

static VfSignPublic
parse_public (const char *text)
{
  VfSignPublic public;
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_sign_public_parse (text, strlen (text), "a.pub", &public, &error));
  g_assert_no_error (error);
  return public;
}

static void
a_public_key_of_minisign_is_read_and_written_the_same (void)
{
  VfSignPublic public = parse_public (MINISIGN_PUBLIC);
  char id[VF_SIGN_ID_HEX + 1];
  vf_sign_id_to_hex (public.id, id);
  g_assert_cmpstr (id, ==, KEY_ID);
  g_autofree char *again = vf_sign_public_format (&public);
  g_assert_cmpstr (again, ==, MINISIGN_PUBLIC);
}

static void
the_base64_alone_is_the_same_public_key (void)
{
  VfSignPublic public = parse_public (MINISIGN_PUBLIC);
  g_autofree char *base64 = vf_sign_public_base64 (&public);
  VfSignPublic again = parse_public (base64);
  g_assert_true (vf_sign_public_equal (&public, &again));
}

static void
lines_may_end_as_on_windows (void)
{
  g_auto (GStrv) lines = g_strsplit (MINISIGN_SIGNATURE, "\n", -1);
  g_autofree char *text = g_strjoinv ("\r\n", lines);
  VfSignPublic public = parse_public (MINISIGN_PUBLIC);
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_sign_verify (&public, SIGNED_DATA, strlen (SIGNED_DATA), text, NULL, &error));
  g_assert_no_error (error);
}

static void
check_verifies (const char *signature, const char *wanted)
{
  VfSignPublic public = parse_public (MINISIGN_PUBLIC);
  g_autoptr (GError) error = NULL;
  g_autofree char *comment = NULL;
  g_assert_true (vf_sign_verify (&public, SIGNED_DATA, strlen (SIGNED_DATA), signature, &comment, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (comment, ==, wanted);
  g_clear_pointer (&comment, g_free);
  g_assert_false (vf_sign_verify (&public, "ho\n", 3, signature, &comment, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_null (comment);
}

static void
a_signature_of_minisign_is_verified (void)
{
  check_verifies (MINISIGN_SIGNATURE, "a release");
}

static void
a_legacy_signature_of_minisign_is_verified (void)
{
  check_verifies (MINISIGN_LEGACY, "old form");
}

static void
a_secret_key_of_minisign_signs (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = parse_key (MINISIGN_SECRET, NULL, &error);
  g_assert_no_error (error);
  VfSignPublic public = parse_public (MINISIGN_PUBLIC);
  g_assert_true (vf_sign_public_equal (vf_sign_key_public (key), &public));
  g_autofree char *signature = vf_sign_make (key, SIGNED_DATA, strlen (SIGNED_DATA), "ours", &error);
  g_assert_no_error (error);
  check_verifies (signature, "ours");
}

static void
a_passphrase_opens_a_key (gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = parse_key (data, PASSPHRASE, &error);
  g_assert_no_error (error);
  VfSignPublic public = parse_public (MINISIGN_PUBLIC);
  g_assert_true (vf_sign_public_equal (vf_sign_key_public (key), &public));
}

static void
a_wrong_passphrase_is_told (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (parse_key (SCRYPT_BY_TIME, "wrong horse", &error));
  g_assert_cmpstr (error->message, ==,
                   "wrong passphrase for 'a.key' (or the file is damaged: nothing can tell)");
}

static void
a_key_with_a_passphrase_is_refused_where_none_can_be_asked_for (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_sign_key_parse (SCRYPT_BY_TIME, strlen (SCRYPT_BY_TIME), "s.key", NULL, NULL, &error));
  g_assert_cmpstr (error->message, ==, "'s.key' has a passphrase: a key that is used unattended has none");
}

/* What a file asks for is bounded before anything is asked or computed; much of one limit alone costs
 * nothing. */
static void
limits_beyond_minisigns_are_refused (void)
{
  static const struct {
    guint64 operations, memory;
    gboolean taken;
  } limits[] = {
      {33554432, 1073741824, TRUE},
      {33554432, G_GUINT64_CONSTANT (4) << 30, TRUE},
      {33554432, 1 << 20, TRUE},
      {0, G_MAXUINT64, TRUE},
      {67108864, G_GUINT64_CONSTANT (4) << 30, FALSE},
      {33554432 * G_GUINT64_CONSTANT (16), 1073741824, FALSE},
      {G_MAXUINT64, 1073741824, FALSE},
      {G_MAXUINT64, G_MAXUINT64, FALSE},
      {G_MAXUINT64, 0, FALSE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++) {
    SignSecretBytes bytes = {.signature = "Ed", .kdf = "Sc", .check = "B2"};
    guint64 operations = GUINT64_TO_LE (limits[i].operations), memory = GUINT64_TO_LE (limits[i].memory);
    g_autoptr (GError) error = NULL;
    memcpy (bytes.operations, &operations, 8);
    memcpy (bytes.memory, &memory, 8);
    gboolean taken = sign_key_check_limits (&bytes, "a.key", &error);
    g_test_message ("limits %" G_GSIZE_FORMAT ": %s", i, taken ? "taken" : error->message);
    g_assert_cmpint (taken, ==, limits[i].taken);
    g_assert_true (taken == (error == NULL));
  }
}

static void
a_new_key_is_written_and_read (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("sign-XXXXXX", NULL),
                  *path = g_build_filename (folder, "x", NULL);
  g_autoptr (VfSignKey) key = vf_sign_key_generate (&error);
  g_assert_true (vf_sign_key_save (key, -1, path, NULL, &error));
  g_assert_no_error (error);
  struct stat st;
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, 0600);
  g_assert_cmpint (st.st_nlink, ==, 1);
  g_autoptr (VfSignKey) again = vf_sign_key_load (-1, path, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vf_sign_public_equal (vf_sign_key_public (key), vf_sign_key_public (again)));
  g_assert_cmpmem (key->secret, sizeof key->secret, again->secret, sizeof again->secret);
  g_assert_false (vf_sign_key_save (key, -1, path, NULL, &error));
  g_assert_true (g_str_has_suffix (error->message, "exists: a key is never overwritten"));
  g_unlink (path);
  g_assert_cmpint (g_rmdir (folder), ==, 0); /* nothing else was left */
}

static void
a_signature_of_a_descriptor_is_that_of_its_bytes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = parse_key (MINISIGN_SECRET, NULL, &error);
  g_autofree char *path = NULL, *large = g_malloc (300000);
  int fd = g_file_open_tmp ("sign-XXXXXX", &path, NULL);
  memset (large, 'x', 300000);
  g_assert_cmpint (write (fd, large, 300000), ==, 300000);
  lseek (fd, 0, SEEK_SET);
  g_autofree char *streamed = vf_sign_make_fd (key, fd, "same", NULL, &error);
  g_autofree char *whole = vf_sign_make (key, large, 300000, "same", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (streamed, ==, whole);
  lseek (fd, 0, SEEK_SET);
  g_assert_true (vf_sign_verify_fd (vf_sign_key_public (key), fd, whole, NULL, NULL, &error));
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_cancellable_cancel (cancelled);
  g_assert_false (vf_sign_verify_fd (vf_sign_key_public (key), fd, whole, NULL, cancelled, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED);
  close (fd);
  g_unlink (path);
}

static void
a_trusted_comment_is_one_line_of_text (void)
{
  static const char *const bad[] = {"two\nlines", "a\x1b[2J", "\xff", "carriage\rreturn", "\xc2\x9b"};
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = parse_key (MINISIGN_SECRET, NULL, &error);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_assert_null (vf_sign_make (key, "", 0, bad[i], &error));
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
    g_clear_error (&error);
  }
  g_autofree char *empty = vf_sign_make (key, "", 0, "", &error);
  g_assert_no_error (error);
  g_assert_true (vf_sign_verify (vf_sign_key_public (key), "", 0, empty, NULL, &error));
}

static void
a_signature_of_another_key_is_told_by_both_ids (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) other = vf_sign_key_generate (&error);
  VfSignPublic public = parse_public (MINISIGN_PUBLIC);
  char id[VF_SIGN_ID_HEX + 1];
  vf_sign_id_to_hex (vf_sign_key_public (other)->id, id);
  g_autofree char *signature = vf_sign_make (other, "x", 1, NULL, &error);
  g_assert_false (vf_sign_verify (&public, "x", 1, signature, NULL, &error));
  g_autofree char *wanted = g_strdup_printf ("the signature is of key %s, not of " KEY_ID, id);
  g_assert_cmpstr (error->message, ==, wanted);
}

static void
another_key_with_the_same_id_verifies_nothing (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) other = vf_sign_key_generate (&error);
  VfSignPublic public = parse_public (MINISIGN_PUBLIC);
  memcpy (other->public.id, public.id, VF_SIGN_ID_BYTES);
  g_autofree char *signature = vf_sign_make (other, "x", 1, NULL, &error);
  g_assert_false (vf_sign_verify (&public, "x", 1, signature, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add_func ("/sign/files/" #name, name)
  ADD (a_public_key_of_minisign_is_read_and_written_the_same);
  ADD (the_base64_alone_is_the_same_public_key);
  ADD (lines_may_end_as_on_windows);
  ADD (a_signature_of_minisign_is_verified);
  ADD (a_legacy_signature_of_minisign_is_verified);
  ADD (a_secret_key_of_minisign_signs);
  g_test_add_data_func ("/sign/files/a_passphrase_opens_a_key_limited_by_time", SCRYPT_BY_TIME,
                        a_passphrase_opens_a_key);
  g_test_add_data_func ("/sign/files/a_passphrase_opens_a_key_limited_by_memory", SCRYPT_BY_MEMORY,
                        a_passphrase_opens_a_key);
  ADD (a_wrong_passphrase_is_told);
  ADD (a_key_with_a_passphrase_is_refused_where_none_can_be_asked_for);
  ADD (limits_beyond_minisigns_are_refused);
  ADD (a_new_key_is_written_and_read);
  ADD (a_signature_of_a_descriptor_is_that_of_its_bytes);
  ADD (a_trusted_comment_is_one_line_of_text);
  ADD (a_signature_of_another_key_is_told_by_both_ids);
  ADD (another_key_with_the_same_id_verifies_nothing);
  return g_test_run ();
}
