/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/display.h"

#include "build/output.h"
#include "support/error.h"
#include "support/suggest.h"

#include <string.h>

#define COMMAND  "vmforge build"
#define MAX_JOBS 256

static struct {
  char *until, *output, *format, *refresh;
  gboolean keep_failed, locked, offline, paranoid;
  int jobs;
} given = {.jobs = -1};

static const GOptionEntry entries[] = {
    {"until", 0, 0, G_OPTION_ARG_STRING, &given.until,
     "Build up to this stage: core, base, image or appliance", "STAGE"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &given.output, "Write the image there too: a file or a folder",
     "PATH"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &given.format, "Format instead of the spec's: raw or qcow2",
     "FORMAT"},
    {"jobs", 'j', 0, G_OPTION_ARG_INT, &given.jobs,
     "Stages to build at once (default: by processors and memory)", "N"},
    {"keep-failed", 0, 0, G_OPTION_ARG_NONE, &given.keep_failed,
     "Keep the volume of a failed stage for 'vmforge shell'", NULL},
    {"locked", 0, 0, G_OPTION_ARG_NONE, &given.locked, "Fail where a spec has no lock file beside it", NULL},
    {"paranoid", 0, 0, G_OPTION_ARG_NONE, &given.paranoid,
     "Read all of each volume, and compare with its block index", NULL},
    {"offline", 0, 0, G_OPTION_ARG_NONE, &given.offline, "Fetch nothing: use what the cache has", NULL},
    {"refresh", 0, 0, G_OPTION_ARG_STRING, &given.refresh,
     "Age of package metadata that is fresh enough (default: 1h; 0: always ask)", "AGE"},
    G_OPTION_ENTRY_NULL,
};

static gboolean
parse_until (VmforgeBuildOptions *options, GError **error)
{
  const char *names[VMFORGE_N_STAGES + 1] = {NULL};
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    names[i] = vmforge_stage_name (i);
    if (g_strcmp0 (given.until, names[i]) == 0) {
      options->has_until = TRUE;
      options->until = i;
    }
  }
  if (given.until == NULL || options->has_until)
    return TRUE;
  g_autofree char *hint = vf_suggest_hint (given.until, names);
  return vf_cli_usage_error (error, COMMAND, "--until is core, base, image or appliance, not '%s'%s",
                             given.until, hint);
}

static gboolean
parse_options (VmforgeBuildOptions *options, guint n_specs, GError **error)
{
  if (!parse_until (options, error) || !vf_cli_check_format (given.format, COMMAND, error) ||
      !vf_cli_parse_refresh (given.refresh, COMMAND, &options->refresh_seconds, error))
    return FALSE;
  if (given.jobs < -1 || given.jobs == 0 || given.jobs > MAX_JOBS)
    return vf_cli_usage_error (error, COMMAND, "--jobs is a number from 1 to %d, not '%d'", MAX_JOBS,
                               given.jobs);
  if (given.output != NULL && *given.output == '\0')
    return vf_cli_usage_error (error, COMMAND, "--output names a file or a folder, not ''");
  if (n_specs > 1 && given.output != NULL && !g_str_has_suffix (given.output, "/") &&
      !g_file_test (given.output, G_FILE_TEST_IS_DIR))
    return vf_cli_usage_error (error, COMMAND, "--output must be a folder for several specs, not '%s'",
                               given.output);
  options->jobs = given.jobs < 0 ? 0 : (guint)given.jobs;
  options->output = given.output;
  options->format = given.format;
  options->keep_failed = given.keep_failed;
  options->offline = given.offline;
  options->locked = given.locked;
  options->paranoid = given.paranoid;
  return TRUE;
}

static gboolean
build (VfCli *cli, GPtrArray *specs, const VmforgeBuildOptions *options, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store (cli, error);
  if (store == NULL)
    return FALSE;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfDisplay) display = vf_display_new (cli, specs);
  gboolean built = vmforge_build (store, (VmforgeSpec *const *)specs->pdata, specs->len, options,
                                  vf_display_event, display, cli->cancellable, &failure);
  vf_display_end (display, failure);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  return built;
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  VmforgeBuildOptions options = {0};
  if (!parse_options (&options, g_strv_length (arguments), error))
    return FALSE;
  g_autoptr (GPtrArray) specs = g_ptr_array_new_with_free_func ((GDestroyNotify)vmforge_spec_free);
  for (char **path = arguments; *path != NULL; path++) {
    VmforgeSpec *spec = vmforge_spec_load (*path, error);
    if (spec == NULL)
      return FALSE;
    g_ptr_array_add (specs, spec);
    if (!vf_output_check (spec, &options, error))
      return FALSE;
  }
  if (!vf_cli_need_root ("building an image", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  return build (cli, specs, &options, error);
}

const VfCommand vf_command_build = {
    .name = "build",
    .arguments = "SPEC...",
    .summary = "Build images from specs, reusing the stages that are there",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON | VF_CLI_DISPLAY,
    .entries = entries,
    .min_arguments = 1,
    .max_arguments = G_MAXUINT,
    .run = run,
};
