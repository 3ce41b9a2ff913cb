/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "check/check.h"

#include "check/folder.h"
#include "check/job.h"
#include "check/suites.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/suggest.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SECONDS  60
#define DESCRIBE_SECONDS 10
#define STOPPED_SECONDS  5 /* for clearing up once the user wants to go */
#define WORK_PLACE       "/var/tmp"

/* What a run of vmforge-check told. */
typedef struct {
  char *callback;  /* the last that began */
  char *acting;    /* the last that is not close, which follows a failure too */
  gboolean inside; /* and has not ended */
  VfJson *result;
  char *end, *number; /* "exit", "signal", "timeout", "left", and which */
} Answer;

static void
answer_clear (Answer *answer)
{
  g_free (answer->callback);
  g_free (answer->acting);
  g_clear_pointer (&answer->result, vf_json_unref);
  g_free (answer->end);
  g_free (answer->number);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

static gboolean
on_line (int stream, const char *line, gpointer data, GError **error)
{
  Answer *answer = data;
  const char *space = stream == VF_CHECK_FD ? strchr (line, ' ') : NULL;
  if (!space)
    return TRUE; /* what the plugin prints */
  if (g_str_has_prefix (line, "begin ")) {
    g_free (answer->callback);
    answer->callback = g_strdup (space + 1);
    answer->inside = TRUE;
    if (strcmp (answer->callback, "close") != 0) {
      g_free (answer->acting);
      answer->acting = g_strdup (answer->callback);
    }
  } else if (g_str_has_prefix (line, "end ")) {
    answer->inside = FALSE;
  } else if (g_str_has_prefix (line, "result ") && !answer->result) {
    answer->result = vf_json_parse (space + 1, strlen (space + 1), error);
    return answer->result != NULL;
  } else if (!answer->end) {
    answer->end = g_strndup (line, (gsize)(space - line));
    answer->number = g_strdup (space + 1);
  }
  return TRUE;
}

static gboolean
ask (VfJson *job, Answer *answer, GCancellable *cancellable, GError **error)
{
  g_autoptr (VfProcess) process = vf_process_new_args (vf_paths_checker (), NULL);
  g_autofree char *text = vf_json_canonical (job);
  int status;
  static const char *const passed[] = {"VMFORGE_PROFILE_PATH", "VMFORGE_PLUGIN_PATH"};
  for (guint i = 0; i < G_N_ELEMENTS (passed); i++) {
    g_autofree char *assignment = g_strdup_printf ("%s=%s", passed[i], g_getenv (passed[i]));
    if (g_getenv (passed[i]))
      vf_process_add_env (process, assignment);
  }
  /* Memory is counted in what malloc gives, and what lies in its cache would count. */
  vf_process_add_env (process, "G_SLICE=always-malloc");
  vf_process_add_env (process, "GLIBC_TUNABLES=glibc.malloc.tcache_count=0");
  vf_process_set_input (process, text);
  vf_process_set_status_fd (process, VF_CHECK_FD);
  vf_process_set_line_func (process, on_line, answer);
  if (!vf_process_run (process, &status, cancellable, error))
    return FALSE;
  if (answer->end || answer->result)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' ended with status %d and no answer",
                       vf_paths_checker (), status);
}

/* An error that says nothing of the callback, as one that says it first. */
static char *
name_callback (const char *name, const char *callback, const char *message)
{
  g_autofree char *prefix = g_strconcat (name, ": ", NULL);
  if (g_str_has_prefix (message, prefix))
    message += strlen (prefix);
  return g_strdup_printf ("%s%s: %s", prefix, callback ? callback : "before any callback", message);
}

/* Why the plugin is to blame, or NULL. */
static char *
find_blame (const char *name, const Answer *answer, guint seconds)
{
  const char *callback = answer->callback ? answer->callback : "load";
  const char *when = answer->inside ? "" : "after ";
  if (g_strcmp0 (answer->end, "timeout") == 0)
    return g_strdup_printf ("%s: %s%s: no answer within %u s", name, when, callback, seconds);
  if (g_strcmp0 (answer->end, "signal") == 0)
    return g_strdup_printf ("%s: %s%s: it crashed by signal %s (%s)", name, when, callback, answer->number,
                            g_strsignal (atoi (answer->number)));
  if (!answer->result)
    return g_strdup_printf ("%s: %s%s: it ended the process with exit status %s", name, when, callback,
                            answer->number);
  const char *message = vf_json_string (answer->result, "error", NULL);
  if (message && !vf_json_bool (answer->result, "blamed", FALSE) && g_strcmp0 (answer->acting, "load") != 0)
    return name_callback (name, answer->acting, message);
  if (message)
    return g_strdup (message);
  if (g_strcmp0 (answer->end, "left") == 0)
    return g_strdup_printf ("%s: it leaves a process behind", name);
  return NULL;
}

