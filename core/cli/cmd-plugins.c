/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cmd-plugins.h"

#include "check/check.h"
#include "cli/table.h"
#include "plugin/plugin.h"
#include "support/error.h"
#include "support/suggest.h"

/* What is to be said of a plugin. Its own code runs in another process: a broken one breaks nothing here. */
static VfJson *
describe (const VfCli *cli, const VfPlugin *plugin)
{
  g_autoptr (GError) error = NULL;
  if (plugin->error == NULL) {
    VfJson *facts = vf_check_describe (plugin->path, cli->cancellable, &error);
    if (facts != NULL) {
      vf_json_set_string (facts, "path", plugin->path);
      return facts;
    }
  }
  VfJson *facts = json_object_new_object ();
  vf_json_set_string (facts, "name", plugin->name);
  vf_json_set_string (facts, "kind", plugin->kind == 0 ? "unknown" : vf_plugin_kind_name (plugin->kind));
  vf_json_set_string (facts, "path", plugin->path);
  vf_json_set_string (facts, "error", (plugin->error != NULL ? plugin->error : error)->message);
  return facts;
}

static gboolean
add_plugins (const VfCli *cli, GError **error)
{
  for (char **path = cli->plugins; path != NULL && *path != NULL; path++)
    if (!vf_plugin_add (*path, error))
      return FALSE;
  return TRUE;
}

static void
add_row (VfTable *table, VfJson *facts)
{
  const char *error = vf_json_string (facts, "error", NULL);
  g_autofree char *broken = error == NULL ? NULL : g_strdup_printf ("broken: %s", error);
  vf_table_add (table, vf_json_string (facts, "name", NULL), vf_json_string (facts, "kind", NULL),
                vf_json_string (facts, "version", NULL),
                broken != NULL ? broken : vf_json_string (facts, "description", NULL));
}

static gboolean
run_list (VfCli *cli, char **arguments, GError **error)
{
  static const char *const heading[] = {"NAME", "KIND", "VERSION", "DESCRIPTION", NULL};
  if (!add_plugins (cli, error))
    return FALSE;
  g_autoptr (GPtrArray) plugins = vf_plugin_scan ();
  g_autoptr (VfTable) table = vf_table_new (heading);
  g_autoptr (VfJson) list = json_object_new_array ();
  for (guint i = 0; i < plugins->len; i++) {
    VfJson *facts = describe (cli, plugins->pdata[i]);
    json_object_array_add (list, facts);
    add_row (table, facts);
  }
  if (cli->json)
    vf_cli_print_json (g_steal_pointer (&list));
  else
    vf_table_print (table, stdout, FALSE);
  return TRUE;
}

static const VfPlugin *
find_plugin (const char *name, GError **error)
{
  g_autoptr (GPtrArray) plugins = vf_plugin_scan ();
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; i < plugins->len; i++) {
    const VfPlugin *plugin = plugins->pdata[i];
    if (g_strcmp0 (plugin->name, name) == 0)
      return plugin;
    if (plugin->name != NULL)
      g_ptr_array_add (names, plugin->name);
  }
  g_ptr_array_add (names, NULL);
  g_autofree char *hint = vf_suggest_hint (name, (const char *const *)names->pdata);
  vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "no plugin '%s'%s: 'vmforge plugins list' shows them", name,
                hint);
  return NULL;
}

static void
print_parameters (VfJson *parameters)
{
  static const char *const members[] = {"type", "default", "help"};
  for (gsize i = 0; parameters != NULL && i < json_object_array_length (parameters); i++) {
    VfJson *parameter = json_object_array_get_idx (parameters, i);
    for (guint j = 0; j < G_N_ELEMENTS (members); j++)
      printf ("parameter.%s.%s=%s\n", vf_json_string (parameter, "name", ""), members[j],
              vf_json_string (parameter, members[j], ""));
  }
}

static void
print_plugin (VfJson *facts)
{
  static const char *const members[] = {"name", "kind", "path", "error", "version", "description", "license"};
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    if (json_object_object_get_ex (facts, members[i], NULL))
      vf_cli_print_fact (members[i], vf_json_string (facts, members[i], NULL));
  if (json_object_object_get_ex (facts, "abi", NULL))
    printf ("abi=%" G_GINT64_FORMAT "\n", vf_json_int (facts, "abi", 0));
  print_parameters (vf_json_array (facts, "parameters"));
}

static gboolean
run_show (VfCli *cli, char **arguments, GError **error)
{
  const VfPlugin *plugin = add_plugins (cli, error) ? find_plugin (arguments[0], error) : NULL;
  if (plugin == NULL)
    return FALSE;
  g_autoptr (VfJson) facts = describe (cli, plugin);
  if (cli->json)
    vf_cli_print_json (g_steal_pointer (&facts));
  else
    print_plugin (facts);
  return TRUE;
}

static const VfCommand children[] = {
    {.name = "list",
     .arguments = "",
     .summary = "List the plugins that were found, broken ones too",
     .options = VF_CLI_PLUGIN | VF_CLI_JSON,
     .run = run_list},
    {.name = "show",
     .arguments = "NAME",
     .summary = "Print the facts and parameters of a plugin",
     .options = VF_CLI_PLUGIN | VF_CLI_JSON,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = run_show},
    {.name = "check",
     .arguments = "FILE.so",
     .summary = "Run the conformance suite of its kind against a plugin",
     .details = "Each case runs in a process of its own, with a time limit.",
     .options = VF_CLI_JSON,
     .entries = vf_cli_plugins_check_entries,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = vf_cli_plugins_check},
    {.name = "new",
     .arguments = "KIND NAME [DIR]",
     .summary = "Write a project to begin a plugin with",
     .options = VF_CLI_JSON,
     .min_arguments = 2,
     .max_arguments = 3,
     .run = vf_cli_plugins_new},
    {NULL},
};

const VfCommand vf_command_plugins = {
    .name = "plugins", .summary = "List, show, check and begin plugins", .children = children};
