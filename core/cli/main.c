/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The table of commands, and the only place that exits. */
#include "cli/cli.h"

#include "support/error.h"
#include "support/suggest.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

const VfCommand *const vf_commands[] = {
    &vf_command_build,  &vf_command_plan,   &vf_command_lock,    &vf_command_validate,
    &vf_command_schema, &vf_command_stages, &vf_command_images,  &vf_command_plugins,
    &vf_command_store,  &vf_command_run,    &vf_command_shell,   &vf_command_export,
    &vf_command_push,   &vf_command_pull,   &vf_command_receive, &vf_command_repo,
    &vf_command_verify, &vf_command_diff,   &vf_command_gc,      &vf_command_fsck,
    &vf_command_key,    &vf_command_sign,   &vf_command_version, NULL,
};

static const VfCommand *
find_command (const char *name, GError **error)
{
  const char *names[G_N_ELEMENTS (vf_commands) + 1] = {NULL};
  guint n = 0;
  for (const VfCommand *const *command = vf_commands; *command != NULL; command++) {
    if (g_str_equal ((*command)->name, name))
      return *command;
    names[n++] = (*command)->name;
  }
  names[n] = "help";
  g_autofree char *hint = vf_suggest_hint (name, names);
  vf_cli_usage_error (error, "vmforge", "unknown command '%s'%s", name, hint);
  return NULL;
}

/* What a group does that is named alone, or with options alone; NULL if it must be told. */
static const VfCommand *
find_list (const VfCommand *group)
{
  for (const VfCommand *child = group->children; child->name != NULL; child++)
    if (g_str_equal (child->name, "list"))
      return child;
  return NULL;
}

static char *
group_help (const VfCommand *group, const char *path)
{
  GString *help = g_string_new (NULL);
  g_string_append_printf (help, "Usage:\n  %s COMMAND [OPTION...]\n\n%s.\n\nCommands:\n", path,
                          group->summary);
  for (const VfCommand *child = group->children; child->name != NULL; child++)
    g_string_append_printf (help, "  %-8s %s\n", child->name, child->summary);
  g_string_append_printf (help,
                          "%s\n'%s COMMAND --help' shows the options of a command.\n"
                          "More: man vmforge-%s\n",
                          find_list (group) != NULL ? "\nWithout a command: list.\n" : "", path, group->name);
  return g_string_free (help, FALSE);
}

static const VfCommand *
find_child (const VfCommand *group, const char *path, const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const VfCommand *child = group->children; child->name != NULL; child++) {
    if (g_strcmp0 (child->name, name) == 0)
      return child;
    g_ptr_array_add (names, (gpointer)child->name);
  }
  g_ptr_array_add (names, NULL);
  if (name == NULL || *name == '-') {
    g_autofree char *known = g_strjoinv (", ", (char **)names->pdata);
    vf_cli_usage_error (error, path, "'%s' needs one of %s", path, known);
    return NULL;
  }
  g_autofree char *hint = vf_suggest_hint (name, (const char *const *)names->pdata);
  vf_cli_usage_error (error, path, "unknown command '%s %s'%s", group->name, name, hint);
  return NULL;
}

/* argv[0] is the last word of the command's name. */
static gboolean
run_command (VfCli *cli, const VfCommand *command, const char *path, char **argv, GError **error)
{
  g_auto (GStrv) arguments = NULL;
  if (!vf_cli_parse (cli, command, path, argv, &arguments, error))
    return FALSE;
  if (cli->help) {
    g_autofree char *help = vf_cli_help (cli, command, path);
    fputs (help, stdout);
    return TRUE;
  }
  if (cli->verbose)
    g_log_set_debug_enabled (TRUE);
  return command->run (cli, arguments, error);
}

static gboolean
run_group (VfCli *cli, const VfCommand *group, const char *path, char **argv, GError **error)
{
  const char *name = argv[1];
  if (cli->help || g_strcmp0 (name, "--help") == 0 || g_strcmp0 (name, "-h") == 0) {
    if (name == NULL || *name == '-') {
      g_autofree char *help = group_help (group, path);
      fputs (help, stdout);
      return TRUE;
    }
  }
  const VfCommand *list = name == NULL || *name == '-' ? find_list (group) : NULL;
  const VfCommand *child = list != NULL ? list : find_child (group, path, name, error);
  if (child == NULL)
    return FALSE;
  g_autofree char *child_path = g_strdup_printf ("%s %s", path, child->name);
  return run_command (cli, child, child_path, list != NULL ? argv : argv + 1, error);
}

/* Before GOption, which speaks of conversions. */
static gboolean
check_words (VfCli *cli, char **argv, GError **error)
{
  for (char **word = argv + 1; *word != NULL; word++) {
    if (vf_error_check_utf8 ("an argument", *word, error))
      continue;
    cli->json = g_strv_contains ((const char *const *)argv, "--json");
    return FALSE;
  }
  return TRUE;
}

static gboolean
dispatch (VfCli *cli, char **argv, GError **error)
{
  guint used = 0;
  if (!check_words (cli, argv, error) || !vf_cli_parse_global (cli, argv, &used, error))
    return FALSE;
  char **words = argv + 1 + used;
  if (cli->version)
    return vf_command_version.run (cli, words, error);
  if (words[0] != NULL && g_str_equal (words[0], "help")) {
    cli->help = TRUE;
    words++;
  }
  if (words[0] == NULL && !cli->help)
    return vf_cli_usage_error (error, "vmforge", "no command given");
  if (words[0] == NULL) {
    g_autofree char *help = vf_cli_global_help (cli);
    fputs (help, stdout);
    return TRUE;
  }
  const VfCommand *command = find_command (words[0], error);
  if (command == NULL)
    return FALSE;
  g_autofree char *path = g_strdup_printf ("vmforge %s", command->name);
  return command->children != NULL ? run_group (cli, command, path, words, error)
                                   : run_command (cli, command, path, words, error);
}

static int
report (const VfCli *cli, const GError *error)
{
  int status = vf_error_exit_status (error);
  if (cli->json) {
    /* What others said may be in any encoding. */
    g_autofree char *message = g_utf8_make_valid (error->message, -1);
    VfJson *event = json_object_new_object ();
    vf_json_set_string (event, "event", "error");
    vf_json_set_string (event, "message", message);
    vf_json_set_int (event, "status", status);
    vf_cli_print_json_line (event);
  }
  fprintf (stderr, "vmforge: %s\n", error->message);
  return status;
}

static void
cli_clear (VfCli *cli)
{
  g_free (cli->store);
  g_free (cli->storage);
  g_free (cli->transport);
  g_strfreev (cli->plugins);
  g_free (cli->color);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  VfCli cli = {.program = strchr (argv[0], '/') != NULL ? argv[0] : "vmforge"};
  setlocale (LC_ALL, "");
  g_set_prgname ("vmforge");
  g_log_writer_default_set_use_stderr (TRUE);
  int status = dispatch (&cli, argv, &error) ? cli.status : report (&cli, error);
  /* Output that was lost is a failure too. */
  if ((fflush (stdout) != 0 || ferror (stdout)) && status == 0) {
    fprintf (stderr, "vmforge: cannot write to standard output\n");
    status = 1;
  }
  cli_clear (&cli);
  return status;
}
