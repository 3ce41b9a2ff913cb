/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "cli/passphrase.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define COMMAND "vmforge sign"

static struct {
  char *key;
  int passphrase_fd;
  gboolean force;
} given = {.passphrase_fd = -1};

static const GOptionEntry entries[] = {
    {"key", 0, 0, G_OPTION_ARG_FILENAME, &given.key,
     "The author's secret key (default: ~/.config/vmforge/author.key)", "FILE"},
    {"passphrase-fd", 0, 0, G_OPTION_ARG_INT, &given.passphrase_fd, VF_CLI_PASSPHRASE_HELP, "N"},
    {"force", 0, 0, G_OPTION_ARG_NONE, &given.force, "Overwrite a signature that is there", NULL},
    G_OPTION_ENTRY_NULL,
};

/* As minisign words it. A name may hold what a comment may not. */
static char *
make_comment (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *shown = vf_text_clip (name, G_MAXINT);
  return g_strdup_printf ("timestamp:%" G_GINT64_FORMAT "\tfile:%s\thashed",
                          g_get_real_time () / G_USEC_PER_SEC, shown);
}

static int
open_file (const char *path, GError **error)
{
  struct stat st;
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &st) < 0) {
    vf_error_set_errno (error, "cannot open '%s'", path);
    return -1;
  }
  if (S_ISDIR (st.st_mode)) {
    vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is a folder: what is signed is a file", path);
    return -1;
  }
  return vf_fd_steal (&fd);
}

/* Of an image, what is signed is its manifest: it names the root of all its blocks. */
static gboolean
sign_image (VfCli *cli, const char *word, GError **error)
{
  if (!vf_cli_need_store (cli, "signing an image of the store", error))
    return FALSE;
  g_autoptr (VmforgeStore) store = NULL;
  g_autoptr (VfImage) image = vf_cli_take_image (cli, word, &store, error);
  if (image == NULL) {
    g_prefix_error (error, "'%s' is no file here, and as an image: ", word);
    return FALSE;
  }
  if (image->manifest == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is a stage: images and files are signed", word);
  g_autoptr (VfSignKey) key = vf_cli_load_author_key (cli, given.key, given.passphrase_fd, error);
  if (key == NULL)
    return FALSE;
  g_autofree char *text = vf_json_canonical (image->manifest);
  g_autofree char *signature = vf_sign_make (key, text, strlen (text), NULL, error);
  const char *signatures[] = {signature, NULL};
  if (signature == NULL || !vf_store_add_signatures (store, image->digest, signatures, error))
    return FALSE;
  vf_cli_update_repository (store);
  printf ("%s:%s@%s\n", image->name, image->version, image->arch);
  return TRUE;
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  const char *path = arguments[0];
  if (!vf_cli_check_passphrase_fd (given.passphrase_fd, COMMAND, error))
    return FALSE;
  /* A name of an image has no slash; a file of the same name comes first. */
  if (strchr (path, '/') == NULL && !vf_fs_exists (AT_FDCWD, path))
    return sign_image (cli, path, error);
  g_autofree char *target = g_strconcat (path, ".minisig", NULL);
  /* Before a passphrase is asked for. */
  vf_autofd int fd = open_file (path, error);
  if (fd < 0)
    return FALSE;
  if (!given.force && vf_fs_exists (AT_FDCWD, target))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' exists: --force overwrites it", target);
  vf_cli_catch_signals (cli, TRUE);
  g_autoptr (VfSignKey) key = vf_cli_load_author_key (cli, given.key, given.passphrase_fd, error);
  if (key == NULL)
    return FALSE;
  g_autofree char *comment = make_comment (path);
  g_autofree char *signature = vf_sign_make_fd (key, fd, comment, cli->cancellable, error);
  if (signature == NULL) {
    g_prefix_error (error, "'%s': ", path);
    return FALSE;
  }
  if (!vf_fs_write (AT_FDCWD, target, signature, strlen (signature), 0644, error))
    return FALSE;
  printf ("%s\n", target);
  return TRUE;
}

const VfCommand vf_command_sign = {
    .name = "sign",
    .arguments = "PATH|IMAGE",
    .summary = "Sign an image, or a file, with an author's key",
    .details = "Of an image, NAME[:VERSION][@ARCH] or a digest, the signature is kept and sent with it.\n"
               "Of a file it is PATH.minisig. `minisign -V` verifies both.",
    .options = VF_CLI_STORE | VF_CLI_STORAGE,
    .entries = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
