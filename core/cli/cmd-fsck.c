/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "store/fsck.h"
#include "support/error.h"

#include <string.h>

static struct {
  gboolean quick, repair;
} given;

static const GOptionEntry entries[] = {
    {"quick", 0, 0, G_OPTION_ARG_NONE, &given.quick, "Leave out contents: records and references alone",
     NULL},
    {"repair", 0, 0, G_OPTION_ARG_NONE, &given.repair,
     "Remove what is damaged and what depends on it, so that the next build makes it anew", NULL},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
  const VfCli *cli;
  VfJson *steps;
} Output;

static VfJson *
fault_to_json (const VfFault *fault)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "kind", fault->kind);
  vf_json_set_string (json, "object", fault->object);
  vf_json_set_string (json, "fault", fault->what);
  vf_json_set_string (json, "repair", vf_cure_describe (fault->cure));
  return json;
}

static VfJson *
print_faults (const VfCli *cli, GPtrArray *faults)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < faults->len; i++) {
    const VfFault *fault = g_ptr_array_index (faults, i);
    json_object_array_add (list, fault_to_json (fault));
    if (!cli->json)
      printf ("%s %s: %s; --repair %s\n", fault->kind, fault->object, fault->what,
              vf_cure_describe (fault->cure));
  }
  return list;
}

static void
on_step (const char *line, gpointer user_data)
{
  Output *output = user_data;
  json_object_array_add (output->steps, json_object_new_string (line));
  if (!output->cli->json)
    puts (line);
}

/* Takes faults and steps. left: those that are still there. */
static void
end (VfCli *cli, VfJson *faults, VfJson *steps, guint left)
{
  gsize count = json_object_array_length (faults);
  cli->status = left == 0 ? 0 : 1;
  if (cli->json) {
    VfJson *json = json_object_new_object ();
    vf_json_set (json, "faults", faults);
    vf_json_set (json, "steps", steps);
    vf_json_set_int (json, "left", left);
    vf_cli_print_json (json);
    return;
  }
  json_object_put (faults);
  json_object_put (steps);
  if (count == 0)
    puts (given.quick ? "no faults; what volumes and indexes hold was not read" : "the store is sound");
  else if (!given.repair)
    printf ("%zu fault%s\n", count, count == 1 ? "" : "s");
  else
    printf ("%zu fault%s, %u left\n", count, count == 1 ? "" : "s", left);
}

static gboolean
has_kind (GPtrArray *faults, const char *kind)
{
  for (guint i = 0; i < faults->len; i++)
    if (g_str_equal (((const VfFault *)g_ptr_array_index (faults, i))->kind, kind))
      return TRUE;
  return FALSE;
}

static gboolean
check (VfCli *cli, VmforgeStore *store, GError **error)
{
  g_auto (VfFsck) fsck = {0};
  if (!vf_fsck_run (&fsck, store, given.quick, cli->cancellable, error))
    return FALSE;
  guint left = fsck.faults->len;
  VfJson *faults = print_faults (cli, fsck.faults);
  Output output = {cli, json_object_new_array ()};
  if (given.repair && left > 0 && !vf_fsck_repair (&fsck, on_step, &output, &left, error)) {
    json_object_put (faults);
    json_object_put (output.steps);
    return FALSE;
  }
  if (given.repair && has_kind (fsck.faults, "repository"))
    vf_cli_update_repository (fsck.store);
  end (cli, faults, output.steps, left);
  return TRUE;
}

/* A store whose own record is damaged cannot even be opened; the error says which it is. */
static gboolean
tell_unopened (VfCli *cli, const GError *failure)
{
  const char *record = strstr (failure->message, "storages.json") != NULL ? "storages.json" : "store.json";
  VfFault fault = {.kind = "record", .object = (char *)record, .what = failure->message};
  g_autoptr (GPtrArray) faults = g_ptr_array_new ();
  g_ptr_array_add (faults, &fault);
  end (cli, print_faults (cli, faults), json_object_new_array (), 1);
  return TRUE;
}

/* Without recovery: what is there is looked at as it is. */
static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  if (!vf_cli_need_store (cli, "checking a store", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  g_autoptr (GError) failure = NULL;
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, &failure);
  if (store == NULL && g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_FAILED))
    return tell_unopened (cli, failure);
  if (store == NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  return vf_store_open_storage (store, cli->storage, error) && check (cli, store, error);
}

const VfCommand vf_command_fsck = {
    .name = "fsck",
    .arguments = "",
    .summary = "Look for damage in the store, and repair it",
    .details = "Exit status 1 also says that faults were found, and that not all of them were repaired.",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON,
    .entries = entries,
    .run = run,
};
