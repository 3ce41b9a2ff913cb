/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* `vmforge push`; cmd-receive.c is at the other end of its stream. */
#include "cli/cli.h"

#include "cli/transfer-figures.h"
#include "support/error.h"
#include "transfer/peer.h"
#include "transfer/session.h"

#include <signal.h>

static struct {
  char *rsh;
} given;

static const GOptionEntry push_entries[] = {
    {"rsh", 'e', 0, G_OPTION_ARG_STRING, &given.rsh, "How to reach a host (default: ssh)", "COMMAND"},
    G_OPTION_ENTRY_NULL,
};

static gboolean
send_to (VfCli *cli, VmforgeStore *store, const VfImage *image, const char *url, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s:%s@%s", image->name, image->version, image->arch);
  g_autoptr (VfFigures) figures = vf_figures_new (cli, name, "sent");
  g_autoptr (VfSession) session = vf_session_new (store, vf_figures_tell, figures, error);
  VfPeer *peer = session == NULL ? NULL : vf_peer_open (url, given.rsh, error);
  if (peer == NULL)
    return FALSE;
  int fd = vf_peer_get_fd (peer);
  gboolean sent = vf_session_send (session, image, fd, fd, error);
  if (!vf_peer_close (peer, !sent, error) || !sent)
    return vf_figures_stop (error);
  vf_figures_end (figures);
  return TRUE;
}

static gboolean
run_push (VfCli *cli, char **arguments, GError **error)
{
  if (!vf_cli_need_store (cli, "reading volumes", error))
    return FALSE;
  signal (SIGPIPE, SIG_IGN); /* a peer that closes is an error to tell, not our end */
  g_autoptr (VmforgeStore) store = NULL;
  g_autoptr (VfImage) image = vf_cli_take_image (cli, arguments[0], &store, error);
  if (image == NULL)
    return FALSE;
  if (image->name == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "'%s' is a stage: only images that have a name are pushed", arguments[0]);
  store->host.cancellable = cli->cancellable;
  return send_to (cli, store, image, arguments[1], error);
}

const VfCommand vf_command_push = {
    .name = "push",
    .arguments = "IMAGE URL",
    .summary = "Send an image to another store: only the blocks that it lacks",
    .details = "IMAGE is NAME[:VERSION][@ARCH] or a digest. URL is ssh://[USER@]HOST[:PORT]/STORE, where\n"
               "vmforge is installed as well, or file:///STORE.",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_TRANSPORT | VF_CLI_JSON | VF_CLI_DISPLAY,
    .entries = push_entries,
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_push,
};
