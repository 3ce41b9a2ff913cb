/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "cli/table.h"
#include "support/checked.h"
#include "support/error.h"
#include "support/units.h"

#include <string.h>

static gboolean list_kept;

static const GOptionEntry list_entries[] = {
    {"kept", 0, 0, G_OPTION_ARG_NONE, &list_kept, "List the volumes that --keep-failed kept instead", NULL},
    G_OPTION_ENTRY_NULL,
};

static VfJson *
stage_to_json (const VfStage *stage, gboolean pinned)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "key", stage->key);
  vf_json_set_string (json, "stage", stage->stage);
  vf_json_set (json, "parent", vf_cli_json_text (stage->parent));
  vf_json_set (json, "spec", vf_cli_json_text (stage->spec_name));
  vf_json_set_string (json, "storage", stage->storage);
  vf_json_set_string (json, "volume", stage->volume);
  vf_json_set_int (json, "bytes", (gint64)stage->bytes);
  if (stage->own != G_MAXUINT64)
    vf_json_set_int (json, "own_bytes", (gint64)stage->own);
  vf_json_set_int (json, "built", stage->built);
  vf_json_set_int (json, "used", stage->used);
  vf_json_set_bool (json, "pinned", pinned);
  vf_json_set (json, "seconds", vf_cli_json_seconds (stage->seconds));
  return json;
}

static void
print_stages (const VfCli *cli, VmforgeStore *store, GPtrArray *stages)
{
  static const char *const heading[] = {"KEY",   "STAGE", "SPEC",    ">SIZE", "BUILT",
                                        ">TOOK", "USED",  "STORAGE", "PIN",   NULL};
  g_autoptr (VfTable) table = vf_table_new (heading);
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < stages->len; i++) {
    const VfStage *stage = stages->pdata[i];
    g_autofree char *key = g_strndup (stage->key, 12);
    g_autofree char *size = vf_units_format_size (stage->bytes);
    g_autofree char *built = vf_cli_format_time (stage->built);
    g_autofree char *took = vf_units_format_seconds (stage->seconds);
    g_autofree char *used = vf_cli_format_time (stage->used);
    gboolean pinned = vf_store_is_pinned (store, stage->key);
    vf_table_add (table, key, stage->stage, stage->spec_name, size, built, took, used, stage->storage,
                  pinned ? "pinned" : NULL);
    json_object_array_add (list, stage_to_json (stage, pinned));
  }
  vf_cli_print_list (cli, table, list);
}

static void
print_kept (const VfCli *cli, GPtrArray *volumes)
{
  static const char *const heading[] = {"VOLUME", "STAGE", "SPEC", "STARTED", "STORAGE", NULL};
  g_autoptr (VfTable) table = vf_table_new (heading);
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < volumes->len; i++) {
    const VfKept *kept = volumes->pdata[i];
    g_autofree char *started = vf_cli_format_time (kept->started);
    vf_table_add (table, kept->volume, kept->stage, kept->spec, started, kept->storage);
    VfJson *json = json_object_new_object ();
    vf_json_set_string (json, "volume", kept->volume);
    vf_json_set (json, "key", vf_cli_json_text (kept->key));
    vf_json_set (json, "stage", vf_cli_json_text (kept->stage));
    vf_json_set (json, "spec", vf_cli_json_text (kept->spec));
    vf_json_set_string (json, "storage", kept->storage);
    vf_json_set_int (json, "started", kept->started);
    json_object_array_add (list, json);
  }
  vf_cli_print_list (cli, table, list);
}

static gboolean
run_list (VfCli *cli, char **arguments, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  if (store == NULL)
    return FALSE;
  g_autoptr (GPtrArray) list =
      list_kept ? vf_store_list_kept (store, error) : vf_store_list_stages (store, error);
  if (list == NULL)
    return FALSE;
  if (list_kept)
    print_kept (cli, list);
  else
    print_stages (cli, store, list);
  return TRUE;
}

