/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The files of a keyring: made once, private, and each damage of one key its own. */
#include "common.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static mode_t
get_mode (Fixture *fixture, const char *path)
{
  struct stat st;
  g_assert_cmpint (fstatat (fixture->store->fd, path, &st, 0), ==, 0);
  return st.st_mode & 07777;
}

static void
the_service_key_is_made_once_and_private (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = vf_keyring_service_key (fixture->store, &error);
  g_assert_no_error (error);
  g_autoptr (VfSignKey) again = vf_keyring_service_key (fixture->store, &error);
  g_assert_no_error (error);
  g_assert_true (vf_sign_public_equal (vf_sign_key_public (key), vf_sign_key_public (again)));
  g_assert_cmpint (get_mode (fixture, "keys"), ==, 0700);
  g_assert_cmpint (get_mode (fixture, "keys/service.key"), ==, 0600);
  g_autoptr (VfKeyring) keyring = fixture_keyring (fixture);
  GPtrArray *keys = vf_keyring_keys (keyring);
  g_assert_cmpuint (keys->len, ==, 1);
  const VfTrustedKey *own = keys->pdata[0];
  g_assert_true (own->own);
  g_assert_cmpint (own->role, ==, VF_ROLE_SERVICE);
}

/* In a child: its exit status tells whether it got a key; the key's id goes to a file. */
static int
ask_once (const char *path, int number)
{
  g_autoptr (VmforgeStore) store = vf_store_open_made (path, NULL);
  g_autoptr (VfSignKey) key = store == NULL ? NULL : vf_keyring_service_key (store, NULL);
  char id[VF_SIGN_ID_HEX + 1];
  if (key == NULL)
    return 1;
  fixture_id (key, id);
  g_autofree char *file = g_strdup_printf ("%s/id-%d", path, number);
  return g_file_set_contents (file, id, -1, NULL) ? 0 : 1;
}

static void
many_who_ask_at_once_get_one_key (Fixture *fixture, gconstpointer data)
{
  enum { COUNT = 8 };
  pid_t pids[COUNT];
  for (int i = 0; i < COUNT; i++)
    if ((pids[i] = fork ()) == 0)
      _exit (ask_once (fixture->path, i));
  g_autofree char *first = NULL;
  for (int i = 0; i < COUNT; i++) {
    int status;
    g_assert_cmpint (waitpid (pids[i], &status, 0), ==, pids[i]);
    g_assert_cmpint (status, ==, 0);
    g_autofree char *file = g_strdup_printf ("id-%d", i);
    g_autofree char *id = vf_fs_read (fixture->store->fd, file, 100, NULL, NULL);
    if (first == NULL)
      first = g_steal_pointer (&id);
    else
      g_assert_cmpstr (id, ==, first);
  }
}

static void
the_public_half_follows_from_the_secret_one (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = vf_keyring_service_key (fixture->store, &error);
  g_assert_cmpint (unlinkat (fixture->store->fd, "keys/service.pub", 0), ==, 0);
  g_autoptr (VfSignKey) again = vf_keyring_service_key (fixture->store, &error);
  g_assert_no_error (error);
  VfSignPublic public;
  g_assert_true (vf_sign_public_load (fixture->store->fd, "keys/service.pub", &public, &error));
  g_assert_true (vf_sign_public_equal (&public, vf_sign_key_public (key)));
}

static void
a_service_key_that_is_gone_is_not_replaced_in_silence (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = vf_keyring_service_key (fixture->store, &error);
  g_assert_cmpint (unlinkat (fixture->store->fd, "keys/service.key", 0), ==, 0);
  g_assert_null (vf_keyring_service_key (fixture->store, &error));
  g_assert_nonnull (strstr (error->message, "is gone: bring it back, or `vmforge key rotate`"));
}

static void
a_service_key_that_others_can_read_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = vf_keyring_service_key (fixture->store, &error);
  g_assert_cmpint (fchmodat (fixture->store->fd, "keys/service.key", 0640, 0), ==, 0);
  g_assert_null (vf_keyring_service_key (fixture->store, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_ENVIRONMENT);
  g_assert_nonnull (strstr (error->message, "(mode 0640)"));
}

static void
a_damaged_service_key_is_told (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = vf_keyring_service_key (fixture->store, &error);
  fixture_damage (fixture, "keys/service.key");
  g_assert_null (vf_keyring_service_key (fixture->store, &error));
  g_assert_nonnull (strstr (error->message, "'keys/service.key' is"));
}

static void
a_rotated_key_is_another_and_the_former_stays_trusted (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfSignPublic public;
  char id[VF_SIGN_ID_HEX + 1];
  g_autoptr (VfSignKey) former = vf_keyring_service_key (fixture->store, &error);
  g_assert_true (vf_keyring_rotate (fixture->store, &public, &error));
  g_assert_no_error (error);
  g_autoptr (VfSignKey) key = vf_keyring_service_key (fixture->store, &error);
  g_assert_true (vf_sign_public_equal (&public, vf_sign_key_public (key)));
  g_assert_false (vf_sign_public_equal (&public, vf_sign_key_public (former)));
  g_assert_cmpint (get_mode (fixture, "keys/service.key"), ==, 0600);
  g_autoptr (VfKeyring) keyring = fixture_keyring (fixture);
  g_assert_cmpuint (vf_keyring_keys (keyring)->len, ==, 2);
  fixture_id (former, id);
  const VfTrustedKey *known = vf_keyring_find (keyring, id, &error);
  g_assert_no_error (error);
  g_assert_false (known->own);
  g_assert_cmpint (known->revoked, ==, 0);
}

