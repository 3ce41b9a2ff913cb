/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "plan/lock.h"
#include "support/error.h"

#define COMMAND "vmforge lock"

static struct {
  char *refresh;
  gboolean update, diff, offline;
} given;

static const GOptionEntry entries[] = {
    {"diff", 0, 0, G_OPTION_ARG_NONE, &given.diff,
     "Show what would move, and change nothing: exit status 1 if anything would", NULL},
    {"offline", 0, 0, G_OPTION_ARG_NONE, &given.offline, "Fetch nothing: use what the cache has", NULL},
    {"refresh", 0, 0, G_OPTION_ARG_STRING, &given.refresh,
     "Age of package metadata that is fresh enough (default: 1h; 0: always ask)", "AGE"},
    {"update", 0, 0, G_OPTION_ARG_NONE, &given.update,
     "Move all packages, or these and what they drag along, to what the sources have", NULL},
    G_OPTION_ENTRY_NULL,
};

static void
print_change (const VfLockChange *change)
{
  if (change->before == NULL)
    printf ("  %s %s is new\n", change->name, change->after);
  else if (change->after == NULL)
    printf ("  %s %s is gone\n", change->name, change->before);
  else if (g_str_equal (change->before, change->after))
    printf ("  %s %s: another archive\n", change->name, change->before);
  else
    printf ("  %s %s → %s\n", change->name, change->before, change->after);
}

static void
print_changes (const VfCli *cli, GPtrArray *changes)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < changes->len; i++) {
    const VfLockChange *change = g_ptr_array_index (changes, i);
    const VfLockChange *last = i == 0 ? NULL : g_ptr_array_index (changes, i - 1);
    VfJson *json = json_object_new_object ();
    vf_json_set_string (json, "stage", vmforge_stage_name (change->stage));
    vf_json_set_string (json, "package", change->name);
    vf_json_set (json, "before", vf_cli_json_text (change->before));
    vf_json_set (json, "after", vf_cli_json_text (change->after));
    json_object_array_add (list, json);
    if (cli->json)
      continue;
    if (last == NULL || last->stage != change->stage)
      printf ("%s\n", vmforge_stage_name (change->stage));
    print_change (change);
  }
  if (cli->json)
    vf_cli_print_json (list);
  else
    json_object_put (list);
}

/* The lock as it should become. names: NULL terminated; none: everything is resolved. */
static VfLockfile *
make_lock (const VfPlanContext *context, VmforgeSpec *spec, char **names, GError **error)
{
  if (*names != NULL)
    return vf_plan_update_lock (context, spec, (const char *const *)names, error);
  g_autoptr (VfPlan) plan = vf_plan_new (context, spec, VMFORGE_N_STAGES, error);
  return plan == NULL ? NULL : vf_plan_make_lock (context, plan, error);
}

/* A lock that is there stays unless its update is asked for; but it must be one of this spec. */
static gboolean
keep (const VfPlanContext *context, VmforgeSpec *spec, const VfLockfile *lock, GError **error)
{
  VfPlanContext locked = *context;
  locked.lock = VF_PLAN_LOCK_REQUIRED;
  g_autoptr (VfPlan) plan = vf_plan_new (&locked, spec, VMFORGE_N_STAGES, error);
  if (plan == NULL)
    return FALSE;
  fprintf (stderr, "'%s' is there: --update moves it\n", lock->path);
  return TRUE;
}

/* Whether all but the packages and the date agrees: what was asked for, and of which sources. */
static gboolean
asks_same (const VfLockfile *before, const VfLockfile *after)
{
  if (strcmp (before->distro, after->distro) != 0 || strcmp (before->release, after->release) != 0 ||
      strcmp (before->arch, after->arch) != 0)
    return FALSE;
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    const VfLockedStage *a = &before->stages[i], *b = &after->stages[i];
    if (strcmp (a->sources, b->sources) != 0 ||
        !g_strv_equal ((const char *const *)a->install, (const char *const *)b->install) ||
        !g_strv_equal ((const char *const *)a->remove, (const char *const *)b->remove))
      return FALSE;
  }
  return TRUE;
}

/* before: NULL where there is no lock yet. */
static gboolean
lock_spec (VfCli *cli, const VfPlanContext *context, VmforgeSpec *spec, const VfLockfile *before,
           char **names, GError **error)
{
  if (before != NULL && !given.update && !given.diff)
    return keep (context, spec, before, error);
  g_autoptr (VfLockfile) lock = make_lock (context, spec, names, error);
  if (lock == NULL)
    return FALSE;
  g_autoptr (VfLockfile) nothing = vf_lockfile_new (lock->path);
  g_autoptr (GPtrArray) changes = vf_lockfile_compare (before == NULL ? nothing : before, lock);
  if (before != NULL || cli->json)
    print_changes (cli, changes);
  if (given.diff) {
    gboolean other = changes->len == 0 && !asks_same (before, lock);
    if (other && !cli->json)
      puts ("no package moves, but the lock is not of this spec any more: --update makes it anew");
    cli->status = changes->len > 0 || other ? 1 : 0;
    return TRUE;
  }
  if (!vf_lockfile_write (lock, error))
    return FALSE;
  if (before == NULL && !cli->json)
    printf ("%s: %u packages\n", lock->path, changes->len);
  return TRUE;
}

static gboolean
run_in_store (VfCli *cli, VmforgeSpec *spec, char **names, int refresh_seconds, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store (cli, error);
  if (store == NULL)
    return FALSE;
  g_autofree char *cache = g_build_filename (store->path, "cache", "packages", NULL);
  VfHost host = {.cancellable = cli->cancellable, .package_cache = cache};
  const VfPlanContext context = {.store = store,
                                 .host = &host,
                                 .offline = given.offline,
                                 .refresh_seconds = refresh_seconds,
                                 .lock = VF_PLAN_LOCK_IGNORED};
  g_autofree char *path = vf_plan_lock_path (spec);
  g_autoptr (VfLockfile) before = NULL;
  /* One that cannot be read is replaced by a full update alone. */
  gboolean replaces = given.update && *names == NULL;
  if (!vf_lockfile_read (path, &before, replaces ? NULL : error) && !replaces)
    return FALSE;
  if (before == NULL && (given.diff || *names != NULL))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "there is no '%s' yet: make it with 'vmforge lock %s'",
                         path, spec->path);
  return lock_spec (cli, &context, spec, before, names, error);
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  int refresh_seconds = VF_PLAN_REFRESH_SECONDS;
  if (given.update && given.diff)
    return vf_cli_usage_error (error, COMMAND, "--diff shows what --update would do: give one");
  if (arguments[1] != NULL && !given.update && !given.diff)
    return vf_cli_usage_error (error, COMMAND, "'%s' is a package: which one is moved is said with --update",
                               arguments[1]);
  if (!vf_cli_parse_refresh (given.refresh, COMMAND, &refresh_seconds, error))
    return FALSE;
  g_autoptr (VmforgeSpec) spec = vmforge_spec_load (arguments[0], error);
  if (spec == NULL || !vf_cli_need_root ("locking a spec", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  return run_in_store (cli, spec, arguments + 1, refresh_seconds, error);
}

const VfCommand vf_command_lock = {
    .name = "lock",
    .arguments = "SPEC [PACKAGE...]",
    .summary = "Write down the packages of a spec, so that every build installs the same",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON,
    .entries = entries,
    .min_arguments = 1,
    .max_arguments = G_MAXUINT,
    .run = run,
};
