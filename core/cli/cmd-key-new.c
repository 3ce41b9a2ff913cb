/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* vmforge key new: an author's key. */
#include "cli/cmd-key.h"

#include "cli/passphrase.h"
#include "support/error.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>

#define COMMAND "vmforge key new"

static int passphrase_fd = -1;

const GOptionEntry vf_cli_key_new_entries[] = {
    {"passphrase-fd", 0, 0, G_OPTION_ARG_INT, &passphrase_fd, VF_CLI_PASSPHRASE_HELP, "N"},
    G_OPTION_ENTRY_NULL,
};

/* author.key → author.pub; others get the ending. */
static char *
public_path (const char *path)
{
  gsize length = strlen (path) - (g_str_has_suffix (path, ".key") ? strlen (".key") : 0);
  return g_strdup_printf ("%.*s.pub", (int)length, path);
}

static gboolean
check_free (const char *path, GError **error)
{
  return !vf_fs_exists (AT_FDCWD, path) ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' exists: a key is never overwritten", path);
}

static gboolean
save (const VfSignKey *key, const char *path, const char *pub, const char *passphrase, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *text = vf_sign_public_format (vf_sign_key_public (key));
  return vf_fs_mkdir_p (AT_FDCWD, folder, 0700, error) &&
         vf_sign_key_save (key, AT_FDCWD, path, passphrase, error) &&
         vf_fs_write (AT_FDCWD, pub, text, strlen (text), 0644, error);
}

static void
print (const VfCli *cli, const VfSignKey *key, const char *path, const char *pub)
{
  char id[VF_SIGN_ID_HEX + 1];
  g_autofree char *base64 = vf_sign_public_base64 (vf_sign_key_public (key));
  vf_sign_id_to_hex (vf_sign_key_public (key)->id, id);
  if (!cli->json) {
    printf ("id=%s\nsecret=%s\npublic=%s\nbase64=%s\n", id, path, pub, base64);
    return;
  }
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "id", id);
  vf_json_set_string (json, "secret", path);
  vf_json_set_string (json, "public", pub);
  vf_json_set_string (json, "base64", base64);
  vf_cli_print_json (json);
}

gboolean
vf_cli_key_new (VfCli *cli, char **arguments, GError **error)
{
  g_autofree char *usual = vf_cli_author_key_path ();
  const char *path = arguments[0] == NULL ? usual : arguments[0];
  if (*path == '\0' || g_str_has_suffix (path, "/"))
    return vf_cli_usage_error (error, COMMAND, "FILE names a file, not '%s'", path);
  g_autofree char *pub = public_path (path);
  if (!vf_cli_check_passphrase_fd (passphrase_fd, COMMAND, error) || !check_free (path, error) ||
      !check_free (pub, error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  char *passphrase = vf_cli_new_passphrase (cli, path, passphrase_fd, error);
  if (passphrase == NULL)
    return FALSE;
  g_autoptr (VfSignKey) key = vf_sign_key_generate (error);
  gboolean done = key != NULL && save (key, path, pub, passphrase, error);
  vf_sign_wipe (passphrase);
  if (done)
    print (cli, key, path, pub);
  return done;
}
