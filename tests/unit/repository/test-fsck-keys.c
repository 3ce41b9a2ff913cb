/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Damage of keys is named, and none of them is repaired away. */
#include "common.h"
#include "store/fsck.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "OBJECT: WHAT" of each fault, a line each. */
static char *
look (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_auto (VfFsck) fsck = {.store = fixture->store};
  fsck.faults = g_ptr_array_new ();
  g_assert_true (vf_fsck_keys (&fsck, &error));
  g_assert_no_error (error);
  GString *lines = g_string_new (NULL);
  for (guint i = 0; i < fsck.faults->len; i++) {
    VfFault *fault = fsck.faults->pdata[i];
    g_assert_cmpstr (fault->kind, ==, "key");
    g_assert_cmpint (fault->cure, ==, VF_CURE_NONE);
    g_string_append_printf (lines, "%s: %s\n", fault->object, fault->what);
    g_free (fault->object);
    g_free (fault->what);
    g_free (fault->target);
    g_free (fault);
  }
  return g_string_free (lines, FALSE);
}

static void
check (Fixture *fixture, const char *wanted)
{
  g_autofree char *said = look (fixture);
  g_assert_cmpstr (said, ==, wanted);
}

static void
sound_keys_have_no_fault (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) key = fixture_key ();
  check (fixture, "");
  g_autoptr (VfSignKey) own = vf_keyring_service_key (fixture->store, NULL);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  check (fixture, "");
}

/* data: ".json" or ".pub". */
static void
a_damaged_trusted_key_is_named (Fixture *fixture, gconstpointer data)
{
  char id[VF_SIGN_ID_HEX + 1];
  g_autoptr (VfSignKey) key = fixture_key ();
  fixture_id (key, id);
  fixture_trust (fixture, key, VF_ROLE_AUTHOR);
  g_autofree char *path = g_strdup_printf ("keys/trusted/%s%s", id, (const char *)data);
  g_assert_cmpint (unlinkat (fixture->store->fd, path, 0), ==, 0);
  if (g_str_equal (data, ".json")) {
    check (fixture, ""); /* then it is not trusted at all */
    fixture_trust (fixture, key, VF_ROLE_AUTHOR);
    fixture_damage (fixture, path);
  }
  g_autofree char *said = look (fixture), *prefix = g_strdup_printf ("%s: ", path);
  g_assert_true (g_str_has_prefix (said, prefix));
  g_assert_cmpint (said[strlen (said) - 1], ==, '\n');
}

static void
a_service_key_that_is_gone_is_named (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) own = vf_keyring_service_key (fixture->store, NULL);
  g_assert_cmpint (unlinkat (fixture->store->fd, "keys/service.key", 0), ==, 0);
  check (fixture, "keys/service.key: is gone: bring it back, or `vmforge key rotate`\n");
}

static void
a_service_key_for_others_is_named (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) own = vf_keyring_service_key (fixture->store, NULL);
  g_assert_cmpint (fchmodat (fixture->store->fd, "keys/service.key", 0644, 0), ==, 0);
  check (fixture, "keys/service.key: is not for its owner alone (mode 0644)\n");
}

static void
a_damaged_service_key_is_named (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) own = vf_keyring_service_key (fixture->store, NULL);
  fixture_damage (fixture, "keys/service.key");
  g_autofree char *said = look (fixture);
  g_assert_true (g_str_has_prefix (said, "keys/service.key: 'keys/service.key' is "));
}

static void
a_public_half_of_another_key_is_named (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfSignKey) own = vf_keyring_service_key (fixture->store, NULL);
  g_autoptr (VfSignKey) key = fixture_key ();
  g_autofree char *text = vf_sign_public_format (vf_sign_key_public (key));
  g_autofree char *path = g_build_filename (fixture->path, "keys/service.pub", NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  check (fixture,
         "keys/service.pub: is not the public half of keys/service.key (the next signature writes it "
         "anew)\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name)                                                                                            \
  g_test_add ("/repository/fsck-keys/" #name, Fixture, NULL, fixture_set_up, name, fixture_tear_down)
  ADD (sound_keys_have_no_fault);
  g_test_add ("/repository/fsck-keys/a_damaged_record_is_named", Fixture, ".json", fixture_set_up,
              a_damaged_trusted_key_is_named, fixture_tear_down);
  g_test_add ("/repository/fsck-keys/an_absent_public_key_is_named", Fixture, ".pub", fixture_set_up,
              a_damaged_trusted_key_is_named, fixture_tear_down);
  ADD (a_service_key_that_is_gone_is_named);
  ADD (a_service_key_for_others_is_named);
  ADD (a_damaged_service_key_is_named);
  ADD (a_public_half_of_another_key_is_named);
  return g_test_run ();
}
