/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/process-private.h"

#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define MAX_LINE   (64 * 1024)
#define MAX_OUTPUT (64 * 1024 * 1024)
#define GRACE_USEC (2 * G_USEC_PER_SEC)

typedef struct {
  int *fd;      /* -1 once at its end */
  int stream;
  GString *line;
} Source;

typedef struct {
  VfProcess *process;
  VfProcessChild *child;
  Source sources[3];
  gsize sent;      /* of the input */
  gboolean failed; /* error is set: end the child */
  gint64 kill_at;  /* monotonic time of SIGKILL; 0: not ending */
} Service;

static void
remember (VfProcess *process, const char *line)
{
  g_queue_push_tail (&process->tail, g_strdup (line));
  if (process->tail.length > VF_PROCESS_TAIL_LINES)
    g_free (g_queue_pop_head (&process->tail));
}

static gboolean
deliver (Service *service, Source *source, GError **error)
{
  VfProcess *process = service->process;
  const char *line = source->line->str;
  gboolean accepted = TRUE;
  if (source->stream == 2 || (source->stream == 1 && process->func != NULL))
    remember (process, line);
  if (process->func != NULL)
    accepted = process->func (source->stream, line, process->user_data, error);
  g_string_truncate (source->line, 0);
  return accepted;
}

static gboolean
take (Service *service, Source *source, const char *bytes, gsize length, GError **error)
{
  VfProcess *process = service->process;
  if (source->stream == 1 && process->func == NULL) {
    if (process->output->len + length > MAX_OUTPUT)
      return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' writes more than 64 MiB",
                           (char *)g_ptr_array_index (process->argv, 0));
    g_string_append_len (process->output, bytes, (gssize)length);
    return TRUE;
  }
  for (gsize i = 0; i < length; i++) {
    if (bytes[i] != '\n')
      g_string_append_c (source->line, bytes[i] == '\0' ? ' ' : bytes[i]);
    if ((bytes[i] == '\n' || source->line->len >= MAX_LINE) && !deliver (service, source, error))
      return FALSE;
  }
  return TRUE;
}

/* Reads what is there. TRUE also at the end, which closes the descriptor. */
static gboolean
drain (Service *service, Source *source, gboolean to_the_end, GError **error)
{
  char buffer[16384];
  while (*source->fd >= 0) {
    ssize_t length = read (*source->fd, buffer, sizeof buffer);
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0 && errno == EAGAIN)
      return TRUE;
    if (length <= 0) {
      vf_fd_clear (source->fd);
      return source->line->len == 0 || deliver (service, source, error);
    }
    if (!take (service, source, buffer, (gsize)length, error))
      return FALSE;
    if (!to_the_end)
      return TRUE;
  }
  return TRUE;
}

static void
send_input (Service *service)
{
  const char *input = service->process->input;
  gsize left = strlen (input) - service->sent;
  ssize_t sent = left == 0 ? 0 : send (service->child->input, input + service->sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0)
    service->sent += (gsize)sent;
  gboolean broken = sent < 0 && errno != EAGAIN && errno != EINTR;
  if (broken || service->sent == strlen (input))
    vf_fd_clear (&service->child->input); /* a child that wants no more decides by its status */
}

static void
signal_child (Service *service, int number)
{
  /* The group: what the program started belongs to it. */
  if (service->process->interactive || kill (-service->child->pid, number) < 0)
    kill (service->child->pid, number);
}

static void
end_child (Service *service)
{
  gint64 now = g_get_monotonic_time ();
  if (service->kill_at == 0) {
    signal_child (service, SIGTERM);
    service->kill_at = now + GRACE_USEC;
  } else if (now >= service->kill_at) {
    signal_child (service, SIGKILL);
    service->kill_at = now + GRACE_USEC;
  }
}

/* Without pidfd_open (old kernels, valgrind) the end of the child has to be looked for. */
#define LOOK_MSEC 20

static int
timeout_of (const Service *service)
{
  int look = service->child->pidfd < 0 ? LOOK_MSEC : -1;
  if (service->kill_at == 0)
    return look;
  int left = (int)(MAX (0, service->kill_at - g_get_monotonic_time ()) / 1000) + 1;
  return look < 0 ? left : MIN (look, left);
}

static gboolean
has_ended (const Service *service, const struct pollfd *pidfd)
{
  if (service->child->pidfd >= 0)
    return pidfd->revents != 0;
  siginfo_t info = {.si_pid = 0};
  return waitid (P_PID, (id_t)service->child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* One wait. *ended is set once the child is gone. */
static gboolean
step (Service *service, int cancel_fd, gboolean *ended, GError **error)
{
  VfProcessChild *child = service->child;
  struct pollfd polls[6] = {{child->pidfd, POLLIN, 0},
                            {service->kill_at == 0 ? cancel_fd : -1, POLLIN, 0},
                            {child->input, POLLOUT, 0}};
  for (int i = 0; i < 3; i++)
    polls[3 + i] = (struct pollfd){*service->sources[i].fd, POLLIN, 0};
  if (poll (polls, G_N_ELEMENTS (polls), timeout_of (service)) < 0 && errno != EINTR)
    return vf_error_set_errno (error, "cannot wait for a program");
  if (child->input >= 0 && polls[2].revents != 0)
    send_input (service);
  *ended = has_ended (service, &polls[0]);
  for (int i = 0; i < 3; i++)
    if ((polls[3 + i].revents != 0 || *ended) && !drain (service, &service->sources[i], *ended, error))
      return FALSE;
  return TRUE;
}

static void
init_sources (Service *service)
{
  VfProcessChild *child = service->child;
  Source sources[3] = {{&child->output, 1, NULL}, {&child->error, 2, NULL}, {&child->status, service->process->status_fd, NULL}};
  for (int i = 0; i < 3; i++) {
    sources[i].line = g_string_new (NULL);
    service->sources[i] = sources[i];
    if (*sources[i].fd >= 0)
      (void)fcntl (*sources[i].fd, F_SETFL, O_NONBLOCK);
  }
}

/* Waits for the end, serving all pipes. A grandchild that keeps them open does not keep us: what was written before
 * the child ended is read, then they are closed. */
gboolean
vf_process_serve (VfProcess *process, VfProcessChild *child, int *wait_status, GCancellable *cancellable,
                  GError **error)
{
  Service service = {.process = process, .child = child};
  g_autoptr (GError) failure = NULL;
  init_sources (&service);
  int cancel_fd = g_cancellable_get_fd (cancellable);
  for (gboolean ended = FALSE; !ended;) {
    gboolean served = step (&service, cancel_fd, &ended, failure == NULL ? &failure : NULL);
    if (!served || (service.kill_at == 0 && g_cancellable_is_cancelled (cancellable))
        || (service.kill_at != 0 && g_get_monotonic_time () >= service.kill_at))
      end_child (&service);
  }
  if (cancel_fd >= 0)
    g_cancellable_release_fd (cancellable);
  while (waitpid (child->pid, wait_status, 0) < 0 && errno == EINTR)
    ;
  /* Nothing that it started outlives it. */
  if (!process->interactive)
    kill (-child->pid, SIGKILL);
  for (int i = 0; i < 3; i++)
    g_string_free (service.sources[i].line, TRUE);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  return service.kill_at == 0 || !vf_error_set_if_cancelled (cancellable, error);
}
