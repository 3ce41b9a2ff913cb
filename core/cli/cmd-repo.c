/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "repository/repository.h"
#include "support/error.h"
#include "transfer/share.h"

void
vf_cli_update_repository (VmforgeStore *store)
{
  g_autoptr (GError) failure = NULL;
  if (!vf_share_update (store, FALSE, &failure))
    g_printerr ("vmforge: warning: %s (`vmforge repo refresh` tries again)\n", failure->message);
}

static gboolean
run_refresh (VfCli *cli, char **arguments, GError **error)
{
  if (!vf_cli_need_store (cli, "reading volumes", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  g_autoptr (VmforgeStore) store = vf_cli_open_existing_store (cli, error);
  return store != NULL && vf_share_update (store, TRUE, error);
}

static void
print_listing (const VfCli *cli, const VmforgeStore *store, const VfListing *listing)
{
  g_autofree char *folder = g_build_filename (store->path, VF_REPOSITORY, NULL);
  if (cli->json) {
    VfJson *json = vf_listing_to_json (listing);
    vf_json_set_string (json, "folder", folder);
    vf_cli_print_json (json);
    return;
  }
  g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, listing->number);
  g_autofree char *images = g_strdup_printf ("%u", listing->images->len);
  g_autofree char *created = vf_cli_format_time (listing->created);
  g_autofree char *expires = vf_cli_format_time (listing->expires);
  vf_cli_print_fact ("folder", folder);
  vf_cli_print_fact ("images", images);
  vf_cli_print_fact ("number", number);
  vf_cli_print_fact ("signed", created);
  vf_cli_print_fact ("expires", expires);
}

static gboolean
run_show (VfCli *cli, char **arguments, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  g_autoptr (VfListing) listing = store == NULL ? NULL : vf_repository_read (store, &failure);
  if (store == NULL)
    return FALSE;
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (listing == NULL)
    return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                         "nothing is published yet: build an image, or see 'vmforge repo refresh'");
  print_listing (cli, store, listing);
  return TRUE;
}

static const VfCommand children[] = {
    {.name = "refresh",
     .arguments = "",
     .summary = "Sign index.json anew, for another term; make what is missing of the repository",
     .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_TRANSPORT,
     .run = run_refresh},
    {.name = "show",
     .arguments = "",
     .summary = "Print where the repository lies, and until when it is good",
     .options = VF_CLI_STORE | VF_CLI_JSON,
     .run = run_show},
    {NULL},
};

const VfCommand vf_command_repo = {
    .name = "repo", .summary = "The folder that others pull images from", .children = children};
