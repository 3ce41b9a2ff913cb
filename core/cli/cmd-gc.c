/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "support/error.h"
#include "support/units.h"

#define COMMAND      "vmforge gc"
#define DEFAULT_DAYS 30
#define MAX_DAYS     36500
#define NO_DAYS      G_MININT /* none were given */
#define DAY_SECONDS  (24 * 60 * 60)

static struct {
  int keep_days;
  char *max_size;
  gboolean dry_run;
} given = {.keep_days = NO_DAYS};

static const GOptionEntry entries[] = {
    {"keep-days", 0, 0, G_OPTION_ARG_INT, &given.keep_days,
     "Remove what was not used for N days (default: 30, unless --max-size is given)", "N"},
    {"max-size", 0, 0, G_OPTION_ARG_STRING, &given.max_size,
     "Remove what was not used for longest until the store is at most SIZE (default: its limit)", "SIZE"},
    {"dry-run", 0, 0, G_OPTION_ARG_NONE, &given.dry_run, "Say what would go, and remove nothing", NULL},
    G_OPTION_ENTRY_NULL,
};

/* What was removed, for the end. */
typedef struct {
  VfTable *table;
  VfJson *list;
} Report;

static void
on_removed (const VfGarbage *garbage, gpointer user_data)
{
  Report *report = user_data;
  gboolean stage = g_str_equal (garbage->kind, "stage");
  g_autofree char *name = stage ? g_strndup (garbage->name, 12) : g_strdup (garbage->name);
  g_autofree char *size = vf_units_format_size (garbage->bytes);
  g_autofree char *used = vf_cli_format_time (garbage->used);
  vf_table_add (report->table, garbage->kind, name, garbage->detail, size, used);
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "kind", garbage->kind);
  vf_json_set_string (json, "name", garbage->name);
  vf_json_set (json, "detail", vf_cli_json_text (garbage->detail));
  vf_json_set_int (json, "bytes", (gint64)garbage->bytes);
  vf_json_set_int (json, "used", garbage->used);
  json_object_array_add (report->list, json);
}

/* Takes list. */
static void
print_json (VfJson *list, const VfGcResult *result)
{
  VfJson *json = json_object_new_object ();
  vf_json_set (json, "removed", list);
  vf_json_set_bool (json, "dry_run", given.dry_run);
  vf_json_set_int (json, "bytes", (gint64)result->bytes);
  vf_json_set_int (json, "left", (gint64)result->left);
  vf_json_set_bool (json, "over_limit", result->in_need);
  vf_cli_print_json (json);
}

static void
print_table (const VfTable *table, const VfGcResult *result, guint64 max_bytes)
{
  g_autofree char *bytes = vf_units_format_size (result->bytes), *left = vf_units_format_size (result->left);
  if (result->count > 0)
    vf_table_print (table, stdout, TRUE);
  printf ("%s%u item%s, %s; the store %s %s\n", given.dry_run ? "would remove " : "removed ", result->count,
          result->count == 1 ? "" : "s", bytes, given.dry_run ? "would take" : "takes", left);
  if (!result->in_need)
    return;
  g_autofree char *most = vf_units_format_size (max_bytes);
  printf ("that is more than %s: all that is left is needed\n", most);
}

static gboolean
collect (VfCli *cli, VfGcOptions *options, GError **error)
{
  static const char *const heading[] = {"KIND", "NAME", "OF", ">SIZE", "LAST USED", NULL};
  g_autoptr (VmforgeStore) store = vf_cli_open_existing_store (cli, error);
  if (store == NULL)
    return FALSE;
  if (given.max_size == NULL)
    options->max_bytes = vf_store_limit (store);
  g_autoptr (VfTable) table = vf_table_new (heading);
  Report report = {table, json_object_new_array ()};
  VfGcResult result;
  gboolean done = vf_store_gc (store, options, on_removed, &report, &result, cli->cancellable, error);
  /* Also where it was stopped half way: what went is gone. */
  if (cli->json)
    print_json (report.list, &result);
  else {
    print_table (table, &result, options->max_bytes);
    json_object_put (report.list);
  }
  return done;
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  VfGcOptions options = {.dry_run = given.dry_run, .max_bytes = G_MAXUINT64};
  int days = given.keep_days == NO_DAYS && given.max_size == NULL ? DEFAULT_DAYS : given.keep_days;
  if ((given.keep_days < 0 && given.keep_days != NO_DAYS) || days > MAX_DAYS)
    return vf_cli_usage_error (error, COMMAND, "--keep-days is a number from 0 to %d, not '%d'", MAX_DAYS,
                               given.keep_days);
  if (given.max_size != NULL && !vf_units_parse_limit (given.max_size, &options.max_bytes))
    return vf_cli_usage_error (error, COMMAND, "--max-size is a size such as 20GiB, not '%s'",
                               given.max_size);
  options.keep_seconds = days < 0 ? -1 : (gint64)days * DAY_SECONDS;
  if (!vf_cli_need_store (cli, "collecting garbage", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  return collect (cli, &options, error);
}

const VfCommand vf_command_gc = {
    .name = "gc",
    .arguments = "",
    .summary = "Remove stages and cached files that nothing needs and nobody used for long",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON,
    .entries = entries,
    .run = run,
};
