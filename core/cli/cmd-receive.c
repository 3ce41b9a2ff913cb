/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "support/error.h"
#include "support/paths.h"
#include "transfer/refusal.h"
#include "transfer/session.h"

#include <signal.h>
#include <unistd.h>

/* The user is at the other end: what that is told is not said here once more, where ssh would bring it to the
 * same screen. */
static gboolean
receive (VfCli *cli, gboolean *told, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VmforgeStore) store = vf_cli_open_store (cli, &failure);
  g_autoptr (VfSession) session = store == NULL ? NULL : vf_session_new (store, NULL, NULL, &failure);
  if (session != NULL)
    return vf_session_receive (session, STDIN_FILENO, STDOUT_FILENO, told, error);
  const char *transport = cli->transport != NULL ? cli->transport : vf_paths_default_transport ();
  *told = vf_refusal_send (transport, failure, STDIN_FILENO, STDOUT_FILENO);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  if (isatty (STDIN_FILENO) || isatty (STDOUT_FILENO))
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "'vmforge receive' speaks to 'vmforge push' at the other end of a pipe, not to people");
  vf_cli_catch_signals (cli, TRUE);
  signal (SIGPIPE, SIG_IGN);
  g_autoptr (GError) failure = NULL;
  gboolean told = FALSE;
  if (receive (cli, &told, &failure))
    return TRUE;
  cli->status = vf_error_exit_status (failure);
  if (!told)
    g_propagate_error (error, g_steal_pointer (&failure));
  return told;
}

const VfCommand vf_command_receive = {
    .name = "receive",
    .arguments = "",
    .summary = "The other end of 'vmforge push': receives an image on standard input",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_TRANSPORT,
    .run = run,
};
