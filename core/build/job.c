/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/job.h"

#include "plugin/call.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"
#include "support/paths.h"

#include <string.h>

/* A worker runs scripts of others; what it may make us keep is bounded. */
#define MAX_PACKAGES 100000

/* A worker that is asked to end kills at once all that it started, and waits for it: what takes long then is
 * the kernel, which writes a filesystem back to unmount it. Killing the worker would only hide that. */
#define END_MSEC   30000
#define WATCH_MSEC 1000

/* Of our environment, what a worker needs beside the minimal one. */
static const char *const passed_environment[] = {
    "VMFORGE_PLUGIN_PATH", "VMFORGE_DEBUG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
};

typedef struct {
  const VfJobWatcher *watcher;
  int log_fd;
  GPtrArray *packages;
  gboolean finished;
  GError *failure; /* what the worker reported */
} Reader;

static gboolean
on_package (Reader *reader, VfJson *event, GError **error)
{
  VfJson *json = vf_json_object (event, "package");
  if (!json || reader->packages->len >= MAX_PACKAGES)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the worker listed too many packages, or none");
  VfPackage *package = vf_package_from_json (json, error);
  if (!package)
    return FALSE;
  g_ptr_array_add (reader->packages, package);
  return TRUE;
}

static void
on_index (Reader *reader, VfJson *event)
{
  const VfJobWatcher *watcher = reader->watcher;
  const char *root = vf_json_string (event, "index", "");
  gint64 own_bytes = vf_json_int (event, "own_bytes", -1);
  if (!vf_digest_is_hex (root, VF_DIGEST_HEX) || own_bytes < 0)
    vf_error_set (&reader->failure, VMFORGE_ERROR_FAILED, "the worker ended without an index of its volume");
  else if (watcher && watcher->indexed)
    watcher->indexed (root, (guint64)own_bytes, watcher->user_data);
}

static void
on_result (Reader *reader, VfJson *event)
{
  if (reader->finished)
    return;
  reader->finished = TRUE;
  if (vf_json_bool (event, "ok", FALSE)) {
    on_index (reader, event);
    return;
  }
  gint64 code = vf_json_int (event, "code", VMFORGE_ERROR_FAILED);
  if (code < VMFORGE_ERROR_FAILED || code > VMFORGE_ERROR_NOT_FOUND)
    code = VMFORGE_ERROR_FAILED;
  vf_error_set (&reader->failure, (VmforgeError)code, "%s",
                vf_json_string (event, "message", "the worker failed without a reason"));
}

static gboolean
on_event (Reader *reader, VfJson *event, GError **error)
{
  const VfJobWatcher *watcher = reader->watcher;
  const char *name = vf_json_string (event, "event", "");
  if (strcmp (name, "package") == 0)
    return on_package (reader, event, error);
  if (strcmp (name, "result") == 0)
    on_result (reader, event);
  else if (strcmp (name, "progress") == 0 && watcher && watcher->progress)
    watcher->progress (CLAMP (vf_json_int (event, "fraction", 0), 0, 1000) / 1000.0,
                       vf_json_string (event, "what", ""), watcher->user_data);
  else if (strcmp (name, "log") == 0 && watcher && watcher->log)
    watcher->log (vf_json_string (event, "message", ""), watcher->user_data);
  else if (strcmp (name, "written") == 0 && watcher && watcher->written)
    watcher->written ((guint64)MAX (vf_json_int (event, "bytes", 0), 0), watcher->user_data);
  else if (strcmp (name, "warning") == 0 && watcher && watcher->warning)
    watcher->warning (vf_json_string (event, "message", ""), watcher->user_data);
  return TRUE;
}

/* What the worker itself writes is a crash report or a sanitizer's: it belongs into the log. */
static gboolean
on_line (int stream, const char *line, gpointer user_data, GError **error)
{
  Reader *reader = user_data;
  if (stream != VF_JOB_EVENTS_FD) {
    g_autofree char *text = g_strconcat (line, "\n", NULL);
    vf_fs_write_all (reader->log_fd, text, strlen (text), NULL);
    return TRUE;
  }
  g_autoptr (VfJson) event = vf_json_parse (line, strlen (line), error);
  return event && on_event (reader, event, error);
}

static VfProcess *
new_process (VfJson *job, int log_fd, int lock_fd)
{
  VfProcess *process = vf_process_new_args (vf_paths_worker (), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (passed_environment); i++) {
    const char *value = g_getenv (passed_environment[i]);
    g_autofree char *assignment = value ? g_strdup_printf ("%s=%s", passed_environment[i], value) : NULL;
    if (assignment)
      vf_process_add_env (process, assignment);
  }
  g_autofree char *text = vf_json_canonical (job);
  vf_process_set_input (process, text);
  vf_process_set_status_fd (process, VF_JOB_EVENTS_FD);
  vf_process_set_grace (process, END_MSEC);
  vf_process_pass_fd (process, log_fd, VF_JOB_LOG_FD);
  if (lock_fd >= 0)
    vf_process_pass_fd (process, lock_fd, VF_JOB_LOCK_FD);
  return process;
}

static gboolean
check_end (const char *stage, int status, Reader *reader, GError **error)
{
  if (reader->failure) {
    g_propagate_error (error, g_steal_pointer (&reader->failure));
    return FALSE;
  }
  if (reader->finished && status == 0)
    return TRUE;
  if (status > 128)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "stage '%s': the worker process died of signal %d (%s)",
                         stage, status - 128, g_strsignal (status - 128));
  return vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "stage '%s': the worker process ended with status %d and without a result", stage,
                       status);
}

gboolean
vf_job_run (VfJson *job, int log_fd, int lock_fd, const VfJobWatcher *watcher, GPtrArray **packages,
            GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  g_autoptr (VfProcess) process = new_process (job, log_fd, lock_fd);
  Reader reader = {.watcher = watcher, .log_fd = log_fd, .packages = found};
  int status = 0;
  vf_process_set_line_func (process, on_line, &reader);
  if (watcher && watcher->watch)
    vf_process_set_tick (process, WATCH_MSEC, watcher->watch, watcher->user_data);
  gboolean ok = vf_process_run (process, &status, cancellable, error) &&
                check_end (vf_json_string (job, "stage", ""), status, &reader, error);
  g_clear_error (&reader.failure);
  if (ok && packages)
    *packages = g_steal_pointer (&found);
  return ok;
}
