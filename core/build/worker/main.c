/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* vmforge-worker: builds one stage in namespaces of its own (isolate.h), and takes everything that it made on
 * this machine along when it ends.
 *
 *   engine ── vmforge-worker ── first process of a pid namespace ── builder ── bwrap, package tools …
 *             waits              reaps orphans                     works
 *
 * The one that waits does not die of a signal that asks it to end, but ends the others: once it is gone
 * nothing of them is left. */

#include "build/job.h"
#include "build/worker.h"
#include "support/error.h"
#include "support/isolate.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOB_LIMIT (256 * 1024 * 1024)

static VfJson *
read_job (GError **error)
{
  VfJson *job = vf_json_read_fd (STDIN_FILENO, JOB_LIMIT, error);
  if (job && vf_json_int (job, "format", 0) != 1) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the job has another format than this worker");
    g_clear_pointer (&job, vf_json_unref);
  }
  return job;
}

/* A crash must look like one to the engine. */
static void
end_like (const VfIsolated *result)
{
  if (result->signal && !result->stopped) {
    signal (result->signal, SIG_DFL);
    raise (result->signal);
  }
  _exit (result->stopped ? 128 + SIGTERM : result->status);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  VfEvents events = {.events_fd = VF_JOB_EVENTS_FD, .log_fd = VF_JOB_LOG_FD, .permille = -1};
  pid_t parent = getppid ();
  if (argc > 1) {
    fputs ("vmforge-worker is started by vmforge; it takes no arguments\n", stderr);
    return 2;
  }
  if (!vf_isolate_die_with_parent (parent))
    return 1;
  for (int fd = VF_JOB_EVENTS_FD; fd <= VF_JOB_LOCK_FD; fd++)
    if (fcntl (fd, F_SETFD, FD_CLOEXEC) != 0 && fd != VF_JOB_LOCK_FD) {
      fputs ("vmforge-worker is started by vmforge\n", stderr);
      return 2;
    }
  const VfIsolateOptions options = {.namespaces = TRUE};
  VfIsolated result = {0};
  g_autoptr (VfJson) job = read_job (&error);
  VfIsolateSide side = job ? vf_isolate (&options, &result, &error) : VF_ISOLATE_FAILED;
  if (side == VF_ISOLATE_FAILED) {
    vf_events_failed (&events, error);
    return 1;
  }
  if (side == VF_ISOLATE_OUTSIDE)
    end_like (&result);
  umask (022);
  int status = vf_worker_build (job, &events) ? 0 : 1;
  g_free (events.what);
  return status;
}
