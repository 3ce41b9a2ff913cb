/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Whose signatures count, and what is said where none does. */
#include "common.h"

#include <string.h>

#define MANIFEST_OF_ANOTHER "{\"name\":\"other\"}"
#define MANIFEST            "{\"name\":\"web\"}"

static char *
sign (const VfSignKey *key, const char *text)
{
  g_autoptr (GError) error = NULL;
  char *signature = vf_sign_make (key, text, strlen (text), NULL, &error);
  g_assert_no_error (error);
  return signature;
}

/* The ids of those who count, with spaces; or the error's message. */
static char *
judge (Fixture *fixture, const char *const *signatures, VfRole role, const char *const *only)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfKeyring) keyring = fixture_keyring (fixture);
  g_autoptr (GPtrArray) signers =
      vf_keyring_judge (keyring, MANIFEST, strlen (MANIFEST), signatures, role, only, &error);
  g_assert_true ((signers == NULL) == (error != NULL));
  if (signers == NULL)
    return g_strdup (error->message);
  GString *ids = g_string_new (NULL);
  for (guint i = 0; i < signers->len; i++)
    g_string_append_printf (ids, "%s%s", i == 0 ? "" : " ", ((VfTrustedKey *)signers->pdata[i])->id);
  return g_string_free (ids, FALSE);
}

static void
check_one (Fixture *fixture, const char *signature, VfRole role, const char *format, const char *id)
{
  const char *const signatures[] = {signature, NULL};
  g_autofree char *said = judge (fixture, signatures, role, NULL);
  g_auto (GStrv) parts = g_strsplit (format, "@", -1);
  g_autofree char *wanted = g_strjoinv (id, parts);
  g_assert_cmpstr (said, ==, wanted);
}

static void
a_trusted_key_of_the_role_counts (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_autofree char *signature = sign (key, MANIFEST);
  check_one (fixture, signature, VF_ROLE_AUTHOR, "@", id);
  check_one (
      fixture, signature, VF_ROLE_SERVICE,
      "no signature of a trusted service key: it is signed by key @, which is trusted as author and not "
      "as service",
      id);
}

static void
the_stores_own_key_counts_without_being_trusted (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = vf_keyring_service_key (fixture->store, NULL);
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  g_autofree char *signature = sign (key, MANIFEST);
  check_one (fixture, signature, VF_ROLE_SERVICE, "@", id);
}

static void
an_unknown_key_is_named_with_what_to_do (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  g_autofree char *signature = sign (key, MANIFEST);
  check_one (
      fixture, signature, VF_ROLE_SERVICE,
      "no signature of a trusted service key: it is signed by key @, which is not trusted here: if you "
      "know whose it is, `vmforge key trust FILE.pub --role service`",
      id);
}

static void
a_revoked_key_verifies_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = fixture_key ();
  g_autoptr (VfSignKey) own = vf_keyring_service_key (fixture->store, NULL);
  char id[VF_SIGN_ID_HEX + 1], own_id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_id (own, own_id);
  fixture_trust (fixture, key, VF_ROLE_SERVICE);
  g_assert_true (vf_keyring_revoke (fixture->store, id, NULL));
  g_assert_true (vf_keyring_revoke (fixture->store, own_id, NULL));
  g_autofree char *signature = sign (key, MANIFEST), *own_signature = sign (own, MANIFEST);
  const char *revoked = "no signature of a trusted service key: it is signed by key @, which was revoked";
  check_one (fixture, signature, VF_ROLE_SERVICE, revoked, id);
  check_one (fixture, own_signature, VF_ROLE_SERVICE, revoked, own_id);
}

static void
what_was_signed_must_be_this (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_autofree char *signature = sign (key, "another manifest");
  check_one (
      fixture, signature, VF_ROLE_AUTHOR,
      "no signature of a trusted author key: key @: the signature is not of these data: they, or it, were "
      "changed",
      id);
}

static void
nothing_signed_is_told (Fixture *fixture, gconstpointer data)
{
  g_autofree char *said = judge (fixture, NULL, VF_ROLE_SERVICE, NULL);
  g_assert_cmpstr (said, ==, "no signature of a trusted service key: it has no signature");
}

static void
those_that_do_not_count_are_passed_by (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = fixture_key ();
  g_autoptr (VfSignKey) stranger = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_autofree char *good = sign (key, MANIFEST), *foreign = sign (stranger, MANIFEST),
                  *old = sign (key, "old");
  const char *const signatures[] = {"rubbish", foreign, old, good, good, NULL};
  g_autofree char *said = judge (fixture, signatures, VF_ROLE_AUTHOR, NULL);
  g_assert_cmpstr (said, ==, id);
}

static void
what_a_thousand_signatures_lack_is_one_line (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) signatures = g_ptr_array_new_with_free_func (g_free);
  for (int i = 0; i < 8; i++) {
    g_autoptr (VfSignKey) stranger = fixture_key ();
    g_ptr_array_add (signatures, sign (stranger, MANIFEST));
  }
  for (int i = 0; i < 1000; i++)
    g_ptr_array_add (signatures, g_strdup_printf ("rubbish %d", i));
  g_ptr_array_add (signatures, NULL);
  g_autofree char *said = judge (fixture, (const char *const *)signatures->pdata, VF_ROLE_AUTHOR, NULL);
  g_assert_cmpuint (strlen (said), <, 1000);
  g_assert_null (strchr (said, '\n'));
}