static char *
name_of (const char *file)
{
  char *name = g_path_get_basename (file);
  char *dot = g_strrstr (name, ".so");
  if (dot)
    *dot = '\0';
  if (g_str_has_prefix (name, "vmforge-"))
    memmove (name, name + strlen ("vmforge-"), strlen (name) - strlen ("vmforge-") + 1);
  return name;
}

VfJson *
vf_check_describe (const char *file, GCancellable *cancellable, GError **error)
{
  g_auto (Answer) answer = {0};
  g_autoptr (VfJson) job = json_object_new_object ();
  g_autofree char *name = name_of (file), *absolute = g_canonicalize_filename (file, NULL);
  vf_json_set_string (job, "file", absolute);
  vf_json_set_int (job, "seconds", DESCRIBE_SECONDS);
  if (!ask (job, &answer, cancellable, error))
    return NULL;
  g_autofree char *blame = find_blame (name, &answer, DESCRIBE_SECONDS);
  if (!blame)
    return g_steal_pointer (&answer.result);
  vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "%s", blame);
  return NULL;
}

/* One run of the suite. */
typedef struct {
  const char *file, *name;
  const VfCheckOptions *options;
  char *work;
  char *shared;
  gboolean has_volumes;
  GCancellable *cancellable;
} Suite;

/* What one run of a case came to. */
typedef struct {
  char *why;  /* the reason of a failure, or NULL */
  char *note; /* as in the result, or NULL */
  gboolean skipped;
} Verdict;

static void
verdict_clear (Verdict *verdict)
{
  g_free (verdict->why);
  g_free (verdict->note);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Verdict, verdict_clear)

/* Runs one case, or VF_CHECK_CLEAR after it. */
static gboolean
run_case (const Suite *suite, const char *name, guint seconds, const char *store_id,
          GCancellable *cancellable, Verdict *verdict, GError **error)
{
  g_auto (Answer) answer = {0};
  g_autoptr (VfJson) job = json_object_new_object ();
  vf_json_set_string (job, "file", suite->file);
  vf_json_set_string (job, "case", name);
  vf_json_set_string (job, "work", suite->work);
  vf_json_set_string (job, "shared", suite->shared);
  vf_json_set_string (job, "store_id", store_id);
  vf_json_set_int (job, "seed", suite->options->seed);
  vf_json_set_int (job, "seconds", seconds);
  if (suite->options->parameters && *suite->options->parameters)
    vf_json_set_string (job, "parameters", suite->options->parameters);
  if (suite->options->spec)
    vf_json_set_string (job, "spec", suite->options->spec);
  if (!ask (job, &answer, cancellable, error))
    return FALSE;
  verdict->why = find_blame (suite->name, &answer, seconds);
  verdict->note = answer.result ? g_strdup (vf_json_string (answer.result, "note", NULL)) : NULL;
  verdict->skipped = answer.result && vf_json_bool (answer.result, "skipped", FALSE);
  return TRUE;
}

/* Volumes need not lie in the folder of the store: the plugin itself removes what a case left, also where the
 * user stopped that. */
static gboolean
clear_up (const Suite *suite, guint seconds, const char *store_id, Verdict *cleared, GError **error)
{
  if (g_cancellable_is_cancelled (suite->cancellable))
    seconds = MIN (seconds, STOPPED_SECONDS);
  return !suite->has_volumes || run_case (suite, VF_CHECK_CLEAR, seconds, store_id, NULL, cleared, error);
}

static gboolean
check_case (const Suite *suite, const VfCheckCase *test, VfCheckResult *result, GError **error)
{
  guint given = suite->options->seconds;
  guint seconds = given ? given : MAX (DEFAULT_SECONDS, test->seconds);
  g_autofree char *store_id = vf_digest_random_id ();
  g_auto (Verdict) verdict = {0};
  g_auto (Verdict) cleared = {0};
  gint64 start = g_get_monotonic_time ();
  if (!vf_fs_mkdir_p (AT_FDCWD, suite->work, 0700, error))
    return FALSE;
  gboolean done = run_case (suite, test->name, seconds, store_id, suite->cancellable, &verdict, error);
  if (!clear_up (suite, seconds, store_id, &cleared, done ? error : NULL) ||
      !vf_fs_remove (AT_FDCWD, suite->work, done ? error : NULL) || !done)
    return FALSE;
  /* What cannot be cleared after a failure is its consequence. */
  if (!verdict.why && cleared.why)
    verdict.why = g_strdup_printf ("its volumes cannot be removed afterwards: %s", cleared.why);
  *result = (VfCheckResult){
      .name = test->name,
      .summary = test->summary,
      .outcome = verdict.why       ? VF_CHECK_FAILED
                 : verdict.skipped ? VF_CHECK_SKIPPED
                                   : VF_CHECK_PASSED,
      .note = verdict.why ? g_steal_pointer (&verdict.why) : g_steal_pointer (&verdict.note),
      .seconds = (double)(g_get_monotonic_time () - start) / G_USEC_PER_SEC,
  };
  return TRUE;
}

