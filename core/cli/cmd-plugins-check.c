/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cmd-plugins.h"

#include "check/check.h"
#include "support/error.h"

static struct {
  char *only, *parameters, *spec, *work;
  int seconds;
  gint64 seed;
} option = {.seconds = -1, .seed = -1};

const GOptionEntry vf_cli_plugins_check_entries[] = {
    {"case", 0, 0, G_OPTION_ARG_STRING, &option.only, "Run this case alone", "NAME"},
    {"parameters", 0, 0, G_OPTION_ARG_STRING, &option.parameters,
     "Parameters of a storage plugin, as in --storage NAME:key=value,...", "KEY=VALUE,..."},
    {"spec", 0, 0, G_OPTION_ARG_FILENAME, &option.spec, "A spec that a package plugin can build", "FILE"},
    {"work", 0, 0, G_OPTION_ARG_FILENAME, &option.work, "Make the temporary store below this folder", "DIR"},
    {"time-limit", 0, 0, G_OPTION_ARG_INT, &option.seconds, "The most that a case may take (60)", "SECONDS"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option.seed, "Repeat the random choices of an earlier run", "NUMBER"},
    {NULL}};

static const char *const outcomes[] = {
    [VF_CHECK_PASSED] = "passed", [VF_CHECK_FAILED] = "FAILED", [VF_CHECK_SKIPPED] = "skipped"};

static void
tell_line (const VfCheckResult *result, gpointer user_data)
{
  printf ("%-8s %-12s %6.1f s  %s\n", outcomes[result->outcome], result->name, result->seconds,
          result->summary);
  if (result->note != NULL)
    printf ("%*s%s\n", 32, "", result->note);
  fflush (stdout);
}

static void
tell_json (const VfCheckResult *result, gpointer user_data)
{
  VfJson *json = json_object_new_object ();
  g_autofree char *outcome = g_ascii_strdown (outcomes[result->outcome], -1);
  vf_json_set_string (json, "event", "case");
  vf_json_set_string (json, "case", result->name);
  vf_json_set_string (json, "outcome", outcome);
  vf_json_set_string (json, "summary", result->summary);
  vf_json_set (json, "note", vf_cli_json_text (result->note));
  vf_json_set (json, "seconds", vf_cli_json_seconds (result->seconds));
  vf_cli_print_json_line (json);
}

/* A spec that is wrong is an error of usage, not of the plugin. */
static gboolean
check_spec (GError **error)
{
  g_autoptr (VmforgeSpec) spec = option.spec == NULL ? NULL : vmforge_spec_load (option.spec, error);
  return option.spec == NULL || spec != NULL;
}

static gboolean
check_options (GError **error)
{
  if (option.seconds != -1 && (option.seconds < 1 || option.seconds > 86400))
    return vf_cli_usage_error (error, "vmforge plugins check", "--time-limit must be 1 to 86400 seconds");
  if (option.seed < -1 || option.seed > G_MAXUINT32)
    return vf_cli_usage_error (error, "vmforge plugins check", "--seed must be 0 to %u", G_MAXUINT32);
  return check_spec (error) && vf_cli_need_root ("checking a plugin", error);
}

gboolean
vf_cli_plugins_check (VfCli *cli, char **arguments, GError **error)
{
  if (!check_options (error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  g_autofree char *spec = option.spec == NULL ? NULL : g_canonicalize_filename (option.spec, NULL);
  VfCheckOptions options = {
      .parameters = option.parameters,
      .spec = spec,
      .work = option.work,
      .only = option.only,
      .seconds = (guint)MAX (option.seconds, 0),
      .seed = option.seed < 0 ? g_random_int () : (guint32)option.seed,
  };
  VfCheckTotals totals = {0};
  if (!vf_check_plugin (arguments[0], &options, cli->json ? tell_json : tell_line, NULL, &totals,
                        cli->cancellable, error))
    return FALSE;
  if (!cli->json)
    printf ("%u passed, %u failed, %u skipped (seed %u)\n", totals.passed, totals.failed, totals.skipped,
            options.seed);
  fflush (stdout);
  return totals.failed == 0 || vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' fails %u of %u cases",
                                             arguments[0], totals.failed, totals.passed + totals.failed);
}
