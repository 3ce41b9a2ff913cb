/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/process-private.h"

#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MAX_PASSED 16

/* All that the child needs, made before fork(): after it, only async-signal-safe calls are allowed. */
typedef struct {
  const char *program, *cwd;
  char **argv, **env;
  pid_t parent;
  gboolean own_group;
  VfProcessPass fds[MAX_PASSED];
  guint n_fds;
  int report;
  int floor; /* above all numbers that the child is to see */
  rlim_t n_descriptors;
} Plan;

/* What the child tells of a start that failed. */
typedef struct {
  int number; /* errno */
  gboolean folder;
} Report;

static _Noreturn void
child_fail (const Plan *plan, gboolean folder)
{
  Report report = {errno, folder};
  ssize_t ignored = write (plan->report, &report, sizeof report);
  (void)ignored;
  _exit (127);
}

/* What is not placed afterwards is not for the child, whoever opened it and however. */
static void
child_close_fds (const Plan *plan)
{
  if (syscall (SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
    return;
  /* Linux before 5.11, or a filter of system calls that does not know it. */
  for (rlim_t fd = 3; fd < plan->n_descriptors; fd++)
    (void)fcntl ((int)fd, F_SETFD, FD_CLOEXEC);
}

/* Two steps, so that no target number tramples on a source that is still needed. */
static void
child_place_fds (Plan *plan)
{
  int report = fcntl (plan->report, F_DUPFD_CLOEXEC, plan->floor);
  if (report < 0)
    child_fail (plan, FALSE);
  plan->report = report;
  for (guint i = 0; i < plan->n_fds; i++) {
    plan->fds[i].ours = fcntl (plan->fds[i].ours, F_DUPFD_CLOEXEC, plan->floor);
    if (plan->fds[i].ours < 0)
      child_fail (plan, FALSE);
  }
  child_close_fds (plan);
  for (guint i = 0; i < plan->n_fds; i++)
    if (dup2 (plan->fds[i].ours, plan->fds[i].theirs) < 0)
      child_fail (plan, FALSE);
}

static void
child_reset_signals (void)
{
  struct sigaction fallback = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++)
    if (number != SIGKILL && number != SIGSTOP)
      sigaction (number, &fallback, NULL);
  sigset_t none;
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static _Noreturn void
child_run (Plan *plan)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () != plan->parent)
    _exit (127); /* the parent died before it could be watched */
  if (plan->own_group)
    setpgid (0, 0);
  child_place_fds (plan);
  child_reset_signals ();
  if (chdir (plan->cwd) < 0)
    child_fail (plan, TRUE);
  execve (plan->program, plan->argv, plan->env);
  child_fail (plan, FALSE);
}

static void
plan_fd (Plan *plan, int ours, int theirs)
{
  plan->fds[plan->n_fds++] = (VfProcessPass){ours, theirs};
  plan->floor = MAX (plan->floor, theirs + 1);
}

/* A pipe whose write end the child gets. */
static gboolean
plan_pipe (Plan *plan, int theirs, int *ours, int *child_end, GError **error)
{
  int ends[2];
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return vf_error_set_errno (error, "cannot make a pipe");
  *ours = ends[0];
  *child_end = ends[1];
  plan_fd (plan, ends[1], theirs);
  return TRUE;
}

typedef struct {
  int input, output, error, status, report;
} ChildEnds;

/* A socket instead of a pipe: a child that stops reading must not cost us a SIGPIPE. */
static gboolean
plan_input (VfProcess *process, Plan *plan, VfProcessChild *child, ChildEnds *ends, GError **error)
{
  if (process->input == NULL) {
    ends->input = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    if (ends->input < 0)
      return vf_error_set_errno (error, "cannot open '/dev/null'");
  } else {
    int pair[2];
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
      return vf_error_set_errno (error, "cannot make a socket pair");
    child->input = pair[0];
    ends->input = pair[1];
  }
  plan_fd (plan, ends->input, 0);
  return TRUE;
}