static gboolean
check_all (const Suite *suite, const VfCheckCase *cases,
           void (*tell) (const VfCheckResult *result, gpointer user_data), gpointer user_data,
           VfCheckTotals *totals, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const VfCheckCase *test = cases; test->name; test++) {
    VfCheckResult result = {0};
    g_ptr_array_add (names, (gpointer)test->name);
    if (suite->options->only && strcmp (suite->options->only, test->name) != 0)
      continue;
    if (!check_case (suite, test, &result, error))
      return FALSE;
    tell (&result, user_data);
    g_free (result.note);
    totals->passed += result.outcome == VF_CHECK_PASSED;
    totals->failed += result.outcome == VF_CHECK_FAILED;
    totals->skipped += result.outcome == VF_CHECK_SKIPPED;
  }
  if (totals->passed + totals->failed + totals->skipped > 0)
    return TRUE;
  g_ptr_array_add (names, NULL);
  g_autofree char *hint = vf_suggest_hint (suite->options->only, (const char *const *)names->pdata);
  g_autofree char *list = g_strjoinv (", ", (char **)names->pdata);
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "no case '%s'%s; there are %s", suite->options->only, hint,
                       list);
}

static enum vmforge_plugin_kind
kind_of (VfJson *facts)
{
  const char *kind = vf_json_string (facts, "kind", "");
  for (enum vmforge_plugin_kind k = VMFORGE_PLUGIN_PACKAGE; k <= VMFORGE_PLUGIN_TRANSPORT; k++)
    if (strcmp (vf_plugin_kind_name (k), kind) == 0)
      return k;
  return 0;
}

static gboolean
is_declared (VfJson *parameters, const char *key)
{
  for (gsize i = 0; parameters && i < json_object_array_length (parameters); i++)
    if (strcmp (vf_json_string (json_object_array_get_idx (parameters, i), "name", ""), key) == 0)
      return TRUE;
  return FALSE;
}

/* What the user writes wrong is no fault of the plugin. */
static gboolean
check_parameters (enum vmforge_plugin_kind kind, VfJson *facts, const char *parameters, GError **error)
{
  if (!parameters)
    return TRUE;
  if (kind != VMFORGE_PLUGIN_STORAGE)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "--parameters are for storage plugins: leave them out");
  g_auto (GStrv) words = g_strsplit (parameters, ",", -1);
  for (char **word = words; *word; word++) {
    g_autofree char *key = g_strndup (*word, strcspn (*word, "="));
    if (!is_declared (vf_json_array (facts, "parameters"), key))
      return vf_error_set (error, VMFORGE_ERROR_SPEC,
                           "plugin '%s' has no parameter '%s': 'vmforge plugins show' lists them",
                           vf_json_string (facts, "name", ""), key);
  }
  return TRUE;
}

gboolean
vf_check_plugin (const char *file, const VfCheckOptions *options,
                 void (*tell) (const VfCheckResult *result, gpointer user_data), gpointer user_data,
                 VfCheckTotals *totals, GCancellable *cancellable, GError **error)
{
  g_autoptr (VfJson) facts = vf_check_describe (file, cancellable, error);
  if (!facts)
    return FALSE;
  enum vmforge_plugin_kind kind = kind_of (facts);
  const VfCheckCase *cases = vf_check_cases (kind);
  if (!cases)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "there is no suite for %s plugins yet",
                         vf_plugin_kind_name (kind));
  if (kind == VMFORGE_PLUGIN_PACKAGE && !options->spec)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "a package plugin is checked with a spec that it can build: add --spec FILE");
  g_autofree char *absolute = g_canonicalize_filename (file, NULL);
  if (!check_parameters (kind, facts, options->parameters, error))
    return FALSE;
  g_autofree char *place = g_canonicalize_filename (options->work ? options->work : WORK_PLACE, NULL);
  VfCheckFolder *folder = vf_check_folder_new (place, error);
  if (!folder)
    return FALSE;
  g_autofree char *work = g_build_filename (folder->path, "case", NULL);
  g_autofree char *shared = g_build_filename (folder->path, "shared", NULL);
  Suite suite = {.file = absolute,
                 .name = vf_json_string (facts, "name", ""),
                 .options = options,
                 .work = work,
                 .shared = shared,
                 .has_volumes = kind == VMFORGE_PLUGIN_STORAGE,
                 .cancellable = cancellable};
  gboolean done = check_all (&suite, cases, tell, user_data, totals, error);
  return vf_check_folder_remove (folder, done ? error : NULL) && done;
}