/* stages/KEY/stage.json, whatever storage holds the volume. */
static gboolean
run_show (VfCli *cli, char **arguments, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  g_autofree char *key = store == NULL ? NULL : vf_store_complete_key (store, arguments[0], error);
  if (key == NULL)
    return FALSE;
  g_autofree char *path = g_strdup_printf ("stages/%s/stage.json", key);
  g_autoptr (VfJson) json = vf_checked_read (store->fd, path, error);
  if (json == NULL)
    return FALSE;
  if (!cli->json) {
    vf_cli_print_json (g_steal_pointer (&json));
    return TRUE;
  }
  g_autofree char *canonical = vf_json_canonical (json);
  puts (canonical);
  return TRUE;
}

/* A kept volume has 32 characters at most, a key 64: an unambiguous prefix of either is taken. */
static gboolean
remove_one (VmforgeStore *store, const char *word, GError **error)
{
  g_autoptr (GError) unknown = NULL;
  g_autoptr (VfKept) kept = vf_store_find_kept (store, word, NULL);
  g_autofree char *key = vf_store_complete_key (store, word, &unknown);
  if (kept != NULL && key == NULL)
    return vf_store_remove_kept (store, kept, error);
  if (kept != NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "'%s' may be stage %.12s or kept volume %.12s: write more of it", word, key,
                         kept->volume);
  if (key != NULL)
    return vf_store_remove_stage (store, key, error);
  g_propagate_error (error, g_steal_pointer (&unknown));
  return FALSE;
}

static gboolean
run_rm (VfCli *cli, char **arguments, GError **error)
{
  return vf_cli_change_each (cli, arguments, "removing a stage", remove_one, NULL, error);
}

static gboolean
pin_one (VmforgeStore *store, const char *word, GError **error)
{
  g_autofree char *key = vf_store_complete_key (store, word, error);
  return key != NULL && vf_store_pin (store, key, TRUE, error);
}

static gboolean
unpin_one (VmforgeStore *store, const char *word, GError **error)
{
  g_autofree char *key = vf_store_complete_key (store, word, error);
  return key != NULL && vf_store_pin (store, key, FALSE, error);
}

static gboolean
run_keep (VfCli *cli, char **arguments, GError **error)
{
  return vf_cli_change_each (cli, arguments, "pinning a stage", pin_one, NULL, error);
}

static gboolean
run_unkeep (VfCli *cli, char **arguments, GError **error)
{
  return vf_cli_change_each (cli, arguments, "unpinning a stage", unpin_one, NULL, error);
}

static const VfCommand children[] = {
    {.name = "list",
     .arguments = "",
     .summary = "List the stages of the store",
     .options = VF_CLI_STORE | VF_CLI_JSON,
     .entries = list_entries,
     .run = run_list},
    {.name = "show",
     .arguments = "KEY",
     .summary = "Print what a stage was made of",
     .details = "The record is JSON in either case; with --json it is in canonical form.",
     .options = VF_CLI_STORE | VF_CLI_JSON,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = run_show},
    {.name = "keep",
     .arguments = "KEY...",
     .summary = "Pin stages: neither gc nor `stages rm` removes them",
     .options = VF_CLI_STORE | VF_CLI_STORAGE,
     .min_arguments = 1,
     .max_arguments = G_MAXUINT,
     .run = run_keep},
    {.name = "unkeep",
     .arguments = "KEY...",
     .summary = "Let go of stages that were pinned",
     .options = VF_CLI_STORE | VF_CLI_STORAGE,
     .min_arguments = 1,
     .max_arguments = G_MAXUINT,
     .run = run_unkeep},
    {.name = "rm",
     .arguments = "KEY|VOLUME...",
     .summary = "Remove stages that nothing needs, or volumes of failed builds that were kept",
     .options = VF_CLI_STORE | VF_CLI_STORAGE,
     .min_arguments = 1,
     .max_arguments = G_MAXUINT,
     .run = run_rm},
    {NULL},
};

const VfCommand vf_command_stages = {
    .name = "stages", .summary = "List, show, pin and remove the cached stages", .children = children};