static void
a_revoked_service_key_signs_no_more_until_it_is_rotated (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfSignPublic public;
  char id[VF_SIGN_ID_HEX + 1];
  g_autoptr (VfSignKey) former = vf_keyring_service_key (fixture->store, &error);
  fixture_id (former, id);
  g_assert_true (vf_keyring_revoke (fixture->store, id, &error));
  g_assert_null (vf_keyring_service_key (fixture->store, &error));
  g_assert_nonnull (strstr (error->message, "was revoked: `vmforge key rotate`"));
  g_clear_error (&error);
  g_assert_true (vf_keyring_rotate (fixture->store, &public, &error));
  g_autoptr (VfSignKey) key = vf_keyring_service_key (fixture->store, &error);
  g_assert_no_error (error);
  g_autoptr (VfKeyring) keyring = fixture_keyring (fixture);
  g_assert_cmpint (vf_keyring_find (keyring, id, NULL)->revoked, >, 0);
}

static void
a_key_is_found_by_the_beginning_of_its_id (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_autoptr (VfKeyring) keyring = fixture_keyring (fixture);
  g_autofree char *lower = g_ascii_strdown (id, 8);
  const VfTrustedKey *found = vf_keyring_find (keyring, lower, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found->id, ==, id);
  g_assert_cmpstr (found->name, ==, "somebody");
  g_assert_null (vf_keyring_find (keyring, "nobody", &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
}

static void
trusting_again_changes_the_role_and_keeps_the_rest (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_assert_true (vf_keyring_trust (fixture->store, vf_sign_key_public (key), VF_ROLE_SERVICE, NULL, &error));
  g_autoptr (VfKeyring) keyring = fixture_keyring (fixture);
  const VfTrustedKey *known = vf_keyring_find (keyring, id, &error);
  g_assert_cmpint (known->role, ==, VF_ROLE_SERVICE);
  g_assert_cmpstr (known->name, ==, "somebody");
}

static void
a_revoked_key_is_never_trusted_again (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_assert_true (vf_keyring_revoke (fixture->store, id, &error));
  g_assert_true (vf_keyring_revoke (fixture->store, id, &error));
  g_assert_false (vf_keyring_trust (fixture->store, vf_sign_key_public (key), VF_ROLE_AUTHOR, NULL, &error));
  g_assert_nonnull (strstr (error->message, "was revoked, which is for good"));
}

static void
another_key_with_a_known_id_is_not_trusted (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = fixture_key ();
  g_autoptr (VfSignKey) other = fixture_key ();
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  VfSignPublic forged = *vf_sign_key_public (other);
  memcpy (forged.id, vf_sign_key_public (key)->id, sizeof forged.id);
  g_assert_false (vf_keyring_trust (fixture->store, &forged, VF_ROLE_AUTHOR, NULL, &error));
  g_assert_nonnull (strstr (error->message, "one of them is forged"));
}

static void
a_name_that_is_no_line_of_text_is_refused (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = {"", "two\nlines", "\x1b[2J", "\xff"};
  g_autoptr (VfSignKey) key = fixture_key ();
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (
        vf_keyring_trust (fixture->store, vf_sign_key_public (key), VF_ROLE_AUTHOR, bad[i], &error));
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  }
}

/* data: ".json" or ".pub". */
static void
a_damaged_key_is_named_and_the_others_stay (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = fixture_key ();
  g_autoptr (VfSignKey) other = fixture_key ();
  char id[VF_SIGN_ID_HEX + 1], other_id[VF_SIGN_ID_HEX + 1];
  fixture_id (key, id);
  fixture_id (other, other_id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  fixture_trust (fixture, other, VF_ROLE_AUTHOR);
  g_autofree char *path = g_strdup_printf ("keys/trusted/%s%s", id, (const char *)data);
  fixture_damage (fixture, path);
  g_autoptr (VfKeyring) keyring = fixture_keyring (fixture);
  g_assert_nonnull (strstr (vf_keyring_find (keyring, id, NULL)->damage, path));
  g_assert_null (vf_keyring_find (keyring, other_id, NULL)->damage);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name)                                                                                            \
  g_test_add ("/repository/keyring/" #name, Fixture, NULL, fixture_set_up, name, fixture_tear_down)
  ADD (the_service_key_is_made_once_and_private);
  ADD (many_who_ask_at_once_get_one_key);
  ADD (the_public_half_follows_from_the_secret_one);
  ADD (a_service_key_that_is_gone_is_not_replaced_in_silence);
  ADD (a_service_key_that_others_can_read_is_refused);
  ADD (a_damaged_service_key_is_told);
  ADD (a_rotated_key_is_another_and_the_former_stays_trusted);
  ADD (a_revoked_service_key_signs_no_more_until_it_is_rotated);
  ADD (a_key_is_found_by_the_beginning_of_its_id);
  ADD (trusting_again_changes_the_role_and_keeps_the_rest);
  ADD (a_revoked_key_is_never_trusted_again);
  ADD (another_key_with_a_known_id_is_not_trusted);
  ADD (a_name_that_is_no_line_of_text_is_refused);
  g_test_add ("/repository/keyring/a_damaged_record_is_named_and_the_others_stay", Fixture, ".json",
              fixture_set_up, a_damaged_key_is_named_and_the_others_stay, fixture_tear_down);
  g_test_add ("/repository/keyring/a_damaged_public_key_is_named_and_the_others_stay", Fixture, ".pub",
              fixture_set_up, a_damaged_key_is_named_and_the_others_stay, fixture_tear_down);
  return g_test_run ();
}
