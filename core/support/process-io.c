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
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define MAX_LINE   (64 * 1024)
#define MAX_OUTPUT (64 * 1024 * 1024)
#define MAX_QUOTED 1024

typedef struct {
  int *fd; /* -1 once at its end */
  int stream;
  GString *line;
} Source;

typedef struct {
  VfProcess *process;
  VfProcessChild *child;
  Source sources[3];
  gsize sent;      /* of the input */
  gboolean failed; /* an error is set: end the child */
  GCancellable *cancellable;
  int cancel_fd;  /* -1: none */
  gint64 kill_at; /* monotonic time of SIGKILL; 0: not ending */
  gint64 tick_at; /* monotonic time of the next tick; 0: none */
} Service;

/* Errors quote these lines, and errors travel as JSON: they are UTF-8, and short. */
static void
remember (VfProcess *process, const GString *line)
{
  g_queue_push_tail (&process->tail, g_utf8_make_valid (line->str, (gssize)MIN (line->len, MAX_QUOTED)));
  if (process->tail.length > VF_PROCESS_TAIL_LINES)
    g_free (g_queue_pop_head (&process->tail));
}

static gboolean
deliver (Service *service, Source *source, GError **error)
{
  VfProcess *process = service->process;
  gboolean accepted = TRUE;
  if (source->stream == 2 || (source->stream == 1 && process->func != NULL))
    remember (process, source->line);
  if (process->func != NULL)
    accepted = process->func (source->stream, source->line->str, process->user_data, error);
  g_string_truncate (source->line, 0);
  return accepted;
}

static gboolean
take_output (VfProcess *process, const char *bytes, gsize length, GError **error)
{
  if (process->output->len + length > MAX_OUTPUT)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' writes more than 64 MiB",
                         (char *)g_ptr_array_index (process->argv, 0));
  g_string_append_len (process->output, bytes, (gssize)length);
  return TRUE;
}

static gboolean
take_lines (Service *service, Source *source, const char *bytes, gsize length, GError **error)
{
  for (gsize i = 0; i < length; i++) {
    gboolean newline = bytes[i] == '\n';
    if ((newline || source->line->len == MAX_LINE) && !deliver (service, source, error))
      return FALSE;
    if (!newline)
      g_string_append_c (source->line, bytes[i] == '\0' ? ' ' : bytes[i]);
  }
  return TRUE;
}

/* Closes the pipe; a last line without a newline is one too. */
static gboolean
finish (Service *service, Source *source, GError **error)
{
  vf_fd_clear (source->fd);
  return service->failed || source->line->len == 0 || deliver (service, source, error);
}

/* One read of at most limit bytes; *got of them. The end closes the pipe. */
static gboolean
read_some (Service *service, Source *source, gsize limit, gsize *got, GError **error)
{
  char buffer[16384];
  ssize_t length = read (*source->fd, buffer, MIN (limit, sizeof buffer));
  *got = (gsize)MAX (length, 0);
  if (length < 0 && (errno == EINTR || errno == EAGAIN))
    return TRUE;
  if (length <= 0)
    return finish (service, source, error);
  if (service->failed)
    return TRUE; /* who refused a line is not asked again */
  if (source->stream == 1 && service->process->func == NULL)
    return take_output (service->process, buffer, *got, error);
  return take_lines (service, source, buffer, *got, error);
}

/* After the child's end: what is in the pipe now and no more, as a grandchild may keep it open and go on
 * writing. */
static gboolean
read_rest (Service *service, Source *source, GError **error)
{
  int left = 0;
  if (*source->fd < 0)
    return TRUE;
  if (ioctl (*source->fd, FIONREAD, &left) < 0)
    left = 0;
  while (left > 0 && *source->fd >= 0) {
    gsize got;
    if (!read_some (service, source, (gsize)left, &got, error))
      return FALSE;
    left -= (int)got;
  }
  return *source->fd < 0 || finish (service, source, error);
}

static void
send_input (Service *service)
{
  const char *input = service->process->input;
  gsize left = strlen (input) - service->sent;
  ssize_t sent =
      left == 0 ? 0 : send (service->child->input, input + service->sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
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
    service->kill_at = now + service->process->grace;
  } else if (now >= service->kill_at) {
    signal_child (service, SIGKILL);
    service->kill_at = now + service->process->grace;
  }
}

/* Without pidfd_open (old kernels, valgrind) the end of the child has to be looked for, and so has
 * cancellation when no descriptor is left to tell of it. */
#define LOOK_MSEC 20

