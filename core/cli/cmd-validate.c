/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

static void
print_result (const VfCli *cli, const char *path, const VmforgeSpec *spec, const GError *failure)
{
  if (!cli->json) {
    if (spec != NULL && !cli->quiet)
      printf ("%s: ok\n", path);
    return;
  }
  VfJson *event = json_object_new_object ();
  vf_json_set_string (event, "event", "spec");
  vf_json_set_string (event, "spec", path);
  vf_json_set_bool (event, "ok", spec != NULL);
  if (spec != NULL)
    vf_json_set_string (event, "name", vmforge_spec_get_name (spec));
  else
    vf_json_set_string (event, "message", failure->message);
  vf_cli_print_json_line (event);
}

/* The first bad spec ends it: each error is printed once, by main. */
static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  if (!vf_cli_load_plugins (cli, error))
    return FALSE;
  for (char **path = arguments; *path != NULL; path++) {
    g_autoptr (GError) failure = NULL;
    g_autoptr (VmforgeSpec) spec = vmforge_spec_load (*path, &failure);
    print_result (cli, *path, spec, failure);
    if (spec == NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  }
  return TRUE;
}

const VfCommand vf_command_validate = {
    .name = "validate",
    .arguments = "SPEC...",
    .summary = "Check specs, without network and root",
    .options = VF_CLI_PLUGIN | VF_CLI_JSON | VF_CLI_DISPLAY,
    .min_arguments = 1,
    .max_arguments = G_MAXUINT,
    .run = run,
};
