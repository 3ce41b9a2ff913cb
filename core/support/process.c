/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/process.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/process-private.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* Of its last lines, an error quotes these many. */
#define QUOTED_LINES 3

#define GRACE_MSEC 2000

/* Of our own environment, what programs get too: how to reach the network, and the reproducible clock. */
static const char *const inherited[] = {
    "http_proxy",  "https_proxy", "ftp_proxy", "no_proxy",  "all_proxy", "HTTP_PROXY",
    "HTTPS_PROXY", "FTP_PROXY",   "NO_PROXY",  "ALL_PROXY", "HOME",      "SOURCE_DATE_EPOCH",
};

VfProcess *
vf_process_new (const char *const *argv)
{
  VfProcess *process = g_new0 (VfProcess, 1);
  process->argv = g_ptr_array_new_with_free_func (g_free);
  process->env = g_ptr_array_new_with_free_func (g_free);
  process->passed = g_array_new (FALSE, FALSE, sizeof (VfProcessPass));
  process->output = g_string_new (NULL);
  g_queue_init (&process->tail);
  vf_process_set_grace (process, GRACE_MSEC);
  for (; *argv != NULL; argv++)
    vf_process_add_argument (process, *argv);
  vf_process_add_env (process, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  vf_process_add_env (process, "LC_ALL=C.UTF-8");
  vf_process_add_env (process, "TZ=UTC");
  for (gsize i = 0; i < G_N_ELEMENTS (inherited); i++) {
    const char *value = g_getenv (inherited[i]);
    if (value != NULL)
      g_ptr_array_add (process->env, g_strdup_printf ("%s=%s", inherited[i], value));
  }
  if (g_getenv ("HOME") == NULL)
    vf_process_add_env (process, "HOME=/root");
  return process;
}

VfProcess *
vf_process_new_args (const char *program, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  va_list args;
  va_start (args, program);
  for (const char *argument = program; argument != NULL; argument = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer)argument);
  va_end (args);
  g_ptr_array_add (argv, NULL);
  return vf_process_new ((const char *const *)argv->pdata);
}

void
vf_process_free (VfProcess *process)
{
  if (process == NULL)
    return;
  g_ptr_array_unref (process->argv);
  g_ptr_array_unref (process->env);
  g_array_unref (process->passed);
  g_string_free (process->output, TRUE);
  g_queue_clear_full (&process->tail, g_free);
  g_free (process->tail_text);
  g_free (process->cwd);
  g_free (process->input);
  g_free (process);
}

void
vf_process_add_argument (VfProcess *process, const char *argument)
{
  g_ptr_array_add (process->argv, g_strdup (argument));
}

void
vf_process_add_env (VfProcess *process, const char *assignment)
{
  gsize length = strcspn (assignment, "=") + 1;
  for (guint i = 0; i < process->env->len; i++)
    if (strncmp (g_ptr_array_index (process->env, i), assignment, length) == 0)
      g_ptr_array_remove_index (process->env, i--);
  g_ptr_array_add (process->env, g_strdup (assignment));
}

void
vf_process_set_cwd (VfProcess *process, const char *path)
{
  g_free (process->cwd);
  process->cwd = g_strdup (path);
}

void
vf_process_set_input (VfProcess *process, const char *text)
{
  g_free (process->input);
  process->input = g_strdup (text);
}

void
vf_process_pass_fd (VfProcess *process, int fd, int child_fd)
{
  VfProcessPass pass = {fd, child_fd};
  g_array_append_val (process->passed, pass);
}

void
vf_process_set_status_fd (VfProcess *process, int child_fd)
{
  process->status_fd = child_fd;
}

void
vf_process_set_line_func (VfProcess *process, VfProcessLineFunc func, gpointer user_data)
{
  process->func = func;
  process->user_data = user_data;
}

void
vf_process_set_interactive (VfProcess *process)
{
  process->interactive = TRUE;
  const char *term = g_getenv ("TERM");
  if (term != NULL)
    g_ptr_array_add (process->env, g_strdup_printf ("TERM=%s", term));
}

