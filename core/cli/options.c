/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Options by GOption, less its habit to print and exit: help is an option like others, errors have
 * suggestions. */
#include "cli/cli.h"

#include "support/error.h"
#include "support/suggest.h"

#include <string.h>

#define MAX_ENTRIES 24

/* The shared options that `options` (VF_CLI_…) selects. */
static guint
collect_shared (VfCli *cli, guint options, GOptionEntry *entries)
{
  const struct {
    guint when; /* 0: always */
    GOptionEntry entry;
  } shared[] = {
      {VF_CLI_STORE,
       {"store", 0, 0, G_OPTION_ARG_FILENAME, &cli->store, "State folder (default: /var/lib/vmforge)",
        "DIR"}},
      {VF_CLI_STORAGE,
       {"storage", 0, 0, G_OPTION_ARG_STRING, &cli->storage, "Where volumes live", "NAME[:KEY=VALUE,...]"}},
      {VF_CLI_TRANSPORT,
       {"transport", 0, 0, G_OPTION_ARG_STRING, &cli->transport, "How images travel",
        "NAME[:KEY=VALUE,...]"}},
      {VF_CLI_STORE | VF_CLI_PLUGIN,
       {"plugin", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &cli->plugins, "Load this plugin too (repeatable)",
        "FILE.so"}},
      {VF_CLI_JSON, {"json", 0, 0, G_OPTION_ARG_NONE, &cli->json, "Print JSON for programs", NULL}},
      {VF_CLI_DISPLAY,
       {"quiet", 'q', 0, G_OPTION_ARG_NONE, &cli->quiet, "Print warnings and errors alone", NULL}},
      {VF_CLI_DISPLAY,
       {"color", 0, 0, G_OPTION_ARG_STRING, &cli->color, "Colours: auto, always or never", "WHEN"}},
      {0, {"verbose", 'v', 0, G_OPTION_ARG_NONE, &cli->verbose, "Tell more", NULL}},
      {0, {"help", 'h', 0, G_OPTION_ARG_NONE, &cli->help, "Show this help", NULL}},
  };
  guint n = 0;
  for (guint i = 0; i < G_N_ELEMENTS (shared); i++)
    if (shared[i].when == 0 || (shared[i].when & options) != 0)
      entries[n++] = shared[i].entry;
  return n;
}

/* All options of a command; NULL: those before the command's name. */
static void
collect (VfCli *cli, const VfCommand *command, GOptionEntry *entries)
{
  guint n = 0;
  for (const GOptionEntry *own = command == NULL ? NULL : command->entries; own != NULL && own->long_name;
       own++)
    entries[n++] = *own;
  n += collect_shared (cli, command == NULL ? G_MAXUINT : command->options, entries + n);
  if (command == NULL)
    entries[n++] =
        (GOptionEntry){"version", 0, 0, G_OPTION_ARG_NONE, &cli->version, "Show the version", NULL};
  g_assert (n < MAX_ENTRIES);
  entries[n] = (GOptionEntry)G_OPTION_ENTRY_NULL;
}

static GOptionContext *
make_context (const VfCommand *command, const GOptionEntry *entries)
{
  GOptionContext *context = g_option_context_new (command == NULL ? "COMMAND" : command->arguments);
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_strict_posix (context, command == NULL);
  return context;
}

/* "--pakages=x" → "pakages". Free the result. */
static char *
option_name (const char *word)
{
  return g_strndup (word + 2, strcspn (word + 2, "="));
}

static gboolean
is_known (const GOptionEntry *entries, const char *name)
{
  for (; entries->long_name != NULL; entries++)
    if (g_str_equal (entries->long_name, name))
      return TRUE;
  return FALSE;
}