static gboolean
plan_streams (VfProcess *process, Plan *plan, VfProcessChild *child, ChildEnds *ends, GError **error)
{
  for (guint i = 0; i < process->passed->len; i++) {
    VfProcessPass pass = g_array_index (process->passed, VfProcessPass, i);
    plan_fd (plan, pass.ours, pass.theirs);
  }
  if (process->status_fd > 0 && !plan_pipe (plan, process->status_fd, &child->status, &ends->status, error))
    return FALSE;
  if (process->interactive) {
    for (int fd = 0; fd <= 2; fd++)
      plan_fd (plan, fd, fd);
    return TRUE;
  }
  return plan_input (process, plan, child, ends, error) &&
         plan_pipe (plan, 1, &child->output, &ends->output, error) &&
         plan_pipe (plan, 2, &child->error, &ends->error, error);
}

/* Waits until the program runs, which closes the report's pipe, or could not be run. */
static gboolean
await_start (const Plan *plan, const VfProcessChild *child, int fd, GError **error)
{
  Report report;
  ssize_t length;
  do
    length = read (fd, &report, sizeof report);
  while (length < 0 && errno == EINTR);
  if (length != sizeof report)
    return TRUE;
  while (waitpid (child->pid, NULL, 0) < 0 && errno == EINTR)
    ;
  errno = report.number;
  if (report.folder)
    return vf_error_set_errno (error, "cannot run '%s' in the folder '%s'", plan->program, plan->cwd);
  return vf_error_set_errno (error, "cannot run '%s'", plan->program);
}

static gboolean
fork_child (Plan *plan, VfProcessChild *child, int report, ChildEnds *ends, GError **error)
{
  /* With everything blocked, no handler of ours can run in the child before it has reset them. */
  sigset_t all, before;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  child->pid = fork ();
  if (child->pid == 0)
    child_run (plan);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (child->pid < 0)
    return vf_error_set_errno (error, "cannot start '%s'", plan->program);
  if (plan->own_group)
    setpgid (child->pid, child->pid);
  vf_fd_clear (&ends->report);
  child->pidfd = (int)syscall (SYS_pidfd_open, child->pid, 0);
  return await_start (plan, child, report, error);
}

static rlim_t
count_descriptors (void)
{
  struct rlimit limit;
  return getrlimit (RLIMIT_NOFILE, &limit) < 0 ? 1024 : MIN (limit.rlim_cur, G_MAXINT);
}

gboolean
vf_process_spawn (VfProcess *process, const char *program, VfProcessChild *child, GError **error)
{
  if (process->passed->len > MAX_PASSED - 5)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "too many descriptors for '%s'", program);
  g_ptr_array_add (process->argv, NULL);
  g_ptr_array_add (process->env, NULL);
  Plan plan = {.program = program,
               .cwd = process->cwd == NULL ? "/" : process->cwd,
               .argv = (char **)process->argv->pdata,
               .env = (char **)process->env->pdata,
               .parent = getpid (),
               .own_group = !process->interactive,
               .floor = 3,
               .n_descriptors = count_descriptors ()};
  ChildEnds ends = {-1, -1, -1, -1, -1};
  int report[2] = {-1, -1};
  gboolean started = plan_streams (process, &plan, child, &ends, error);
  if (started && pipe2 (report, O_CLOEXEC) < 0)
    started = vf_error_set_errno (error, "cannot make a pipe");
  ends.report = plan.report = report[1];
  started = started && fork_child (&plan, child, report[0], &ends, error);
  int *done[] = {&ends.input, &ends.output, &ends.error, &ends.status, &ends.report, &report[0]};
  for (gsize i = 0; i < G_N_ELEMENTS (done); i++)
    vf_fd_clear (done[i]);
  g_ptr_array_set_size (process->argv, (gint)process->argv->len - 1);
  g_ptr_array_set_size (process->env, (gint)process->env->len - 1);
  return started;
}
