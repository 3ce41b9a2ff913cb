/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cmd-key.h"

#include "repository/keyring.h"
#include "support/error.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>

#define PUBLIC_LENGTH 56 /* of a public key in base64 */

static struct {
  char *role, *name;
} given;

static const GOptionEntry trust_entries[] = {
    {"role", 0, 0, G_OPTION_ARG_STRING, &given.role, "What it may sign: service or author", "ROLE"},
    {"name", 0, 0, G_OPTION_ARG_STRING, &given.name, "Whose key it is, for people", "NAME"},
    G_OPTION_ENTRY_NULL,
};

/* ---- list */

static const char *
describe_state (const VfTrustedKey *key)
{
  return key->damage != NULL ? "damaged" : key->revoked != 0 ? "revoked" : "trusted";
}

static void
add_row (VfTable *table, const VfTrustedKey *key)
{
  g_autofree char *since = key->since == 0 ? NULL : vf_cli_format_time (key->since);
  vf_table_add (table, key->id, vf_role_name (key->role), describe_state (key), since,
                key->own ? "(this store)" : key->name);
}

static VfJson *
key_to_json (const VfTrustedKey *key)
{
  VfJson *json = json_object_new_object ();
  g_autofree char *base64 = key->damage != NULL ? NULL : vf_sign_public_base64 (&key->public);
  vf_json_set_string (json, "id", key->id);
  vf_json_set_string (json, "role", vf_role_name (key->role));
  vf_json_set_string (json, "state", describe_state (key));
  vf_json_set (json, "name", vf_cli_json_text (key->name));
  vf_json_set_bool (json, "own", key->own);
  vf_json_set (json, "since", key->since == 0 ? NULL : json_object_new_int64 (key->since));
  vf_json_set (json, "revoked", key->revoked == 0 ? NULL : json_object_new_int64 (key->revoked));
  vf_json_set (json, "damage", vf_cli_json_text (key->damage));
  vf_json_set (json, "base64", vf_cli_json_text (base64));
  return json;
}

static gboolean
run_list (VfCli *cli, char **arguments, GError **error)
{
  static const char *const heading[] = {"ID", "ROLE", "STATE", "SINCE", "NAME", NULL};
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  g_autoptr (VfKeyring) keyring = store == NULL ? NULL : vf_keyring_load (store, error);
  if (keyring == NULL)
    return FALSE;
  g_autoptr (VfTable) table = vf_table_new (heading);
  VfJson *list = json_object_new_array ();
  GPtrArray *keys = vf_keyring_keys (keyring);
  for (guint i = 0; i < keys->len; i++) {
    add_row (table, keys->pdata[i]);
    json_object_array_add (list, key_to_json (keys->pdata[i]));
  }
  vf_cli_print_list (cli, table, list);
  return TRUE;
}

/* ---- trust, revoke */

static gboolean
read_public (const char *word, VfSignPublic *public, GError **error)
{
  if (strlen (word) == PUBLIC_LENGTH && g_str_has_prefix (word, "RW") && !vf_fs_exists (AT_FDCWD, word))
    return vf_sign_public_parse (word, strlen (word), word, public, error);
  return vf_sign_public_load (AT_FDCWD, word, public, error);
}

static gboolean
run_trust (VfCli *cli, char **arguments, GError **error)
{
  VfSignPublic public;
  VfRole role;
  char id[VF_SIGN_ID_HEX + 1];
  if (given.role == NULL)
    return vf_cli_usage_error (error, "vmforge key trust",
                               "say what it may sign: --role service or --role author");
  if (!vf_role_parse (given.role, &role))
    return vf_cli_usage_error (error, "vmforge key trust", "--role is service or author, not '%s'",
                               given.role);
  if (!read_public (arguments[0], &public, error))
    return FALSE;
  /* A store that will only receive may not be there yet. */
  g_autoptr (VmforgeStore) store = vf_store_open_made (cli->store, error);
  if (store == NULL || !vf_keyring_trust (store, &public, role, given.name, error))
    return FALSE;
  vf_sign_id_to_hex (public.id, id);
  printf ("%s\n", id);
  return TRUE;
}