/* GOption's messages are for its own users: says which word, and the option that was meant. */
static gboolean
explain (VfCli *cli, const GError *failure, const GOptionEntry *entries, char **argv, const char *path,
         GError **error)
{
  /* GOption took back what it had set. */
  cli->json = cli->json || g_strv_contains ((const char *const *)argv, "--json");
  if (!g_error_matches (failure, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
    return vf_cli_usage_error (error, path, "%s", failure->message);
  const char *names[MAX_ENTRIES] = {NULL};
  for (guint i = 0; entries[i].long_name != NULL; i++)
    names[i] = entries[i].long_name;
  for (char **word = argv; *word != NULL && !g_str_equal (*word, "--"); word++) {
    if (!g_str_has_prefix (*word, "--"))
      continue;
    g_autofree char *name = option_name (*word);
    if (is_known (entries, name))
      continue;
    const char *near = vf_suggest (name, names);
    g_autofree char *hint = near == NULL ? g_strdup ("") : g_strdup_printf (" (did you mean '--%s'?)", near);
    return vf_cli_usage_error (error, path, "unknown option '--%s'%s", name, hint);
  }
  const char *last = strrchr (failure->message, ' ');
  return vf_cli_usage_error (error, path, "unknown option '%s'", last == NULL ? "" : last + 1);
}

static gboolean
check_values (const VfCli *cli, const char *path, GError **error)
{
  static const char *const colors[] = {"auto", "always", "never", NULL};
  /* Empty words are what an unset variable of a script leaves: not the default. */
  if (cli->store != NULL && *cli->store == '\0')
    return vf_cli_usage_error (error, path, "--store names a folder, not ''");
  if (cli->storage != NULL && *cli->storage == '\0')
    return vf_cli_usage_error (error, path, "--storage names a storage plugin, not ''");
  if (cli->transport != NULL && *cli->transport == '\0')
    return vf_cli_usage_error (error, path, "--transport names a transport plugin, not ''");
  if (cli->color == NULL || g_strv_contains (colors, cli->color))
    return TRUE;
  return vf_cli_usage_error (error, path, "--color is auto, always or never, not '%s'", cli->color);
}

static gboolean
check_arguments (const VfCommand *command, const char *path, char **arguments, GError **error)
{
  guint n = g_strv_length (arguments);
  if (n < command->min_arguments)
    return vf_cli_usage_error (error, path, "'%s' needs %s", path, command->arguments);
  if (n > command->max_arguments)
    return vf_cli_usage_error (error, path, "unexpected argument '%s'", arguments[command->max_arguments]);
  return TRUE;
}

/* GOption leaves the "--" in, in some cases. */
static void
drop_separator (char **words)
{
  for (; *words != NULL; words++) {
    if (!g_str_equal (*words, "--"))
      continue;
    g_free (*words);
    for (; *words != NULL; words++)
      words[0] = words[1];
    return;
  }
}

gboolean
vf_cli_parse (VfCli *cli, const VfCommand *command, const char *path, char **argv, char ***rest,
              GError **error)
{
  GOptionEntry entries[MAX_ENTRIES];
  collect (cli, command, entries);
  g_autoptr (GOptionContext) context = make_context (command, entries);
  g_autoptr (GError) failure = NULL;
  g_auto (GStrv) words = g_strdupv (argv);
  if (!g_option_context_parse_strv (context, &words, &failure))
    return explain (cli, failure, entries, argv, path, error);
  g_free (words[0]);
  memmove (words, words + 1, g_strv_length (words + 1) * sizeof *words + sizeof *words);
  drop_separator (words);
  if (!cli->help && (!check_values (cli, path, error) || !check_arguments (command, path, words, error)))
    return FALSE;
  *rest = g_steal_pointer (&words);
  return TRUE;
}

gboolean
vf_cli_parse_global (VfCli *cli, char **argv, guint *n_used, GError **error)
{
  GOptionEntry entries[MAX_ENTRIES];
  collect (cli, NULL, entries);
  g_autoptr (GOptionContext) context = make_context (NULL, entries);
  g_autoptr (GError) failure = NULL;
  g_auto (GStrv) words = g_strdupv (argv);
  if (!g_option_context_parse_strv (context, &words, &failure)) {
    /* The words after the command are not ours to blame. */
    return explain (cli, failure, entries, argv, "vmforge", error);
  }
  *n_used = g_strv_length (argv) - g_strv_length (words);
  return check_values (cli, "vmforge", error);
}

char *
vf_cli_help (VfCli *cli, const VfCommand *command, const char *path)
{
  GOptionEntry entries[MAX_ENTRIES];
  collect (cli, command, entries);
  g_autoptr (GOptionContext) context = make_context (command, entries);
  g_autoptr (GString) summary = g_string_new (command->summary);
  g_string_append (summary, ".");
  if (command->details != NULL)
    g_string_append_printf (summary, "\n\n%s", command->details);
  g_option_context_set_summary (context, summary->str);
  g_auto (GStrv) words = g_strsplit (path, " ", 3);
  g_autofree char *description = g_strdup_printf (
      "Exit status: 0 done, 1 failed, 2 usage or spec, 3 environment, 130 stopped.\nMore: man vmforge-%s",
      words[1]);
  g_option_context_set_description (context, description);
  /* GOption takes the program's name from here. */
  g_set_prgname (path);
  char *help = g_option_context_get_help (context, TRUE, NULL);
  g_set_prgname ("vmforge");
  return help;
}

char *
vf_cli_global_help (VfCli *cli)
{
  GOptionEntry entries[MAX_ENTRIES];
  collect (cli, NULL, entries);
  g_autoptr (GOptionContext) context = make_context (NULL, entries);
  g_autoptr (GString) summary =
      g_string_new ("Builds bootable virtual machine images from specs, in cached stages.");
  g_string_append (summary, "\n\nCommands:");
  for (const VfCommand *const *command = vf_commands; *command != NULL; command++)
    g_string_append_printf (summary, "\n  %-10s %s", (*command)->name, (*command)->summary);
  g_string_append_printf (summary, "\n  %-10s %s", "help", "Show this help, or that of a command");
  g_option_context_set_summary (context, summary->str);
  g_option_context_set_description (
      context, "'vmforge COMMAND --help' shows the options of a command; man vmforge tells all.");
  return g_option_context_get_help (context, TRUE, NULL);
}
