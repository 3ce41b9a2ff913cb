/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "image/image.h"

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  if (!vf_cli_need_root ("entering a volume", error))
    return FALSE;
  vf_cli_catch_signals (cli, FALSE);
  g_autoptr (VmforgeStore) store = vf_cli_open_existing_store (cli, error);
  return store != NULL && vf_image_shell (store, arguments[0], cli->cancellable, error);
}

const VfCommand vf_command_shell = {
    .name = "shell",
    .arguments = "VOLUME|IMAGE",
    .summary = "Open a shell in a volume that a failed build kept, or in a throw-away clone of an image",
    .options = VF_CLI_STORE | VF_CLI_STORAGE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
