/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The vmforge program: a table of commands, what they share, and the way from an error to an exit status. */
#pragma once

#include "cli/table.h"
#include "store/store.h"
#include "support/json.h"

#include <stdio.h>

/* Options that several commands have; each command says which. */
typedef enum {
  VF_CLI_STORE = 1 << 0,     /* --store, --plugin */
  VF_CLI_STORAGE = 1 << 1,   /* --storage */
  VF_CLI_JSON = 1 << 2,      /* --json */
  VF_CLI_DISPLAY = 1 << 3,   /* --quiet, --color */
  VF_CLI_PLUGIN = 1 << 4,    /* --plugin alone */
  VF_CLI_TRANSPORT = 1 << 5, /* --transport */
} VfCliOptions;

/* What was said before or after the command's name. */
typedef struct {
  const char *program; /* how this program was called: for commands that we tell the user */
  char *store, *storage, *transport;
  char **plugins;
  gboolean json, quiet, verbose, help, version;
  char *color;
  GCancellable *cancellable; /* NULL before vf_cli_catch_signals */
  int status;                /* exit status of a command that succeeds */
} VfCli;

typedef struct _VfCommand VfCommand;
struct _VfCommand {
  const char *name;
  const char *arguments;              /* "SPEC...", for the help */
  const char *summary;                /* one line */
  const char *details;                /* more lines for the help, or NULL */
  guint options;                      /* VF_CLI_… */
  const GOptionEntry *entries;        /* its own options, or NULL */
  guint min_arguments, max_arguments; /* max 0: none; G_MAXUINT: any */
  gboolean (*run) (VfCli *cli, char **arguments, GError **error);
  const VfCommand *children; /* a group of commands, ended by a NULL name; run is NULL then */
};

extern const VfCommand vf_command_build, vf_command_plan, vf_command_lock, vf_command_validate,
    vf_command_schema, vf_command_stages, vf_command_images, vf_command_plugins, vf_command_store,
    vf_command_run, vf_command_shell, vf_command_export, vf_command_diff, vf_command_gc, vf_command_fsck,
    vf_command_push, vf_command_receive, vf_command_key, vf_command_sign, vf_command_pull, vf_command_repo,
    vf_command_verify, vf_command_version;

/* The table of main.c, ended by NULL. */
extern const VfCommand *const vf_commands[];

/* ---- options.c */
/* Parses argv (argv[0] is left out of *rest). path: "vmforge build". With --help, cli->help is set and
 * nothing is checked. rest: the arguments; free with g_strfreev. */
gboolean vf_cli_parse (VfCli *cli, const VfCommand *command, const char *path, char **argv, char ***rest,
                       GError **error);
/* The options before the command's name; *n_used words of argv[1…] are theirs. */
gboolean vf_cli_parse_global (VfCli *cli, char **argv, guint *n_used, GError **error);
/* Free the result. */
char *vf_cli_help (VfCli *cli, const VfCommand *command, const char *path);
char *vf_cli_global_help (VfCli *cli);

/* ---- cmd-repo.c */
/* After what was published has changed. What fails is a warning: the images are what was asked for. */
void vf_cli_update_repository (VmforgeStore *store);

/* ---- cli.c */
/* From here on SIGINT, SIGTERM and SIGHUP cancel cli->cancellable instead of ending the program. Call it
 * before anything starts a thread. interrupt: FALSE where ^C is for a program on this terminal, and must not
 * reach us. */
void vf_cli_catch_signals (VfCli *cli, gboolean interrupt);
/* VMFORGE_ERROR_ENVIRONMENT unless root. what: "building an image". */
gboolean vf_cli_need_root (const char *what, GError **error);
/* The same, or a store that this user was told to use, and may write in: storage that needs root says so. */
gboolean vf_cli_need_store (const VfCli *cli, const char *what, GError **error);
/* Loads the plugins of --plugin. */
gboolean vf_cli_load_plugins (const VfCli *cli, GError **error);
/* Opens the store that the options name: as it is, for reading; or with its storage, for changes. */
VmforgeStore *vf_cli_open_store_plain (const VfCli *cli, GError **error);
VmforgeStore *vf_cli_open_store (const VfCli *cli, GError **error);
/* The same of one that must be there: who only asks, or takes away, makes none. */
VmforgeStore *vf_cli_open_existing_store (const VfCli *cli, GError **error);
/* "build/vmforge COMMAND --store DIR --storage SETTING", as this program was called and as far as the options
 * were given, quoted: a command for the user. Free it. */
char *vf_cli_words (const VfCli *cli, const char *command);
/* For a command about one image: catches signals, opens the store, which must be there, and finds the image.
 * *store: NULL before; the caller's, also where the image is not found. */
VfImage *vf_cli_take_image (VfCli *cli, const char *word, VmforgeStore **store, GError **error);
/* As root and with the store open: calls func for each word, up to the first that fails, then end, if given.
 * what: "removing an image". */
gboolean vf_cli_change_each (VfCli *cli, char **words, const char *what,
                             gboolean (*func) (VmforgeStore *store, const char *word, GError **error),
                             void (*end) (VmforgeStore *store), GError **error);
gboolean vf_cli_use_color (const VfCli *cli, FILE *file);
/* "2026-11-22 22:35", local time. Free the result. */
char *vf_cli_format_time (gint64 seconds);
/* An error of usage that names the help. Returns FALSE. */
gboolean vf_cli_usage_error (GError **error, const char *command, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* --refresh AGE: *seconds stays where text is NULL; -1: always ask. */
gboolean vf_cli_parse_refresh (const char *text, const char *command, int *seconds, GError **error);
/* TRUE if format is NULL or one that we can write. */
gboolean vf_cli_check_format (const char *format, const char *command, GError **error);
/* Prints a JSON document, with line breaks and indentation. Takes json. */
void vf_cli_print_json (VfJson *json);
/* A list as a table, or as JSON with --json. Takes list. */
void vf_cli_print_list (const VfCli *cli, const VfTable *table, VfJson *list);
/* One line, and flushed: an event. Takes json. */
void vf_cli_print_json_line (VfJson *json);
/* "name=value", on a line. value: may be NULL. */
void vf_cli_print_fact (const char *name, const char *value);
/* A string, or null for NULL. */
VfJson *vf_cli_json_text (const char *text);
/* A number with three decimals. */
VfJson *vf_cli_json_decimal (double number);
VfJson *vf_cli_json_seconds (double seconds);
