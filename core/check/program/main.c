/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* vmforge-check: loads a plugin and runs one case of its suite, a job in on standard input, lines out on
 * descriptor 3: "begin CALLBACK", "end CALLBACK", and one "result JSON". What the plugin does to this process
 * is seen by its parent alone. */
#include "check/case.h"
#include "check/check.h"
#include "check/job.h"
#include "check/suites.h"
#include "plugin/runner.h"
#include "support/error.h"
#include "support/fs.h"
#include "support/isolate.h"
#include "support/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_LIMIT 1000 /* of a fact, without control characters */
#define JOB_LIMIT  (1024 * 1024)

static void
say (const char *word, const char *text)
{
  g_autofree char *line = g_strdup_printf ("%s %s\n", word, text);
  vf_fs_write_all (VF_CHECK_FD, line, strlen (line), NULL);
}

static void
on_trace (const char *callback, gboolean begins, gpointer data)
{
  say (begins ? "begin" : "end", callback);
}

/* Told as it is read: an error, or what the case has to say. */
static void
say_result (VfJson *result)
{
  g_autofree char *text = vf_json_canonical (result);
  say ("result", text);
}

static void
say_error (const GError *error, gboolean blamed)
{
  g_autoptr (VfJson) result = json_object_new_object ();
  vf_json_set_string (result, "error", error->message);
  vf_json_set_bool (result, "blamed", blamed);
  say_result (result);
}

static guint
count_threads (void)
{
  guint n = 0;
  DIR *folder = opendir ("/proc/self/task");
  struct dirent *entry;
  while (folder && (entry = readdir (folder)))
    n += entry->d_name[0] != '.';
  if (folder)
    closedir (folder);
  return n;
}

static const VfPlugin *
load (const char *file, GError **error)
{
  on_trace ("load", TRUE, NULL);
  const VfPlugin *plugin = vf_plugin_load (file, error);
  on_trace ("load", FALSE, NULL);
  return plugin;
}

static void
set_text (VfJson *json, const char *key, const char *text)
{
  g_autofree char *valid = text ? vf_call_clean_line (text, TEXT_LIMIT) : NULL;
  vf_json_set (json, key, valid ? json_object_new_string (valid) : NULL);
}

static VfJson *
describe_parameters (const struct vmforge_parameter *p)
{
  VfJson *list = json_object_new_array ();
  for (; p && p->name; p++) {
    VfJson *one = json_object_new_object ();
    set_text (one, "name", p->name);
    set_text (one, "type", p->type);
    set_text (one, "default", p->fallback);
    set_text (one, "help", p->help);
    json_object_array_add (list, one);
  }
  return list;
}

static gboolean
describe (const char *file, GError **error)
{
  const VfPlugin *plugin = load (file, error);
  if (!plugin)
    return FALSE;
  g_autoptr (VfJson) json = json_object_new_object ();
  vf_json_set_string (json, "name", plugin->name);
  vf_json_set_string (json, "kind", vf_plugin_kind_name (plugin->kind));
  set_text (json, "version", plugin->descriptor->version);
  set_text (json, "description", plugin->descriptor->description);
  set_text (json, "license", plugin->descriptor->license);
  vf_json_set_int (json, "abi", plugin->descriptor->abi);
  vf_json_set (json, "parameters", describe_parameters (plugin->descriptor->parameters));
  say_result (json);
  return TRUE;
}

static const VfCheckCase *
find_case (enum vmforge_plugin_kind kind, const char *name)
{
  static const VfCheckCase clear = {VF_CHECK_CLEAR, "", 0, vf_check_storage_clear};
  if (strcmp (name, VF_CHECK_CLEAR) == 0)
    return &clear;
  const VfCheckCase *found = vf_check_cases (kind);
  while (found && found->name && strcmp (found->name, name) != 0)
    found++;
  return found && found->name ? found : NULL;
}

static gboolean
run_case (const VfCheckCase *found, VfCheck *check, GError **error)
{
  if (!found)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "there is no such case");
  if (!vf_fs_mkdir_p (AT_FDCWD, check->store, 0700, error) || !found->run (check, error))
    return FALSE;
  if (count_threads () > 1)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "%s: it leaves a thread behind", check->plugin->name);
  g_autoptr (VfJson) result = json_object_new_object ();
  vf_json_set_bool (result, "skipped", check->skipped);
  if (check->note)
    vf_json_set_string (result, "note", check->note);
  say_result (result);
  return TRUE;
}

static gboolean
work (VfJson *job, gboolean *blamed, GError **error)
{
  const char *file = vf_json_string (job, "file", ""), *name = vf_json_string (job, "case", NULL);
  if (!name)
    return describe (file, error);
  const VfPlugin *plugin = load (file, error);
  if (!plugin)
    return FALSE;
  const char *parameters = vf_json_string (job, "parameters", NULL);
  g_autofree char *setting = parameters ? g_strdup_printf ("%s:%s", plugin->name, parameters) : NULL;
  g_autofree char *store = g_build_filename (vf_json_string (job, "work", ""), "store", NULL);
  g_autoptr (GRand) random = g_rand_new_with_seed ((guint32)vf_json_int (job, "seed", 0));
  VfCheck check = {
      .plugin = plugin,
      .setting = setting ? setting : plugin->name,
      .spec = vf_json_string (job, "spec", NULL),
      .work = vf_json_string (job, "work", NULL),
      .shared = vf_json_string (job, "shared", NULL),
      .store = store,
      .store_id = vf_json_string (job, "store_id", NULL),
      .random = random,
      .host = {.trace = on_trace},
  };
  gboolean done = run_case (find_case (plugin->kind, name), &check, error);
  *blamed = check.blamed;
  g_free (check.note);
  return done;
}

static int
work_alone (VfJson *job)
{
  g_autoptr (GError) error = NULL;
  gboolean blamed = FALSE;
  if (!work (job, &blamed, &error))
    say_error (error, blamed);
  return 0;
}

/* How it ended, whatever it said. */
static void
say_end (const VfIsolated *end)
{
  g_autofree char *number = g_strdup_printf ("%d", end->signal ? end->signal : end->status);
  say (end->timed_out ? "timeout" : end->signal ? "signal" : end->left ? "left" : "exit", number);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc > 1 || fcntl (VF_CHECK_FD, F_SETFD, FD_CLOEXEC) != 0) {
    fputs ("vmforge-check is started by vmforge; it takes no arguments\n", stderr);
    return 2;
  }
  g_autoptr (VfJson) job = vf_json_read_fd (STDIN_FILENO, JOB_LIMIT, &error);
  /* What a plugin starts while it is loaded must end as well, where we can see to that. */
  const VfIsolateOptions options = {.namespaces =
                                        job && (vf_json_string (job, "case", NULL) || geteuid () == 0),
                                    .seconds = job ? (guint)vf_json_int (job, "seconds", 0) : 0};
  VfIsolated end = {0};
  switch (job ? vf_isolate (&options, &end, &error) : VF_ISOLATE_FAILED) {
  case VF_ISOLATE_INSIDE:
    _exit (work_alone (job));
  case VF_ISOLATE_OUTSIDE:
    say_end (&end);
    return 0;
  case VF_ISOLATE_FAILED:
    break;
  }
  say_error (error, TRUE);
  return 1;
}
