/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "check/case.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#define ERROR_LIMIT 4096

gboolean
vf_check_fail (VfCheck *check, GError **error, const char *callback, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  check->blamed = TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "%s: %s: %s", check->plugin->name, callback, text);
}

static void
set_note (VfCheck *check, const char *format, va_list args)
{
  g_free (check->note);
  check->note = g_strdup_vprintf (format, args);
}

gboolean
vf_check_skip (VfCheck *check, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  set_note (check, format, args);
  va_end (args);
  check->skipped = TRUE;
  return TRUE;
}

gboolean
vf_check_note (VfCheck *check, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  set_note (check, format, args);
  va_end (args);
  return TRUE;
}

gboolean
vf_check_refused (VfCheck *check, gboolean done, GError *left, const char *callback, const char *what,
                  GError **error)
{
  g_autoptr (GError) taken = left;
  if (done)
    return vf_check_fail (check, error, callback, "%s is not refused", what);
  if (strstr (taken->message, "without saying why"))
    return vf_check_fail (check, error, callback, "%s is refused without host->error", what);
  return TRUE;
}

/* The other side of the pipe gets the message, if there is one. */
static int
run_in_child (VfCheck *check, guint32 seed, VfCheckFunc func, gpointer data, int fd)
{
  g_autoptr (GError) error = NULL;
  g_rand_set_seed (check->random, seed);
  if (func (check, data, &error))
    return 0;
  vf_fs_write_all (fd, error->message, MIN (strlen (error->message), ERROR_LIMIT), NULL);
  return 1;
}

gboolean
vf_check_start (VfCheck *check, VfCheckFunc func, gpointer data, VfCheckChild *child, GError **error)
{
  int ends[2];
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return vf_error_set_errno (error, "cannot make a pipe");
  vf_autofd int to = ends[1];
  guint32 seed = g_rand_int (check->random);
  child->fd = ends[0];
  child->pid = fork ();
  if (child->pid == 0)
    _exit (run_in_child (check, seed, func, data, to));
  if (child->pid > 0)
    return TRUE;
  vf_error_set_errno (error, "cannot start a process");
  vf_fd_clear (&child->fd);
  return FALSE;
}

gboolean
vf_check_wait (VfCheck *check, VfCheckChild *child, GError **error)
{
  char text[ERROR_LIMIT + 1] = "";
  vf_autofd int from = vf_fd_steal (&child->fd);
  int status = 0;
  if (waitpid (child->pid, &status, 0) != child->pid)
    return vf_error_set_errno (error, "cannot wait for a process");
  ssize_t length = read (from, text, ERROR_LIMIT);
  if (WIFSIGNALED (status))
    return vf_check_fail (check, error, "in another process", "ended by signal %d (%s)", WTERMSIG (status),
                          g_strsignal (WTERMSIG (status)));
  if (WEXITSTATUS (status) == 0)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "%.*s", (int)MAX (length, 0), text);
}