static gboolean
run_revoke (VfCli *cli, char **arguments, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  g_autoptr (VfKeyring) keyring = store == NULL ? NULL : vf_keyring_load (store, error);
  const VfTrustedKey *key = keyring == NULL ? NULL : vf_keyring_find (keyring, arguments[0], error);
  return key != NULL && vf_keyring_revoke (store, key->id, error);
}

/* ---- export, rotate */

static void
print_public (const VfSignPublic *public)
{
  g_autofree char *text = vf_sign_public_format (public);
  fputs (text, stdout);
}

static gboolean
export_known (VmforgeStore *store, const char *word, GError **error)
{
  g_autoptr (VfKeyring) keyring = vf_keyring_load (store, error);
  const VfTrustedKey *key = keyring == NULL ? NULL : vf_keyring_find (keyring, word, error);
  if (key == NULL)
    return FALSE;
  if (key->damage != NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "key %s cannot be read: %s", key->id, key->damage);
  print_public (&key->public);
  return TRUE;
}

/* Of a store that cannot be written, but has a key, it is taken as it is. */
static gboolean
export_own (VmforgeStore *store, GError **error)
{
  g_autoptr (VfKeyring) keyring = vf_keyring_load (store, error);
  if (keyring == NULL)
    return FALSE;
  GPtrArray *keys = vf_keyring_keys (keyring);
  const VfTrustedKey *first = keys->len == 0 ? NULL : keys->pdata[0];
  if (first != NULL && first->own && first->damage == NULL && first->revoked == 0) {
    print_public (&first->public);
    return TRUE;
  }
  g_autoptr (VfSignKey) key = vf_keyring_service_key (store, error);
  if (key != NULL)
    print_public (vf_sign_key_public (key));
  return key != NULL;
}

static gboolean
run_export (VfCli *cli, char **arguments, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  if (store == NULL)
    return FALSE;
  return arguments[0] != NULL ? export_known (store, arguments[0], error) : export_own (store, error);
}

static gboolean
run_rotate (VfCli *cli, char **arguments, GError **error)
{
  VfSignPublic public;
  char id[VF_SIGN_ID_HEX + 1];
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  if (store == NULL || !vf_keyring_rotate (store, &public, error))
    return FALSE;
  vf_sign_id_to_hex (public.id, id);
  printf ("%s\n", id);
  return TRUE;
}

static const VfCommand children[] = {
    {.name = "new",
     .arguments = "[FILE]",
     .summary = "Make an author's key, with a passphrase",
     .details = "Without FILE: ~/.config/vmforge/author.key. The public half gets the ending .pub.",
     .options = VF_CLI_JSON,
     .entries = vf_cli_key_new_entries,
     .max_arguments = 1,
     .run = vf_cli_key_new},
    {.name = "list",
     .arguments = "",
     .summary = "List the store's own key and those that it trusts",
     .options = VF_CLI_STORE | VF_CLI_JSON,
     .run = run_list},
    {.name = "trust",
     .arguments = "FILE.pub|BASE64",
     .summary = "Trust a public key, in a role",
     .options = VF_CLI_STORE,
     .entries = trust_entries,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = run_trust},
    {.name = "revoke",
     .arguments = "KEYID",
     .summary = "Trust a key no more, whenever it signed",
     .options = VF_CLI_STORE,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = run_revoke},
    {.name = "export",
     .arguments = "[KEYID]",
     .summary = "Print a public key: that of the store's service key, if not told which",
     .options = VF_CLI_STORE,
     .max_arguments = 1,
     .run = run_export},
    {.name = "rotate",
     .arguments = "",
     .summary = "Give the store another service key",
     .details = "What the former one signed stays trusted here, unless it is revoked.",
     .options = VF_CLI_STORE,
     .run = run_rotate},
    {NULL},
};

const VfCommand vf_command_key = {
    .name = "key", .summary = "Make, list, trust, revoke and export keys", .children = children};
