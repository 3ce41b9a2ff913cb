/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"

#include "support/fs.h"

#include <fcntl.h>
#include <string.h>

void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("vmforge-keys-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->path = g_build_filename (folder, "store", NULL);
  fixture->store = vf_store_open_made (fixture->path, &error);
  g_assert_no_error (error);
}

void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_path_get_dirname (fixture->path);
  vmforge_store_free (fixture->store);
  g_assert_true (vf_fs_remove (AT_FDCWD, folder, NULL));
  g_free (fixture->path);
}

VfKeyring *
fixture_keyring (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  VfKeyring *keyring = vf_keyring_load (fixture->store, &error);
  g_assert_no_error (error);
  return keyring;
}

VfSignKey *
fixture_key (void)
{
  g_autoptr (GError) error = NULL;
  VfSignKey *key = vf_sign_key_generate (&error);
  g_assert_no_error (error);
  return key;
}

void
fixture_trust (Fixture *fixture, const VfSignKey *key, VfRole role)
{
  g_autoptr (GError) error = NULL;
  vf_keyring_trust (fixture->store, vf_sign_key_public (key), role, "somebody", &error);
  g_assert_no_error (error);
}

void
fixture_id (const VfSignKey *key, char id[VF_SIGN_ID_HEX + 1])
{
  vf_sign_id_to_hex (vf_sign_key_public (key)->id, id);
}

void
fixture_damage (Fixture *fixture, const char *path)
{
  gsize length;
  g_autofree char *text = vf_fs_read (fixture->store->fd, path, 65536, &length, NULL);
  g_assert_nonnull (text);
  text[length / 2] ^= 1;
  g_assert_true (vf_fs_write (fixture->store->fd, path, text, length, 0600, NULL));
}
