/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Reading the keys of a store. */
#include "repository/keyring.h"

#include "repository/keyring-private.h"
#include "store/records.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>

struct _VfKeyring {
  GPtrArray *keys; /* VfTrustedKey */
};

static const char *const role_names[] = {"service", "author"};

const char *
vf_role_name (VfRole role)
{
  return role_names[role];
}

gboolean
vf_role_parse (const char *text, VfRole *role)
{
  for (guint i = 0; i < G_N_ELEMENTS (role_names); i++)
    if (g_strcmp0 (text, role_names[i]) == 0) {
      *role = (VfRole)i;
      return TRUE;
    }
  return FALSE;
}

void
keyring_key_free (VfTrustedKey *key)
{
  if (key == NULL)
    return;
  g_free (key->name);
  g_free (key->damage);
  g_free (key);
}

char *
keyring_path (const char *id, const char *suffix)
{
  return g_strdup_printf (TRUSTED_FOLDER "/%s%s", id, suffix);
}

static gboolean
is_id (const char *text)
{
  return strlen (text) == VF_SIGN_ID_HEX && strspn (text, "0123456789ABCDEF") == VF_SIGN_ID_HEX;
}

static gboolean
read_public (VmforgeStore *store, VfTrustedKey *key, GError **error)
{
  char id[VF_SIGN_ID_HEX + 1];
  g_autofree char *path = keyring_path (key->id, ".pub");
  if (!vf_sign_public_load (store->fd, path, &key->public, error))
    return FALSE;
  vf_sign_id_to_hex (key->public.id, id);
  return strcmp (id, key->id) == 0 ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is damaged: it holds key %s", path, id);
}

static gboolean
read_record (VfJson *record, VfTrustedKey *key, GError **error)
{
  key->name = g_strdup (vf_json_string (record, "name", NULL));
  key->since = vf_json_int (record, "since", 0);
  key->revoked = vf_json_int (record, "revoked", 0);
  return vf_role_parse (vf_json_string (record, "role", NULL), &key->role) ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "'" TRUSTED_FOLDER "/%s.json' is damaged: it has no role",
                       key->id);
}

/* One damaged key takes nothing from the others. */
VfTrustedKey *
keyring_read_trusted (VmforgeStore *store, const char *id, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfTrustedKey) key = g_new0 (VfTrustedKey, 1);
  g_autofree char *path = keyring_path (id, ".json");
  g_autoptr (VfJson) record = vf_records_read (store, path, &failure);
  if (record == NULL && failure == NULL)
    return NULL;
  if (failure != NULL && failure->code == VMFORGE_ERROR_ENVIRONMENT) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  g_strlcpy (key->id, id, sizeof key->id);
  if (record == NULL || !read_record (record, key, &failure) || !read_public (store, key, &failure))
    key->damage = g_strdup (failure->message);
  return g_steal_pointer (&key);
}

static gboolean
read_all_trusted (VfKeyring *keyring, VmforgeStore *store, GError **error)
{
  g_auto (GStrv) ids = vf_records_names (store, TRUSTED_FOLDER, ".json", error);
  if (ids == NULL)
    return FALSE;
  for (char **id = ids; *id != NULL; id++) {
    g_autoptr (GError) failure = NULL;
    VfTrustedKey *key = is_id (*id) ? keyring_read_trusted (store, *id, &failure) : NULL;
    if (key != NULL)
      g_ptr_array_add (keyring->keys, key);
    else if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  }
  return TRUE;
}

/* The store's own key is trusted without a record. One that there is, is of its revocation. */
static void
add_own (VfKeyring *keyring, const VfSignPublic *public)
{
  char id[VF_SIGN_ID_HEX + 1];
  VfTrustedKey *own = NULL;
  vf_sign_id_to_hex (public->id, id);
  for (guint i = 0; own == NULL && i < keyring->keys->len; i++)
    if (strcmp (((VfTrustedKey *)keyring->keys->pdata[i])->id, id) == 0)
      own = g_ptr_array_steal_index (keyring->keys, i);
  if (own == NULL)
    own = g_new0 (VfTrustedKey, 1);
  else if (own->damage == NULL && !vf_sign_public_equal (&own->public, public))
    own->damage =
        g_strdup_printf ("'" TRUSTED_FOLDER "/%s.pub' is another key than '" SERVICE_PUBLIC "'", id);
  g_strlcpy (own->id, id, sizeof own->id);
  own->public = *public;
  own->role = VF_ROLE_SERVICE;
  own->own = TRUE;
  g_ptr_array_insert (keyring->keys, 0, own);
}

VfKeyring *
vf_keyring_load (VmforgeStore *store, GError **error)
{
  VfSignPublic public;
  g_autoptr (VfKeyring) keyring = g_new0 (VfKeyring, 1);
  keyring->keys = g_ptr_array_new_with_free_func ((GDestroyNotify)keyring_key_free);
  if (!read_all_trusted (keyring, store, error))
    return NULL;
  if (vf_fs_exists (store->fd, SERVICE_PUBLIC)) {
    if (!vf_sign_public_load (store->fd, SERVICE_PUBLIC, &public, error)) {
      g_prefix_error (error, "store '%s': ", store->path);
      return NULL;
    }
    add_own (keyring, &public);
  }
  return g_steal_pointer (&keyring);
}

void
vf_keyring_free (VfKeyring *keyring)
{
  if (keyring == NULL)
    return;
  g_ptr_array_unref (keyring->keys);
  g_free (keyring);
}

GPtrArray *
vf_keyring_keys (VfKeyring *keyring)
{
  return keyring->keys;
}

const VfTrustedKey *
vf_keyring_find (VfKeyring *keyring, const char *word, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autofree char *upper = g_ascii_strup (word, -1);
  g_autoptr (GError) failure = NULL;
  for (guint i = 0; i < keyring->keys->len; i++)
    g_ptr_array_add (ids, ((VfTrustedKey *)keyring->keys->pdata[i])->id);
  g_ptr_array_add (ids, NULL);
  const char *id = vf_records_complete ((char **)ids->pdata, upper, "key id", &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  for (guint i = 0; id != NULL && i < keyring->keys->len; i++)
    if (strcmp (((VfTrustedKey *)keyring->keys->pdata[i])->id, id) == 0)
      return keyring->keys->pdata[i];
  vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "no key '%s': 'vmforge key list' shows those that are known",
                word);
  return NULL;
}
