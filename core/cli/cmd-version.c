/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "support/paths.h"

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  if (cli->json) {
    VfJson *json = json_object_new_object ();
    vf_json_set_string (json, "version", VMFORGE_VERSION);
    vf_json_set_string (json, "config_file", vf_paths_config_file ());
    vf_cli_print_json (json);
  } else
    puts ("vmforge " VMFORGE_VERSION);
  return TRUE;
}

const VfCommand vf_command_version = {
    .name = "version",
    .arguments = "",
    .summary = "Print the version",
    .options = VF_CLI_JSON,
    .run = run,
};
