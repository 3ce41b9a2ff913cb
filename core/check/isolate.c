/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/*   caller ── first process of a pid namespace ── func
 *   waits     reaps, reports by a pipe            works */
#include "check/isolate.h"

#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static gboolean
enter_namespaces (GError **error)
{
  if (unshare (CLONE_NEWNS | CLONE_NEWPID) != 0)
    return vf_error_set_errno (error, "cannot make mount and pid namespaces");
  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return vf_error_set_errno (error, "cannot make the mounts private");
  return TRUE;
}

static int
run_func (int (*func) (gpointer data), gpointer data, gboolean namespaces)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (namespaces)
    mount ("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  return func (data);
}

/* Reaps until func ends, and tells how. What was orphaned before is ours to see: it is a subreaper's, or of
 * our pid namespace. */
static void
be_first (int (*func) (gpointer data), gpointer data, gboolean namespaces, int report)
{
  VfIsolated result = {0};
  int status = 0;
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  pid_t worker = fork (), pid;
  if (worker == 0)
    _exit (run_func (func, data, namespaces));
  while ((pid = wait (&status)) != worker && (pid >= 0 || errno == EINTR))
    ;
  result.signal = WIFSIGNALED (status) ? WTERMSIG (status) : 0;
  result.status = WIFEXITED (status) ? WEXITSTATUS (status) : 0;
  /* A program that dies with its parent may need a moment to do so. */
  for (guint i = 0; i < 50 && (pid = waitpid (-1, NULL, WNOHANG)) >= 0; i++)
    if (pid == 0)
      g_usleep (10000);
  result.left = pid == 0;
  ssize_t length = write (report, &result, sizeof result);
  _exit (length == sizeof result ? 0 : 1);
}

gboolean
vf_isolate (int (*func) (gpointer data), gpointer data, gboolean namespaces, guint seconds,
            VfIsolated *result, GError **error)
{
  int ends[2];
  if (namespaces && !enter_namespaces (error))
    return FALSE;
  if (pipe2 (ends, O_CLOEXEC) != 0)
    return vf_error_set_errno (error, "cannot make a pipe");
  vf_autofd int from = ends[0], to = ends[1];
  pid_t first = fork ();
  if (first < 0)
    return vf_error_set_errno (error, "cannot start a process");
  if (first == 0)
    be_first (func, data, namespaces, to);
  vf_fd_clear (&to);
  struct pollfd end = {from, POLLIN, 0};
  int ready;
  while ((ready = poll (&end, 1, seconds ? (int)seconds * 1000 : -1)) < 0 && errno == EINTR)
    ;
  *result = (VfIsolated){.timed_out = ready == 0};
  ssize_t length = ready > 0 ? read (from, result, sizeof *result) : 0;
  kill (first, SIGKILL);
  waitpid (first, NULL, 0);
  if (!result->timed_out && length != sizeof *result)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the first process of the namespace was killed");
  return TRUE;
}
