/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Making, trusting and revoking keys, under the store's gate. A key is trusted from the moment that its .json
 * is there: its .pub is written before. */
#include "repository/keyring-private.h"
#include "store/records.h"
#include "support/checked.h"
#include "support/error.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FORMER_NAME "former service key of this store"
#define MAX_NAME    200

static VfLock *
enter (VmforgeStore *store, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL || !vf_fs_mkdir_p (store->fd, KEYS_FOLDER, 0700, error) ||
      !vf_fs_mkdir_p (store->fd, TRUSTED_FOLDER, 0700, error))
    return NULL;
  return g_steal_pointer (&gate);
}

static gboolean
write_public (VmforgeStore *store, const char *path, const VfSignPublic *public, GError **error)
{
  g_autofree char *text = vf_sign_public_format (public);
  return vf_fs_write (store->fd, path, text, strlen (text), 0644, error);
}

static gboolean
write_trusted (VmforgeStore *store, const VfTrustedKey *key, GError **error)
{
  g_autofree char *pub = keyring_path (key->id, ".pub"), *path = keyring_path (key->id, ".json");
  g_autoptr (VfJson) record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set_string (record, "role", vf_role_name (key->role));
  vf_json_set_int (record, "since", key->since);
  if (key->name != NULL)
    vf_json_set_string (record, "name", key->name);
  if (key->revoked != 0)
    vf_json_set_int (record, "revoked", key->revoked);
  return write_public (store, pub, &key->public, error) && vf_checked_write (store->fd, path, record, error);
}

static gint64
now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* ---- the store's own key */

/* A key that others could read may have been read. */
static gboolean
check_private (VmforgeStore *store, GError **error)
{
  struct stat st;
  if (fstatat (store->fd, SERVICE_SECRET, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return vf_error_set_errno (error, "cannot look at '%s/" SERVICE_SECRET "'", store->path);
  if (S_ISREG (st.st_mode) && (st.st_mode & 077) == 0)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                       "'%s/" SERVICE_SECRET
                       "' is not for its owner alone (mode %04o): `chmod 600` it if nobody "
                       "read it, else `vmforge key rotate`",
                       store->path, (guint)st.st_mode & 07777);
}

static gboolean
make_secret (VmforgeStore *store, GError **error)
{
  if (vf_fs_exists (store->fd, SERVICE_PUBLIC))
    return vf_error_set (
        error, VMFORGE_ERROR_FAILED,
        "'%s/" SERVICE_SECRET "' is gone: bring it back, or `vmforge key rotate` makes another", store->path);
  g_autoptr (VfSignKey) key = vf_sign_key_generate (error);
  return key != NULL && vf_sign_key_save (key, store->fd, SERVICE_SECRET, NULL, error);
}

/* The public half follows from the secret one; a crash may have left it out, or a former one. */
static gboolean
complete_public (VmforgeStore *store, const VfSignPublic *public, GError **error)
{
  VfSignPublic there;
  return (vf_sign_public_load (store->fd, SERVICE_PUBLIC, &there, NULL) &&
          vf_sign_public_equal (&there, public)) ||
         write_public (store, SERVICE_PUBLIC, public, error);
}

static gboolean
check_not_revoked (VmforgeStore *store, const VfSignPublic *public, GError **error)
{
  char id[VF_SIGN_ID_HEX + 1];
  g_autoptr (GError) failure = NULL;
  vf_sign_id_to_hex (public->id, id);
  g_autoptr (VfTrustedKey) record = keyring_read_trusted (store, id, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (record != NULL && record->damage != NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the service key %s cannot be used: %s", id,
                         record->damage);
  return record == NULL || record->revoked == 0 ||
         vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "the service key %s was revoked: `vmforge key rotate` makes another", id);
}

static VfSignKey *
load_secret (VmforgeStore *store, GError **error)
{
  if (!check_private (store, error))
    return NULL;
  g_autoptr (VfSignKey) key = vf_sign_key_load (store->fd, SERVICE_SECRET, NULL, NULL, error);
  if (key == NULL)
    g_prefix_error (error, "store '%s': ", store->path);
  return g_steal_pointer (&key);
}

VfSignKey *
vf_keyring_service_key (VmforgeStore *store, GError **error)
{
  g_autoptr (VfLock) gate = enter (store, error);
  if (gate == NULL || (!vf_fs_exists (store->fd, SERVICE_SECRET) && !make_secret (store, error)))
    return NULL;
  g_autoptr (VfSignKey) key = load_secret (store, error);
  if (key == NULL || !complete_public (store, vf_sign_key_public (key), error) ||
      !check_not_revoked (store, vf_sign_key_public (key), error))
    return NULL;
  return g_steal_pointer (&key);
}

/* A record that there is already says that it was revoked. */
static gboolean
keep_former (VmforgeStore *store, GError **error)
{
  VfTrustedKey former = {.role = VF_ROLE_SERVICE, .name = (char *)FORMER_NAME, .since = now ()};
  if (!vf_fs_exists (store->fd, SERVICE_PUBLIC))
    return TRUE;
  if (!vf_sign_public_load (store->fd, SERVICE_PUBLIC, &former.public, error))
    return FALSE;
  vf_sign_id_to_hex (former.public.id, former.id);
  g_autofree char *path = keyring_path (former.id, ".json");
  return vf_fs_exists (store->fd, path) || write_trusted (store, &former, error);
}

gboolean
vf_keyring_rotate (VmforgeStore *store, VfSignPublic *public, GError **error)
{
  g_autoptr (VfLock) gate = enter (store, error);
  if (gate == NULL || !keep_former (store, error))
    return FALSE;
  g_autoptr (VfSignKey) key = vf_sign_key_generate (error);
  char *text = key == NULL ? NULL : vf_sign_key_format (key, NULL, error);
  gboolean done = text != NULL && vf_fs_write (store->fd, SERVICE_SECRET, text, strlen (text), 0600, error);
  vf_sign_wipe (text);
  if (!done || !write_public (store, SERVICE_PUBLIC, vf_sign_key_public (key), error))
    return FALSE;
  *public = *vf_sign_key_public (key);
  return TRUE;
}

/* ---- keys of others */

static gboolean
check_name (const char *name, GError **error)
{
  if (name == NULL)
    return TRUE;
  gboolean good = *name != '\0' && strlen (name) <= MAX_NAME && g_utf8_validate (name, -1, NULL);
  for (const char *at = name; good && *at != '\0'; at = g_utf8_next_char (at))
    good = !g_unichar_iscntrl (g_utf8_get_char (at));
  return good || vf_error_set (error, VMFORGE_ERROR_SPEC,
                               "the name of a key is one line of text, at most %d bytes", MAX_NAME);
}

/* known: what the keyring has of this id. */
static gboolean
check_trustable (const VfTrustedKey *known, const VfSignPublic *public, GError **error)
{
  if (known == NULL || known->damage != NULL)
    return TRUE; /* a damaged one is written anew */
  if (!vf_sign_public_equal (&known->public, public))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "another key with the id %s is known already: one of them is forged", known->id);
  if (known->own)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "%s is the service key of this store, which %s",
                         known->id, known->revoked != 0 ? "was revoked" : "trusts it already");
  if (known->revoked != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "key %s was revoked, which is for good: its owner has to make another", known->id);
  return TRUE;
}

