/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "support/units.h"

static gboolean
run_umount (VfCli *cli, char **arguments, GError **error)
{
  if (!vf_cli_need_root ("unmounting", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  /* Not a store yet: nothing is mounted, and none is made. */
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  return store != NULL && vf_store_open_storage (store, cli->storage, error) &&
         vf_storage_deactivate (store->storage, error);
}

typedef struct {
  guint images, stages, kept;
  guint64 limit;
} Counts;

static gboolean
count (VmforgeStore *store, Counts *counts, GError **error)
{
  g_autoptr (GPtrArray) images = vf_store_list_images (store, error);
  g_autoptr (GPtrArray) stages = images == NULL ? NULL : vf_store_list_stages (store, error);
  g_autoptr (GPtrArray) kept = stages == NULL ? NULL : vf_store_list_kept (store, error);
  if (kept == NULL)
    return FALSE;
  *counts = (Counts){images->len, stages->len, kept->len, vf_store_limit (store)};
  return TRUE;
}

static gboolean
run_show (VfCli *cli, char **arguments, GError **error)
{
  Counts counts;
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  if (store == NULL || !count (store, &counts, error))
    return FALSE;
  if (cli->json) {
    VfJson *json = json_object_new_object ();
    vf_json_set_string (json, "path", store->path);
    vf_json_set_string (json, "id", store->id);
    vf_json_set_string (json, "storage", store->storage_setting);
    vf_json_set_int (json, "images", counts.images);
    vf_json_set_int (json, "stages", counts.stages);
    vf_json_set_int (json, "kept", counts.kept);
    vf_json_set_int (json, "limit", (gint64)MIN (counts.limit, G_MAXINT64));
    vf_cli_print_json (json);
    return TRUE;
  }
  printf ("path=%s\nid=%s\nstorage=%s\nimages=%u\nstages=%u\nkept=%u\nlimit=%" G_GUINT64_FORMAT "\n",
          store->path, store->id, store->storage_setting, counts.images, counts.stages, counts.kept,
          counts.limit);
  return TRUE;
}

static const VfCommand children[] = {
    {.name = "show",
     .arguments = "",
     .summary = "Print the facts of the store",
     .options = VF_CLI_STORE | VF_CLI_JSON,
     .run = run_show},
    {.name = "umount",
     .arguments = "",
     .summary = "End the mounts that outlive a run",
     .details = "The next command that needs them mounts them again.",
     .options = VF_CLI_STORE | VF_CLI_STORAGE,
     .run = run_umount},
    {NULL},
};

const VfCommand vf_command_store = {
    .name = "store", .summary = "Show the store, and end its mounts", .children = children};