static void
keys_that_the_policy_leaves_out_do_not_count (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_autofree char *signature = sign (key, MANIFEST);
  const char *const signatures[] = {signature, NULL};
  const char *const others[] = {"0123456789ABCDEF", NULL}, *const these[] = {id, NULL};
  g_autofree char *said = judge (fixture, signatures, VF_ROLE_AUTHOR, others);
  g_assert_nonnull (strstr (said, "which is not among the keys of `policy`"));
  g_autofree char *counts = judge (fixture, signatures, VF_ROLE_AUTHOR, these);
  g_assert_cmpstr (counts, ==, id);
}

static void
a_damaged_key_verifies_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_autofree char *path = g_strdup_printf ("keys/trusted/%s.json", id);
  fixture_damage (fixture, path);
  g_autofree char *signature = sign (key, MANIFEST);
  const char *const signatures[] = {signature, NULL};
  g_autofree char *said = judge (fixture, signatures, VF_ROLE_AUTHOR, NULL);
  g_assert_nonnull (strstr (said, "whose record cannot be used: "));
}

/* Both roles, one, none. */
static void
a_policy_wants_a_key_of_each_role (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) author = fixture_key ();
  g_autoptr (VfSignKey) service = vf_keyring_service_key (fixture->store, NULL);
  fixture_trust (fixture, author, VF_ROLE_AUTHOR);
  g_autoptr (VfKeyring) keyring = fixture_keyring (fixture);
  g_autofree char *of_author = sign (author, MANIFEST), *of_service = sign (service, MANIFEST);
  const char *const one[] = {of_service, NULL}, *const both[] = {of_service, of_author, NULL};
  char *wants_both[] = {(char *)"service", (char *)"author", NULL}, *wants_none[] = {NULL};
  VfConfig config = {.policy_roles = wants_both};
  g_autoptr (GPtrArray) signers =
      vf_keyring_check_policy (keyring, &config, MANIFEST, strlen (MANIFEST), both, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (signers->len, ==, 2);
  g_assert_null (vf_keyring_check_policy (keyring, &config, MANIFEST, strlen (MANIFEST), one, &error));
  g_assert_true (g_str_has_prefix (error->message, "no signature of a trusted author key: "));
  g_clear_error (&error);
  config.policy_roles = wants_none;
  g_autoptr (GPtrArray) nobody =
      vf_keyring_check_policy (keyring, &config, MANIFEST, strlen (MANIFEST), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (nobody->len, ==, 0);
}

static void
what_is_kept_is_one_of_a_key_and_not_forged (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfKeyring) keyring = NULL;
  g_autoptr (VfSignKey) key = fixture_key ();
  VfSignKey *strangers[10];
  char *signatures[10];
  const char *offered[14] = {NULL}, *nothing[] = {NULL};
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  keyring = fixture_keyring (fixture);
  g_autofree char *good = sign (key, MANIFEST), *forged = sign (key, MANIFEST_OF_ANOTHER);
  for (guint i = 0; i < 10; i++) {
    strangers[i] = fixture_key ();
    offered[i] = signatures[i] = sign (strangers[i], MANIFEST);
  }
  offered[10] = "no signature";
  offered[11] = forged;
  offered[12] = good;
  g_auto (GStrv) kept = vf_keyring_sift (keyring, MANIFEST, strlen (MANIFEST), nothing, offered);
  g_assert_cmpuint (g_strv_length (kept), ==, 9);
  g_assert_true (g_strv_contains ((const char *const *)kept, good));
  g_assert_false (g_strv_contains ((const char *const *)kept, forged));
  g_assert_false (g_strv_contains ((const char *const *)kept, "no signature"));
  /* A stranger's takes the place of none that is there. */
  g_autofree char *second = sign (strangers[0], MANIFEST_OF_ANOTHER);
  const char *again[] = {second, good, NULL};
  g_auto (GStrv) more =
      vf_keyring_sift (keyring, MANIFEST, strlen (MANIFEST), (const char *const *)kept, again);
  g_assert_cmpuint (g_strv_length (more), ==, 1);
  g_assert_cmpstr (more[0], ==, good);
  for (guint i = 0; i < 10; i++) {
    g_free (signatures[i]);
    vf_sign_key_free (strangers[i]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name)                                                                                            \
  g_test_add ("/repository/judge/" #name, Fixture, NULL, fixture_set_up, name, fixture_tear_down)
  ADD (a_trusted_key_of_the_role_counts);
  ADD (the_stores_own_key_counts_without_being_trusted);
  ADD (an_unknown_key_is_named_with_what_to_do);
  ADD (a_revoked_key_verifies_nothing);
  ADD (what_was_signed_must_be_this);
  ADD (nothing_signed_is_told);
  ADD (those_that_do_not_count_are_passed_by);
  ADD (what_a_thousand_signatures_lack_is_one_line);
  ADD (keys_that_the_policy_leaves_out_do_not_count);
  ADD (a_damaged_key_verifies_nothing);
  ADD (what_is_kept_is_one_of_a_key_and_not_forged);
  ADD (a_policy_wants_a_key_of_each_role);
  return g_test_run ();
}