gboolean
vf_keyring_trust (VmforgeStore *store, const VfSignPublic *public, VfRole role, const char *name,
                  GError **error)
{
  VfTrustedKey key = {.public = *public, .role = role, .name = (char *)name, .since = now ()};
  vf_sign_id_to_hex (public->id, key.id);
  if (!check_name (name, error))
    return FALSE;
  g_autoptr (VfLock) gate = enter (store, error);
  g_autoptr (VfKeyring) keyring = gate == NULL ? NULL : vf_keyring_load (store, error);
  if (keyring == NULL)
    return FALSE;
  const VfTrustedKey *known = vf_keyring_find (keyring, key.id, NULL);
  if (!check_trustable (known, public, error))
    return FALSE;
  if (known != NULL && known->damage == NULL) {
    key.since = known->since;
    if (name == NULL)
      key.name = known->name;
  }
  return write_trusted (store, &key, error);
}

gboolean
vf_keyring_revoke (VmforgeStore *store, const char *id, GError **error)
{
  g_autoptr (VfLock) gate = enter (store, error);
  g_autoptr (VfKeyring) keyring = gate == NULL ? NULL : vf_keyring_load (store, error);
  const VfTrustedKey *known = keyring == NULL ? NULL : vf_keyring_find (keyring, id, error);
  if (known == NULL)
    return FALSE;
  if (known->damage != NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "key %s verifies nothing as it is: %s", known->id,
                         known->damage);
  if (known->revoked != 0)
    return TRUE;
  VfTrustedKey key = *known;
  key.revoked = now ();
  if (key.since == 0)
    key.since = key.revoked;
  return write_trusted (store, &key, error);
}
