/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "image/image.h"
#include "support/units.h"

#include <string.h>
#include <unistd.h>

#define COMMAND "vmforge run"

static struct {
  char *firmware, *memory, *disk_size;
  int cpus;
  gboolean autologin, graphical;
} given;

static const GOptionEntry entries[] = {
    {"firmware", 0, 0, G_OPTION_ARG_STRING, &given.firmware,
     "bios or uefi (default: bios where the image has it)", "FIRMWARE"},
    {"memory", 'm', 0, G_OPTION_ARG_STRING, &given.memory, "Memory of the machine (default: 1GiB)", "SIZE"},
    {"cpus", 0, 0, G_OPTION_ARG_INT, &given.cpus, "Processors of the machine (default: up to 2)", "N"},
    {"disk-size", 0, 0, G_OPTION_ARG_STRING, &given.disk_size, "Grow the clone's disk to this", "SIZE"},
    {"autologin", 0, 0, G_OPTION_ARG_NONE, &given.autologin, "Log root in on the clone's serial console",
     NULL},
    {"graphical", 0, 0, G_OPTION_ARG_NONE, &given.graphical, "Open a window with the screen too", NULL},
    G_OPTION_ENTRY_NULL,
};

static gboolean
parse_size (const char *option, const char *text, guint64 *bytes, GError **error)
{
  return text == NULL || (vf_units_parse_size (text, bytes) && *bytes > 0) ||
         vf_cli_usage_error (error, COMMAND, "%s takes a size such as 2GiB, not '%s'", option, text);
}

static gboolean
parse_options (VfImageRun *options, GError **error)
{
  if (given.firmware != NULL && !g_str_equal (given.firmware, "bios") &&
      !g_str_equal (given.firmware, "uefi"))
    return vf_cli_usage_error (error, COMMAND, "--firmware is bios or uefi, not '%s'", given.firmware);
  if (given.cpus < 0 || given.cpus > 255)
    return vf_cli_usage_error (error, COMMAND, "--cpus is a number from 1 to 255, not %d", given.cpus);
  options->firmware = given.firmware;
  options->cpus = given.cpus;
  options->autologin = given.autologin;
  options->graphical = given.graphical;
  return parse_size ("--memory", given.memory, &options->memory, error) &&
         parse_size ("--disk-size", given.disk_size, &options->disk_size, error);
}

/* The machine would run on, and nobody could talk to it or end it. */
static gboolean
check_terminal (GError **error)
{
  if (given.graphical || isatty (STDIN_FILENO))
    return TRUE;
  return vf_cli_usage_error (error, COMMAND,
                             "standard input is no terminal to talk to the machine: run it in one, or with "
                             "--graphical");
}

static void
print_note (const char *line, gpointer user_data)
{
  const VfCli *cli = user_data;
  if (!cli->quiet)
    fprintf (stderr, "vmforge: %s\n", line);
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  VfImageRun options = {.note = print_note, .user_data = cli};
  if (!parse_options (&options, error) || !vf_cli_need_store (cli, "booting a clone", error))
    return FALSE;
  if (!check_terminal (error))
    return FALSE;
  options.extra = arguments + 1;
  g_autoptr (VmforgeStore) store = NULL;
  g_autoptr (VfImage) image = vf_cli_take_image (cli, arguments[0], &store, error);
  return image != NULL && vf_image_run (store, image, &options, cli->cancellable, error);
}

const VfCommand vf_command_run = {
    .name = "run",
    .arguments = "IMAGE [-- QEMU-ARGUMENT...]",
    .summary = "Boot a throw-away clone of an image in QEMU on this terminal",
    .details = "IMAGE is NAME[:VERSION][@ARCH], a digest or a stage key. Ctrl-a x ends the machine.",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_DISPLAY,
    .entries = entries,
    .min_arguments = 1,
    .max_arguments = G_MAXUINT,
    .run = run,
};
