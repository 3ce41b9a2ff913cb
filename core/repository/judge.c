/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Whose signatures count. */
#include "repository/keyring.h"
#include "support/error.h"

#include <string.h>

/* Signatures come from peers: each costs two verifications. */
#define MAX_SIGNATURES 64
/* Kept of keys that nobody here knows. */
#define MAX_UNKNOWN (VF_SIGNATURES_MAX / 2)
#define MAX_REASONS 400 /* bytes, less the last one */

typedef struct {
  VfKeyring *keyring;
  const void *data;
  gsize length;
  VfRole role;
  const char *const *only;
} Question;

static const VfTrustedKey *
find_exactly (VfKeyring *keyring, const char *id)
{
  GPtrArray *keys = vf_keyring_keys (keyring);
  for (guint i = 0; i < keys->len; i++)
    if (strcmp (((VfTrustedKey *)keys->pdata[i])->id, id) == 0)
      return keys->pdata[i];
  return NULL;
}

static gboolean
check_key (const Question *question, const VfTrustedKey *key, const char *id, GError **error)
{
  if (key == NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "it is signed by key %s, which is not trusted here: if you know whose it is, "
                         "`vmforge key trust FILE.pub --role %s`",
                         id, vf_role_name (question->role));
  if (key->damage != NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "it is signed by key %s, whose record cannot be used: %s", id, key->damage);
  if (key->revoked != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "it is signed by key %s, which was revoked", id);
  if (key->role != question->role)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "it is signed by key %s, which is trusted as %s and not as %s", id,
                         vf_role_name (key->role), vf_role_name (question->role));
  if (question->only != NULL && !g_strv_contains (question->only, id))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "it is signed by key %s, which is not among the keys of `policy`", id);
  return TRUE;
}

static const VfTrustedKey *
judge_one (const Question *question, const char *signature, GError **error)
{
  guint8 id[VF_SIGN_ID_BYTES];
  char hex[VF_SIGN_ID_HEX + 1];
  if (!vf_sign_claimed_id (signature, strlen (signature), id, error))
    return NULL;
  vf_sign_id_to_hex (id, hex);
  const VfTrustedKey *key = find_exactly (question->keyring, hex);
  if (!check_key (question, key, hex, error))
    return NULL;
  if (!vf_sign_verify (&key->public, question->data, question->length, signature, NULL, error)) {
    g_prefix_error (error, "key %s: ", hex);
    return NULL;
  }
  return key;
}

/* The reasons why none counts, one each, and no more than can be read. */
static void
add_reason (GString *reasons, const char *reason)
{
  if (reasons->len < MAX_REASONS && strstr (reasons->str, reason) == NULL)
    g_string_append_printf (reasons, "%s%s", reasons->len == 0 ? "" : "; ", reason);
}

static GPtrArray *
judge (const Question *question, const char *const *signatures, GError **error)
{
  g_autoptr (GPtrArray) signers = g_ptr_array_new ();
  g_autoptr (GString) reasons = g_string_new (NULL);
  guint count = 0;
  for (; signatures != NULL && signatures[count] != NULL && count < MAX_SIGNATURES; count++) {
    g_autoptr (GError) failure = NULL;
    const VfTrustedKey *key = judge_one (question, signatures[count], &failure);
    if (key == NULL)
      add_reason (reasons, failure->message);
    else if (!g_ptr_array_find (signers, key, NULL))
      g_ptr_array_add (signers, (gpointer)key);
  }
  if (signers->len > 0)
    return g_steal_pointer (&signers);
  vf_error_set (error, VMFORGE_ERROR_FAILED, "no signature of a trusted %s key: %s",
                vf_role_name (question->role), count == 0 ? "it has no signature" : reasons->str);
  return NULL;
}

GPtrArray *
vf_keyring_judge (VfKeyring *keyring, const void *data, gsize length, const char *const *signatures,
                  VfRole role, const char *const *only, GError **error)
{
  return judge (&(Question){keyring, data, length, role, only}, signatures, error);
}

GPtrArray *
vf_keyring_check_policy (VfKeyring *keyring, const VfConfig *config, const void *data, gsize length,
                         const char *const *signatures, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  for (char **name = config->policy_roles; *name != NULL; name++) {
    VfRole role;
    if (!vf_role_parse (*name, &role)) {
      vf_error_set (error, VMFORGE_ERROR_SPEC, "`policy` requires the role '%s', which is not known", *name);
      return NULL;
    }
    g_autoptr (GPtrArray) signers = vf_keyring_judge (keyring, data, length, signatures, role,
                                                      (const char *const *)config->policy_keys, error);
    if (signers == NULL)
      return NULL;
    for (guint i = 0; i < signers->len; i++)
      g_ptr_array_add (all, signers->pdata[i]);
  }
  return g_steal_pointer (&all);
}

/* Nobody can tell whether what an unknown key signed is forged: it takes the place of nothing. */
static gboolean
is_kept (VfKeyring *keyring, const void *data, gsize length, const char *signature, GHashTable *ids)
{
  guint8 id[VF_SIGN_ID_BYTES];
  char hex[VF_SIGN_ID_HEX + 1];
  if (!vf_sign_claimed_id (signature, strlen (signature), id, NULL))
    return FALSE;
  vf_sign_id_to_hex (id, hex);
  const VfTrustedKey *key = find_exactly (keyring, hex);
  gboolean known = key != NULL && key->damage == NULL;
  guint room = known ? VF_SIGNATURES_MAX : MAX_UNKNOWN;
  if (!g_hash_table_contains (ids, hex) ? g_hash_table_size (ids) >= room : !known)
    return FALSE;
  if (known && !vf_sign_verify (&key->public, data, length, signature, NULL, NULL))
    return FALSE;
  g_hash_table_add (ids, g_strdup (hex));
  return TRUE;
}

char **
vf_keyring_sift (VfKeyring *keyring, const void *data, gsize length, const char *const *there,
                 const char *const *offered)
{
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GStrvBuilder) kept = g_strv_builder_new ();
  for (const char *const *signature = there; *signature != NULL; signature++) {
    guint8 id[VF_SIGN_ID_BYTES];
    char hex[VF_SIGN_ID_HEX + 1];
    if (!vf_sign_claimed_id (*signature, strlen (*signature), id, NULL))
      continue;
    vf_sign_id_to_hex (id, hex);
    g_hash_table_add (ids, g_strdup (hex));
  }
  for (; *offered != NULL; offered++)
    if (g_strv_contains (there, *offered) || is_kept (keyring, data, length, *offered, ids))
      g_strv_builder_add (kept, *offered);
  return g_strv_builder_end (kept);
}
