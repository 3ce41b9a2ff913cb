/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/isolate.h"

#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define GRACE_USEC (500 * 1000) /* for programs that die with the one that works */
#define LOOK_USEC  (5 * 1000)

/* What the first process tells. */
typedef struct {
  VfIsolated result;
  int failure; /* errno of what it could not make */
} Report;

gboolean
vf_isolate_die_with_parent (pid_t parent)
{
  return prctl (PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid () == parent;
}

/* Slave: mounts of the host (a store's pool) appear here, ours never there. */
static gboolean
enter_mount_namespace (void)
{
  return unshare (CLONE_NEWNS) == 0 && mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
}

static void
tell (int fd, const Report *report)
{
  ssize_t length = write (fd, report, sizeof *report);
  _exit (length == sizeof *report ? 0 : 1);
}

/* Whether somebody else is still there once the one that worked has ended. */
static gboolean
wait_for_others (void)
{
  gint64 end = g_get_monotonic_time () + GRACE_USEC;
  for (;;) {
    pid_t pid = waitpid (-1, NULL, WNOHANG);
    if (pid < 0)
      return FALSE;
    if (pid == 0 && g_get_monotonic_time () > end)
      return TRUE;
    if (pid == 0)
      g_usleep (LOOK_USEC);
  }
}

/* Reaps until the worker has ended, and what it left orphaned. It leaves by _exit(), so that what runs at an
 * exit (a leak check) runs in the worker alone. */
static void
be_first (pid_t worker, int fd)
{
  Report report = {.failure = 0};
  int status = 0;
  pid_t pid;
  while ((pid = wait (&status)) != worker && (pid >= 0 || errno == EINTR))
    ;
  report.result.signal = WIFSIGNALED (status) ? WTERMSIG (status) : 0;
  report.result.status = WIFEXITED (status) ? WEXITSTATUS (status) : 0;
  report.result.left = wait_for_others ();
  tell (fd, &report);
}

static VfIsolateSide
begin_inside (pid_t parent, const VfIsolateOptions *options, int fd)
{
  Report report = {.failure = 0};
  if (!vf_isolate_die_with_parent (parent))
    _exit (1);
  /* Without a pid namespace orphans are ours by this. */
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  pid_t self = getpid (), worker = -1;
  if (!options->namespaces || enter_mount_namespace ())
    worker = fork ();
  if (worker < 0) {
    report.failure = errno;
    tell (fd, &report);
  }
  if (worker > 0)
    be_first (worker, fd);
  if (!vf_isolate_die_with_parent (self))
    _exit (1);
  /* A /proc where /proc/self and the names of processes are right; else it stays the host's. */
  if (options->namespaces)
    mount ("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  return VF_ISOLATE_INSIDE;
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

/* Waits for the first process, and ends it when time is up or when asked to. It becomes reapable when all
 * others of its namespace are gone. */
static void
await (pid_t first, const VfIsolateOptions *options, const sigset_t *awaited, VfIsolated *result)
{
  gint64 end = options->seconds ? g_get_monotonic_time () + options->seconds * G_USEC_PER_SEC : G_MAXINT64;
  for (;;) {
    pid_t ended = waitpid (first, NULL, WNOHANG);
    if (ended == first || (ended < 0 && errno != EINTR))
      return;
    gint64 left = MAX (end - g_get_monotonic_time (), 0);
    struct timespec time = {left / G_USEC_PER_SEC, left % G_USEC_PER_SEC * 1000};
    int number = options->seconds && !result->timed_out ? sigtimedwait (awaited, NULL, &time)
                                                        : sigwaitinfo (awaited, NULL);
    result->timed_out |= number < 0 && errno == EAGAIN;
    result->stopped |= number > 0 && number != SIGCHLD;
    if (result->timed_out || result->stopped)
      kill (first, SIGKILL);
  }
}

static VfIsolateSide
end_outside (pid_t first, const VfIsolateOptions *options, const sigset_t *awaited, int fd,
             VfIsolated *result, GError **error)
{
  Report report;
  VfIsolated mine = {0};
  await (first, options, awaited, &mine);
  ssize_t length = read (fd, &report, sizeof report);
  if (length != sizeof report) {
    *result = mine;
    result->signal = SIGKILL;
    return VF_ISOLATE_OUTSIDE;
  }
  *result = report.result;
  if (report.failure == 0)
    return VF_ISOLATE_OUTSIDE;
  errno = report.failure;
  vf_error_set_errno (error, "cannot make the namespace of a process");
  return VF_ISOLATE_FAILED;
}

VfIsolateSide
vf_isolate (const VfIsolateOptions *options, VfIsolated *result, GError **error)
{
  const sigset_t awaited = awaited_signals ();
  sigset_t before;
  int ends[2];
  if (options->namespaces && unshare (CLONE_NEWPID) != 0) {
    vf_error_set_errno (error, "cannot make a pid namespace");
    return VF_ISOLATE_FAILED;
  }
  if (pipe2 (ends, O_CLOEXEC) != 0) {
    vf_error_set_errno (error, "cannot make a pipe");
    return VF_ISOLATE_FAILED;
  }
  vf_autofd int from = ends[0], to = ends[1];
  sigprocmask (SIG_BLOCK, &awaited, &before);
  /* Outside of its pid namespace the parent has no number. */
  pid_t parent = options->namespaces ? 0 : getpid (), first = fork ();
  if (first == 0) {
    sigprocmask (SIG_SETMASK, &before, NULL);
    return begin_inside (parent, options, to);
  }
  VfIsolateSide side = VF_ISOLATE_FAILED;
  vf_fd_clear (&to);
  if (first > 0)
    side = end_outside (first, options, &awaited, from, result, error);
  else
    vf_error_set_errno (error, "cannot make a process");
  sigprocmask (SIG_SETMASK, &before, NULL);
  return side;
}
