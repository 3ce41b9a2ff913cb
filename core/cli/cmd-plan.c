/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "cli/plan-tree.h"
#include "support/error.h"

#define COMMAND "vmforge plan"

static struct {
  char *refresh;
  gboolean dot, locked, offline;
} given;

static const GOptionEntry entries[] = {
    {"dot", 0, 0, G_OPTION_ARG_NONE, &given.dot, "Print a graph for Graphviz", NULL},
    {"locked", 0, 0, G_OPTION_ARG_NONE, &given.locked, "Fail where a spec has no lock file beside it", NULL},
    {"offline", 0, 0, G_OPTION_ARG_NONE, &given.offline, "Fetch nothing: use what the cache has", NULL},
    {"refresh", 0, 0, G_OPTION_ARG_STRING, &given.refresh,
     "Age of package metadata that is fresh enough (default: 1h; 0: always ask)", "AGE"},
    G_OPTION_ENTRY_NULL,
};

static void
plan_free (gpointer plan)
{
  vf_plan_free (plan);
}

static gboolean
print (const VfCli *cli, VmforgeStore *store, GPtrArray *plans, GError **error)
{
  g_autoptr (VfPlanTree) tree = vf_plan_tree_new ();
  g_autoptr (GPtrArray) known = vf_store_list_stages (store, error);
  if (known == NULL)
    return FALSE;
  for (guint i = 0; i < plans->len; i++)
    if (!vf_plan_tree_add (tree, store, known, g_ptr_array_index (plans, i), error))
      return FALSE;
  if (cli->json)
    vf_cli_print_json (vf_plan_tree_to_json (tree));
  else if (given.dot)
    vf_plan_tree_print_dot (tree);
  else
    vf_plan_tree_print (tree);
  return TRUE;
}

/* Resolves as a build does, and builds nothing. */
static gboolean
plan (VfCli *cli, GPtrArray *specs, int refresh_seconds, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store (cli, error);
  if (store == NULL)
    return FALSE;
  g_autofree char *cache = g_build_filename (store->path, "cache", "packages", NULL);
  VfHost host = {.cancellable = cli->cancellable, .package_cache = cache};
  const VfPlanContext context = {.store = store,
                                 .host = &host,
                                 .offline = given.offline,
                                 .refresh_seconds = refresh_seconds,
                                 .lock = given.locked ? VF_PLAN_LOCK_REQUIRED : VF_PLAN_LOCK_IF_THERE};
  g_autoptr (GPtrArray) plans = g_ptr_array_new_with_free_func (plan_free);
  for (guint i = 0; i < specs->len; i++) {
    VmforgeSpec *spec = g_ptr_array_index (specs, i);
    VfPlan *one = vf_plan_new (&context, spec, VMFORGE_N_STAGES, error);
    if (one == NULL) {
      g_prefix_error (error, "%s: ", spec->path);
      return FALSE;
    }
    g_ptr_array_add (plans, one);
  }
  return print (cli, store, plans, error);
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  int refresh_seconds = VF_PLAN_REFRESH_SECONDS;
  if (given.dot && cli->json)
    return vf_cli_usage_error (error, COMMAND, "--dot and --json are two ways to print: give one");
  if (!vf_cli_parse_refresh (given.refresh, COMMAND, &refresh_seconds, error))
    return FALSE;
  g_autoptr (GPtrArray) specs = g_ptr_array_new_with_free_func ((GDestroyNotify)vmforge_spec_free);
  for (char **path = arguments; *path != NULL; path++) {
    VmforgeSpec *spec = vmforge_spec_load (*path, error);
    if (spec == NULL)
      return FALSE;
    g_ptr_array_add (specs, spec);
  }
  if (!vf_cli_need_root ("planning", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  return plan (cli, specs, refresh_seconds, error);
}

const VfCommand vf_command_plan = {
    .name = "plan",
    .arguments = "SPEC...",
    .summary = "Show what a build would reuse and what it would build, and why",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON,
    .entries = entries,
    .min_arguments = 1,
    .max_arguments = G_MAXUINT,
    .run = run,
};
