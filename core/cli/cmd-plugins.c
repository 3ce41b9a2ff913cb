/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cmd-plugins.h"

#include "cli/table.h"
#include "plugin/plugin.h"
#include "support/error.h"
#include "support/suggest.h"

static const char *
kind_name (const VfPlugin *plugin)
{
  return plugin->kind == 0 ? "unknown" : vf_plugin_kind_name (plugin->kind);
}

static VfJson *
parameters_to_json (const struct vmforge_plugin *descriptor)
{
  VfJson *list = json_object_new_array ();
  for (const struct vmforge_parameter *p = descriptor->parameters; p != NULL && p->name != NULL; p++) {
    VfJson *json = json_object_new_object ();
    vf_json_set_string (json, "name", p->name);
    vf_json_set (json, "type", vf_cli_json_text (p->type));
    vf_json_set (json, "default", vf_cli_json_text (p->fallback));
    vf_json_set (json, "help", vf_cli_json_text (p->help));
    json_object_array_add (list, json);
  }
  return list;
}

static VfJson *
plugin_to_json (const VfPlugin *plugin)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "name", plugin->name);
  vf_json_set_string (json, "kind", kind_name (plugin));
  vf_json_set_string (json, "path", plugin->path);
  if (plugin->error != NULL)
    vf_json_set_string (json, "error", plugin->error->message);
  if (plugin->descriptor == NULL)
    return json;
  vf_json_set (json, "version", vf_cli_json_text (plugin->descriptor->version));
  vf_json_set (json, "description", vf_cli_json_text (plugin->descriptor->description));
  vf_json_set (json, "license", vf_cli_json_text (plugin->descriptor->license));
  vf_json_set_int (json, "abi", plugin->descriptor->abi);
  vf_json_set (json, "parameters", parameters_to_json (plugin->descriptor));
  return json;
}

static gboolean
run_list (VfCli *cli, char **arguments, GError **error)
{
  static const char *const heading[] = {"NAME", "KIND", "VERSION", "DESCRIPTION", NULL};
  if (!vf_cli_load_plugins (cli, error))
    return FALSE;
  g_autoptr (GPtrArray) plugins = vf_plugin_list ();
  g_autoptr (VfTable) table = vf_table_new (heading);
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < plugins->len; i++) {
    const VfPlugin *plugin = plugins->pdata[i];
    const struct vmforge_plugin *descriptor = plugin->descriptor;
    g_autofree char *broken =
        plugin->error == NULL ? NULL : g_strdup_printf ("broken: %s", plugin->error->message);
    vf_table_add (table, plugin->name, kind_name (plugin), descriptor == NULL ? NULL : descriptor->version,
                  broken != NULL       ? broken
                  : descriptor == NULL ? NULL
                                       : descriptor->description);
    json_object_array_add (list, plugin_to_json (plugin));
  }
  if (cli->json)
    vf_cli_print_json (g_steal_pointer (&list));
  else
    vf_table_print (table, stdout, FALSE);
  json_object_put (list);
  return TRUE;
}

static const VfPlugin *
find_plugin (const char *name, GError **error)
{
  g_autoptr (GPtrArray) plugins = vf_plugin_list ();
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; i < plugins->len; i++) {
    const VfPlugin *plugin = plugins->pdata[i];
    if (g_str_equal (plugin->name, name))
      return plugin;
    g_ptr_array_add (names, plugin->name);
  }
  g_ptr_array_add (names, NULL);
  g_autofree char *hint = vf_suggest_hint (name, (const char *const *)names->pdata);
  vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "no plugin '%s'%s: 'vmforge plugins list' shows them", name,
                hint);
  return NULL;
}

static void
print_plugin (const VfPlugin *plugin)
{
  const struct vmforge_plugin *descriptor = plugin->descriptor;
  vf_cli_print_fact ("name", plugin->name);
  vf_cli_print_fact ("kind", kind_name (plugin));
  vf_cli_print_fact ("path", plugin->path);
  if (plugin->error != NULL)
    vf_cli_print_fact ("error", plugin->error->message);
  if (descriptor == NULL)
    return;
  vf_cli_print_fact ("version", descriptor->version);
  vf_cli_print_fact ("description", descriptor->description);
  vf_cli_print_fact ("license", descriptor->license);
  printf ("abi=%u\n", descriptor->abi);
  for (const struct vmforge_parameter *p = descriptor->parameters; p != NULL && p->name != NULL; p++) {
    printf ("parameter.%s.type=%s\n", p->name, p->type == NULL ? "" : p->type);
    printf ("parameter.%s.default=%s\n", p->name, p->fallback == NULL ? "" : p->fallback);
    printf ("parameter.%s.help=%s\n", p->name, p->help == NULL ? "" : p->help);
  }
}

static gboolean
run_show (VfCli *cli, char **arguments, GError **error)
{
  const VfPlugin *plugin = vf_cli_load_plugins (cli, error) ? find_plugin (arguments[0], error) : NULL;
  if (plugin == NULL)
    return FALSE;
  if (cli->json)
    vf_cli_print_json (plugin_to_json (plugin));
  else
    print_plugin (plugin);
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
    {NULL},
};

const VfCommand vf_command_plugins = {
    .name = "plugins", .summary = "List, show and check plugins", .children = children};