void
vf_process_set_tick (VfProcess *process, guint milliseconds, VfProcessTickFunc func, gpointer user_data)
{
  process->tick = func;
  process->tick_data = user_data;
  process->tick_every = milliseconds * G_GINT64_CONSTANT (1000);
}

void
vf_process_set_grace (VfProcess *process, guint milliseconds)
{
  process->grace = milliseconds * G_GINT64_CONSTANT (1000);
}

const char *
vf_process_get_output (const VfProcess *process)
{
  return process->output->str;
}

const char *
vf_process_get_error_tail (const VfProcess *process)
{
  VfProcess *self = (VfProcess *)process;
  g_autoptr (GString) text = g_string_new (NULL);
  for (GList *item = process->tail.head; item != NULL; item = item->next)
    g_string_append_printf (text, "%s%s", text->len == 0 ? "" : "\n", (char *)item->data);
  g_free (self->tail_text);
  self->tail_text = g_strdup (text->str);
  return self->tail_text;
}

/* What it said last, on one line: the whole tail is in the log. */
static char *
last_words (const VfProcess *process)
{
  g_autoptr (GString) said = g_string_new (NULL);
  guint lines = 0;
  for (const GList *item = process->tail.tail; item != NULL && lines < QUOTED_LINES; item = item->prev) {
    const char *line = item->data;
    if (*line == '\0')
      continue;
    g_string_prepend (said, lines++ == 0 ? "" : "; ");
    g_string_prepend (said, line);
  }
  return g_string_free (g_steal_pointer (&said), FALSE);
}

static gboolean
judge (const VfProcess *process, int wait_status, GError **error)
{
  const char *name = g_ptr_array_index (process->argv, 0);
  if (WIFSIGNALED (wait_status)) {
    int number = WTERMSIG (wait_status);
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' was ended by signal %d (%s)", name, number,
                         g_strsignal (number));
  }
  if (WEXITSTATUS (wait_status) == 0)
    return TRUE;
  g_autofree char *said = last_words (process);
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' exited with status %d%s%s", name,
                       WEXITSTATUS (wait_status), *said == '\0' ? "" : ": ", said);
}

/* ^C reaches every program of the terminal, and this one may have ended before our own thread took the
 * signal. */
static gboolean
was_interrupted (int wait_status, GCancellable *cancellable)
{
  const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  gboolean asked = FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    asked |= WIFSIGNALED (wait_status) && WTERMSIG (wait_status) == signals[i];
  for (int i = 0; asked && cancellable != NULL && i < 20; i++) {
    if (g_cancellable_is_cancelled (cancellable))
      return TRUE;
    g_usleep (G_USEC_PER_SEC / 20);
  }
  return FALSE;
}

gboolean
vf_process_run (VfProcess *process, int *status, GCancellable *cancellable, GError **error)
{
  if (vf_error_set_if_cancelled (cancellable, error))
    return FALSE;
  g_autofree char *program = vf_process_find (g_ptr_array_index (process->argv, 0), error);
  if (program == NULL)
    return FALSE;
  VfProcessChild child = {.pidfd = -1, .input = -1, .output = -1, .error = -1, .status = -1};
  int wait_status = 0;
  gboolean served = vf_process_spawn (process, program, &child, error) &&
                    vf_process_serve (process, &child, &wait_status, cancellable, error);
  int *ends[] = {&child.pidfd, &child.input, &child.output, &child.error, &child.status};
  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    vf_fd_clear (ends[i]);
  if (!served ||
      (was_interrupted (wait_status, cancellable) && vf_error_set_if_cancelled (cancellable, error)))
    return FALSE;
  if (status == NULL)
    return judge (process, wait_status, error);
  *status = WIFEXITED (wait_status) ? WEXITSTATUS (wait_status) : 128 + WTERMSIG (wait_status);
  return TRUE;
}
