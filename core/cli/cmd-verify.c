/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "repository/verify.h"
#include "support/error.h"

#include <unistd.h>

static struct {
  gboolean quick;
} given;

static const GOptionEntry entries[] = {
    {"quick", 0, 0, G_OPTION_ARG_NONE, &given.quick, "Signatures and index alone, not the blocks", NULL},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
  const VfCli *cli;
  VfJson *steps; /* NULL: lines */
  gboolean drawn;
} Output;

static void
clear (Output *output)
{
  if (output->drawn)
    fputs ("\r\033[K", stderr);
  output->drawn = FALSE;
}

static void
on_step (gboolean good, const char *what, gpointer user_data)
{
  Output *output = user_data;
  clear (output);
  if (output->steps == NULL) {
    if (good && output->cli->quiet)
      return;
    printf ("%s %s\n", good ? "good" : "BAD ", what);
    return;
  }
  VfJson *step = json_object_new_object ();
  vf_json_set_bool (step, "good", good);
  vf_json_set_string (step, "what", what);
  json_object_array_add (output->steps, step);
}

static void
on_progress (double fraction, gpointer user_data)
{
  Output *output = user_data;
  if (output->steps != NULL || output->cli->quiet || !isatty (STDERR_FILENO))
    return;
  fprintf (stderr, "\rreading blocks: %.0f %%", fraction * 100);
  output->drawn = TRUE;
}

/* One document, whether or not the image is good. Takes steps. */
static void
end_json (VfCli *cli, VfJson *steps, const GError *failure)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_bool (json, "good", failure == NULL);
  vf_json_set (json, "steps", steps);
  if (failure != NULL) {
    vf_json_set_string (json, "message", failure->message);
    cli->status = vf_error_exit_status (failure);
    fprintf (stderr, "vmforge: %s\n", failure->message);
  }
  vf_cli_print_json (json);
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  if (!vf_cli_need_store (cli, "reading volumes", error))
    return FALSE;
  g_autoptr (VmforgeStore) store = NULL;
  g_autoptr (VfImage) image = vf_cli_take_image (cli, arguments[0], &store, error);
  if (image == NULL)
    return FALSE;
  Output output = {.cli = cli, .steps = cli->json ? json_object_new_array () : NULL};
  const VfVerifyWatcher watcher = {.step = on_step, .progress = on_progress, .user_data = &output};
  g_autoptr (GError) failure = NULL;
  vf_image_verify (store, image, given.quick, &watcher, &failure);
  clear (&output);
  if (output.steps != NULL) {
    end_json (cli, output.steps, failure);
    return TRUE;
  }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

const VfCommand vf_command_verify = {
    .name = "verify",
    .arguments = "IMAGE",
    .summary = "Check the signatures of an image, and every block of it",
    .details =
        "IMAGE is NAME[:VERSION][@ARCH] or a digest. Which signatures it needs is said by 'policy' in\n"
        "/etc/vmforge/vmforge.yaml: vmforge.yaml(5).",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON | VF_CLI_DISPLAY,
    .entries = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
