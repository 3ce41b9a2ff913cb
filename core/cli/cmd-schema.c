/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "spec/schema.h"
#include "support/suggest.h"

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  static const char *const names[] = {"spec", "profile", "config", "lock", NULL};
  const char *name = arguments[0] == NULL ? "spec" : arguments[0];
  if (!g_strv_contains (names, name)) {
    g_autofree char *hint = vf_suggest_hint (name, names);
    return vf_cli_usage_error (error, "vmforge schema", "no schema '%s'%s: spec, profile, config or lock",
                               name, hint);
  }
  const VfSchema *schema = g_str_equal (name, "spec")      ? vf_schema_spec ()
                           : g_str_equal (name, "profile") ? vf_schema_profile ()
                           : g_str_equal (name, "config")  ? vf_schema_config ()
                                                           : vf_schema_lock ();
  const char *text = vf_schema_get_text (schema);
  fputs (text, stdout);
  if (!g_str_has_suffix (text, "\n"))
    putchar ('\n');
  return TRUE;
}

const VfCommand vf_command_schema = {
    .name = "schema",
    .arguments = "[spec|profile|config|lock]",
    .summary = "Print the JSON Schema of specs, for editors",
    .max_arguments = 1,
    .run = run,
};
