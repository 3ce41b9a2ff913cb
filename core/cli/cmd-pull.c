/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "cli/transfer-figures.h"
#include "support/error.h"
#include "transfer/pull.h"

#include <signal.h>
#include <string.h>

#define COMMAND "vmforge pull"

static struct {
  char **mirrors;
} given;

static const GOptionEntry entries[] = {
    {"mirror", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &given.mirrors,
     "Another URL that has the same (may be repeated)", "URL"},
    G_OPTION_ENTRY_NULL,
};

static gboolean
check_url (const char *url, GError **error)
{
  static const char *const schemes[] = {"http://", "https://", "file:///"};
  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (g_str_has_prefix (url, schemes[i]) && url[strlen (schemes[i])] != '\0')
      return TRUE;
  return vf_cli_usage_error (
      error, COMMAND, "'%s' is no URL of a repository: http://, https:// or file:/// and its folder", url);
}

/* The first one, then the mirrors; without slashes at the end. */
static char **
make_urls (const char *first, GError **error)
{
  g_autoptr (GStrvBuilder) urls = g_strv_builder_new ();
  g_strv_builder_add (urls, first);
  for (char **mirror = given.mirrors; mirror != NULL && *mirror != NULL; mirror++)
    g_strv_builder_add (urls, *mirror);
  g_auto (GStrv) all = g_strv_builder_end (urls);
  for (char **url = all; *url != NULL; url++) {
    if (!check_url (*url, error))
      return NULL;
    for (gsize length = strlen (*url); (*url)[length - 1] == '/'; length--)
      (*url)[length - 1] = '\0';
  }
  return g_steal_pointer (&all);
}

static void
on_found (const char *name, guint64 bytes, gpointer user_data)
{
  vf_figures_name (user_data, name, bytes);
}

static void
on_skipped (const char *url, const GError *why, gpointer user_data)
{
  vf_figures_warn (user_data, "%s: %s (the next one is asked)", url, why->message);
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  g_auto (GStrv) urls = make_urls (arguments[0], error);
  if (urls == NULL || !vf_cli_need_store (cli, "making volumes", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  signal (SIGPIPE, SIG_IGN);
  g_autoptr (VmforgeStore) store = vf_cli_open_store (cli, error);
  if (store == NULL)
    return FALSE;
  g_autoptr (VfFigures) figures = vf_figures_new (cli, arguments[1], "pulled");
  g_autoptr (VfSession) session = vf_session_new (store, vf_figures_tell, figures, error);
  const VfPullWatch watch = {on_found, on_skipped, figures};
  if (session == NULL || !vf_session_pull (session, (const char *const *)urls, arguments[1], &watch, error))
    return vf_figures_stop (error);
  vf_figures_end (figures);
  return TRUE;
}

const VfCommand vf_command_pull = {
    .name = "pull",
    .arguments = "URL IMAGE",
    .summary = "Fetch an image from a repository: only the blocks that this store lacks",
    .details =
        "URL is http://, https:// or file:/// and the folder 'repository' of a store, as a web server\n"
        "serves it. IMAGE is NAME[:VERSION][@ARCH] or the digest of a manifest.",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_TRANSPORT | VF_CLI_JSON | VF_CLI_DISPLAY,
    .entries = entries,
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run,
};