static int
timeout_of (const Service *service)
{
  gboolean blind = service->child->pidfd < 0 || (service->cancellable != NULL && service->cancel_fd < 0);
  int look = blind ? LOOK_MSEC : -1;
  gint64 next = service->kill_at != 0 ? service->kill_at : service->tick_at;
  if (next == 0)
    return look;
  int left = (int)(MAX (0, next - g_get_monotonic_time ()) / 1000) + 1;
  return look < 0 ? left : MIN (look, left);
}

/* Does not reap it: until then its process id, and that of its group, is nobody else's. */
static gboolean
has_ended (const Service *service, const struct pollfd *pidfd)
{
  if (service->child->pidfd >= 0)
    return pidfd->revents != 0;
  siginfo_t info = {.si_pid = 0};
  return waitid (P_PID, (id_t)service->child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

/* One wait. *ended is set once the child is gone. */
static gboolean
step (Service *service, gboolean *ended, GError **error)
{
  VfProcessChild *child = service->child;
  struct pollfd polls[6] = {{child->pidfd, POLLIN, 0},
                            {service->kill_at == 0 ? service->cancel_fd : -1, POLLIN, 0},
                            {child->input, POLLOUT, 0}};
  for (int i = 0; i < 3; i++)
    polls[3 + i] = (struct pollfd){*service->sources[i].fd, POLLIN, 0};
  if (poll (polls, G_N_ELEMENTS (polls), timeout_of (service)) < 0 && errno != EINTR)
    return vf_error_set_errno (error, "cannot wait for a program");
  if (child->input >= 0 && polls[2].revents != 0)
    send_input (service);
  *ended = has_ended (service, &polls[0]);
  for (int i = 0; i < 3; i++) {
    gsize got;
    if (polls[3 + i].revents != 0 && !read_some (service, &service->sources[i], G_MAXSIZE, &got, error))
      return FALSE;
  }
  return TRUE;
}

static void
init_sources (Service *service)
{
  VfProcessChild *child = service->child;
  Source sources[3] = {{&child->output, 1, NULL},
                       {&child->error, 2, NULL},
                       {&child->status, service->process->status_fd, NULL}};
  for (int i = 0; i < 3; i++) {
    sources[i].line = g_string_new (NULL);
    service->sources[i] = sources[i];
    if (*sources[i].fd >= 0)
      (void)fcntl (*sources[i].fd, F_SETFL, O_NONBLOCK);
  }
}

/* Nobody is asked any more once the child is to end. */
static gboolean
tick (Service *service, GError **error)
{
  VfProcess *process = service->process;
  gint64 now = g_get_monotonic_time ();
  if (process->tick == NULL || service->failed || service->kill_at != 0 || now < service->tick_at)
    return TRUE;
  gboolean good = process->tick (process->tick_data, error);
  service->tick_at = g_get_monotonic_time () + process->tick_every;
  return good;
}

static void
serve_until_end (Service *service, GError **error)
{
  for (gboolean ended = FALSE; !ended;) {
    if (!tick (service, error))
      service->failed = TRUE;
    if (!step (service, &ended, service->failed ? NULL : error))
      service->failed = TRUE;
    gboolean unwanted = service->failed || g_cancellable_is_cancelled (service->cancellable);
    if (!ended && (unwanted || service->kill_at != 0))
      end_child (service);
  }
}

/* Reads what the child left, and ends what it started. */
static void
clear_up (Service *service, int *wait_status, GError **error)
{
  /* Before it is reaped, after which the number of its group could be another's. */
  if (!service->process->interactive)
    kill (-service->child->pid, SIGKILL);
  for (int i = 0; i < 3; i++) {
    if (!read_rest (service, &service->sources[i], service->failed ? NULL : error))
      service->failed = TRUE;
    g_string_free (service->sources[i].line, TRUE);
  }
  while (waitpid (service->child->pid, wait_status, 0) < 0 && errno == EINTR)
    ;
}

gboolean
vf_process_serve (VfProcess *process, VfProcessChild *child, int *wait_status, GCancellable *cancellable,
                  GError **error)
{
  Service service = {.process = process,
                     .child = child,
                     .cancellable = cancellable,
                     .cancel_fd = g_cancellable_get_fd (cancellable),
                     .tick_at = process->tick == NULL ? 0 : g_get_monotonic_time () + process->tick_every};
  g_autoptr (GError) failure = NULL;
  init_sources (&service);
  serve_until_end (&service, &failure);
  clear_up (&service, wait_status, &failure);
  if (service.cancel_fd >= 0)
    g_cancellable_release_fd (cancellable);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  return service.kill_at == 0 || !vf_error_set_if_cancelled (cancellable, error);
}
