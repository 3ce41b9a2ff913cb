/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* vmforge-worker: builds one stage, and takes everything that it made on this machine along when it ends.
 *
 *   engine ── vmforge-worker ── first process of a pid namespace ── builder ── bwrap, package tools …
 *             waits              reaps orphans                     works
 *
 * Each dies with its parent, the kernel kills all of a pid namespace with its first process, and the mount
 * namespace and its loop devices go with the last process in it. The one that waits is in neither namespace:
 * once it has seen the first process end, nothing of them is left. So it does not die of a signal that asks
 * it to end, but ends the others. */

#include "build/job.h"
#include "build/worker.h"
#include "support/error.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOB_LIMIT (256 * 1024 * 1024)

/* FALSE if the parent was gone before the kernel could be told. */
static gboolean
die_with_parent (pid_t parent)
{
  return prctl (PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid () == parent;
}

static int
wait_status (int status)
{
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

static gboolean
enter_mount_namespace (GError **error)
{
  if (unshare (CLONE_NEWNS) != 0)
    return vf_error_set_errno (error, "cannot make a mount namespace");
  /* Slave: mounts of the host (a store's pool) appear here, ours never there. */
  if (mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
    return vf_error_set_errno (error, "cannot make the mounts private");
  return TRUE;
}

static VfJson *
read_job (GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[65536];
  ssize_t length;
  while ((length = read (STDIN_FILENO, buffer, sizeof buffer)) != 0) {
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0) {
      vf_error_set_errno (error, "cannot read the job");
      return NULL;
    }
    g_string_append_len (text, buffer, length);
    if (text->len > JOB_LIMIT) {
      vf_error_set (error, VMFORGE_ERROR_FAILED, "the job is too large");
      return NULL;
    }
  }
  VfJson *job = vf_json_parse (text->str, text->len, error);
  if (job && vf_json_int (job, "format", 0) != 1) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the job has another format than this worker");
    g_clear_pointer (&job, vf_json_unref);
  }
  return job;
}

/* The one that works. A /proc of its own pid namespace, where /proc/self and the names of processes are
 * right. */
static int
build (VfJson *job, VfEvents *events)
{
  if (mount ("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
    vf_events_logf (events, "vmforge: /proc stays the host's: %s", g_strerror (errno));
  umask (022);
  return vf_worker_build (job, events) ? 0 : 1;
}

/* Process 1 of the pid namespace: starts the builder, reaps whatever is orphaned, ends with the builder. It
 * and the first process only wait: they leave by _exit(), so that what runs at an exit (a leak check, which
 * cannot make processes once the pid namespace is dead) runs in the builder alone. */
static int
be_init (VfJson *job, VfEvents *events)
{
  g_autoptr (GError) error = NULL;
  if (!enter_mount_namespace (&error)) {
    vf_events_failed (events, error);
    _exit (1);
  }
  pid_t builder = fork ();
  if (builder == 0)
    return die_with_parent (1) ? build (job, events) : 1;
  for (;;) {
    int status;
    pid_t pid = wait (&status);
    if (pid == builder)
      _exit (wait_status (status));
    if (pid < 0 && errno != EINTR)
      _exit (1);
  }
}

/* Those that ask us to end, and the one that tells of a child's end. */
static sigset_t
awaited_signals (void)
{
  sigset_t set;
  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGINT);
  sigaddset (&set, SIGHUP);
  sigaddset (&set, SIGCHLD);
  return set;
}

/* Waits for the first process of the namespace, and ends it when asked to. It becomes reapable when all
 * others of the namespace are gone. */
static int
await_init (pid_t init, const sigset_t *awaited)
{
  int status = 1 << 8;
  for (;;) {
    pid_t ended = waitpid (init, &status, WNOHANG);
    if (ended == init || (ended < 0 && errno != EINTR))
      return wait_status (status);
    int number = sigwaitinfo (awaited, NULL);
    if (number > 0 && number != SIGCHLD)
      kill (init, SIGKILL);
  }
}

static int
run (VfJson *job, VfEvents *events)
{
  g_autoptr (GError) error = NULL;
  const sigset_t awaited = awaited_signals ();
  sigset_t before;
  if (unshare (CLONE_NEWPID) != 0) {
    vf_error_set_errno (&error, "cannot make a pid namespace");
    vf_events_failed (events, error);
    return 1;
  }
  sigprocmask (SIG_BLOCK, &awaited, &before);
  pid_t init = fork ();
  if (init == 0) { /* its parent is outside of its pid namespace: number 0 */
    sigprocmask (SIG_SETMASK, &before, NULL);
    return die_with_parent (0) ? be_init (job, events) : 1;
  }
  if (init < 0) {
    vf_error_set_errno (&error, "cannot make a process");
    vf_events_failed (events, error);
    return 1;
  }
  int status = await_init (init, &awaited);
  /* A crash must look like one to the engine. */
  if (status > 128) {
    signal (status - 128, SIG_DFL);
    sigprocmask (SIG_SETMASK, &before, NULL);
    raise (status - 128);
  }
  _exit (status);
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
  if (!die_with_parent (parent))
    return 1;
  for (int fd = VF_JOB_EVENTS_FD; fd <= VF_JOB_LOCK_FD; fd++)
    if (fcntl (fd, F_SETFD, FD_CLOEXEC) != 0 && fd != VF_JOB_LOCK_FD) {
      fputs ("vmforge-worker is started by vmforge\n", stderr);
      return 2;
    }
  g_autoptr (VfJson) job = read_job (&error);
  if (!job) {
    vf_events_failed (&events, error);
    return 1;
  }
  int status = run (job, &events);
  g_free (events.what);
  return status;
}
