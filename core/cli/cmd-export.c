/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "image/image.h"
#include "support/error.h"

#define COMMAND "vmforge export"

static struct {
  char *output, *format;
} given;

static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &given.output,
     "Where to: a file, a folder, or - for standard output (default: this folder)", "PATH"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &given.format,
     "raw or qcow2 (default: as the file's name says, else raw)", "FORMAT"},
    G_OPTION_ENTRY_NULL,
};

/* NULL with error. */
static const char *
choose_format (GError **error)
{
  const char *named = vf_image_format_of_name (given.output);
  if (given.format != NULL || named != NULL)
    return given.format != NULL ? given.format : named;
  return given.output == NULL || vf_image_check_ending (given.output, error) ? "raw" : NULL;
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  const char *format = choose_format (error);
  if (format == NULL || !vf_cli_check_format (format, COMMAND, error) ||
      !vf_cli_need_store (cli, "exporting an image", error))
    return FALSE;
  g_autoptr (VmforgeStore) store = NULL;
  g_autoptr (VfImage) image = vf_cli_take_image (cli, arguments[0], &store, error);
  if (image == NULL)
    return FALSE;
  g_autofree char *path = vf_image_output_path (image, format, given.output == NULL ? "." : given.output);
  if (!vf_image_export (store, image, format, path, NULL, NULL, cli->cancellable, error))
    return FALSE;
  if (g_str_equal (path, "-"))
    return TRUE;
  if (cli->json) {
    VfJson *json = json_object_new_object ();
    vf_json_set_string (json, "path", path);
    vf_json_set_string (json, "format", format);
    vf_cli_print_json (json);
  } else if (!cli->quiet)
    puts (path);
  return TRUE;
}

const VfCommand vf_command_export = {
    .name = "export",
    .arguments = "IMAGE",
    .summary = "Write an image to a file, raw or qcow2",
    .details = "IMAGE is NAME[:VERSION][@ARCH], a digest or a stage key.",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON | VF_CLI_DISPLAY,
    .entries = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
