/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A child while it runs: input, lines, its end and what it leaves behind, cancellation. */

#include "common.h"

#include "support/error.h"

#include <signal.h>
#include <string.h>

typedef struct {
  GPtrArray *lines; /* "STREAM LINE" */
  GCancellable *cancellable;
  const char *refused;
} Listener;

static void
set_up (Listener *listener, gconstpointer data)
{
  listener->lines = g_ptr_array_new_with_free_func (g_free);
  listener->cancellable = g_cancellable_new ();
}

static void
tear_down (Listener *listener, gconstpointer data)
{
  g_ptr_array_unref (listener->lines);
  g_object_unref (listener->cancellable);
}

static gboolean
on_line (int stream, const char *line, gpointer user_data, GError **error)
{
  Listener *listener = user_data;
  g_ptr_array_add (listener->lines, g_strdup_printf ("%d %s", stream, line));
  if (g_str_equal (line, "cancel"))
    g_cancellable_cancel (listener->cancellable);
  if (g_strcmp0 (line, listener->refused) == 0)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "refused '%s'", line);
  return TRUE;
}

static void
run (VfProcess *process)
{
  g_autoptr (GError) error = NULL;
  vf_process_run (process, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
listen_to (Listener *listener, const char *script)
{
  g_autoptr (VfProcess) process = shell (script);
  vf_process_set_line_func (process, on_line, listener);
  run (process);
}

static const char *
line_at (Listener *listener, guint i)
{
  g_assert_cmpuint (i, <, listener->lines->len);
  return g_ptr_array_index (listener->lines, i);
}

static void
test_no_input (Listener *listener, gconstpointer data)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("cat", NULL);
  run (process);
  g_assert_cmpstr (vf_process_get_output (process), ==, "");
}

static void
test_empty_input (Listener *listener, gconstpointer data)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("cat", NULL);
  vf_process_set_input (process, "");
  run (process);
  g_assert_cmpstr (vf_process_get_output (process), ==, "");
}

static void
test_large_input (Listener *listener, gconstpointer data)
{
  g_autofree char *text = g_strnfill (8 * 1024 * 1024, 'x');
  g_autoptr (VfProcess) process = vf_process_new_args ("cat", NULL);
  vf_process_set_input (process, text);
  run (process);
  g_assert_true (g_str_equal (vf_process_get_output (process), text));
}

static void
test_unread_input (Listener *listener, gconstpointer data)
{
  g_autofree char *text = g_strnfill (8 * 1024 * 1024, 'x');
  g_autoptr (VfProcess) process = shell ("exec <&-; sleep 0.2; echo unread");
  vf_process_set_input (process, text);
  run (process);
  g_assert_cmpstr (vf_process_get_output (process), ==, "unread\n");
}

static void
test_streams (Listener *listener, gconstpointer data)
{
  listen_to (listener, "echo out; sleep 0.2; echo err >&2");
  g_assert_cmpuint (listener->lines->len, ==, 2);
  g_assert_cmpstr (line_at (listener, 0), ==, "1 out");
  g_assert_cmpstr (line_at (listener, 1), ==, "2 err");
}

static void
test_status_lines (Listener *listener, gconstpointer data)
{
  g_autoptr (VfProcess) process = shell ("echo 50% >&5");
  vf_process_set_status_fd (process, 5);
  vf_process_set_line_func (process, on_line, listener);
  run (process);
  g_assert_cmpuint (listener->lines->len, ==, 1);
  g_assert_cmpstr (line_at (listener, 0), ==, "5 50%");
}

static void
test_unfinished_line (Listener *listener, gconstpointer data)
{
  listen_to (listener, "printf 'a\\n\\nb'");
  g_assert_cmpuint (listener->lines->len, ==, 3);
  g_assert_cmpstr (line_at (listener, 1), ==, "1 ");
  g_assert_cmpstr (line_at (listener, 2), ==, "1 b");
}

static void
test_longest_line (Listener *listener, gconstpointer data)
{
  listen_to (listener, "head -c 65536 /dev/zero | tr '\\0' x; echo; echo next");
  g_assert_cmpuint (listener->lines->len, ==, 2);
  g_assert_cmpuint (strlen (line_at (listener, 0)), ==, 2 + 65536);
  g_assert_cmpstr (line_at (listener, 1), ==, "1 next");
}

static void
test_longer_line (Listener *listener, gconstpointer data)
{
  listen_to (listener, "head -c 65537 /dev/zero | tr '\\0' x; echo; echo next");
  g_assert_cmpuint (listener->lines->len, ==, 3);
  g_assert_cmpuint (strlen (line_at (listener, 0)), ==, 2 + 65536);
  g_assert_cmpstr (line_at (listener, 1), ==, "1 x");
}

static void
test_refused_line (Listener *listener, gconstpointer data)
{
  listener->refused = "stop";
  g_autoptr (VfProcess) process = shell ("echo go; echo stop; echo more; sleep 300");
  vf_process_set_line_func (process, on_line, listener);
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_SPEC, "refused 'stop'");
  g_assert_cmpuint (listener->lines->len, ==, 2);
}

static void
test_refused_last_line (Listener *listener, gconstpointer data)
{
  listener->refused = "stop";
  g_autoptr (VfProcess) process = shell ("printf stop");
  vf_process_set_line_func (process, on_line, listener);
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_SPEC, "refused 'stop'");
}

/* It left the group, so that only its own end or ours ends it; the test does. */
static void
test_silent_grandchild (Listener *listener, gconstpointer data)
{
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (VfProcess) process = shell ("setsid sleep 300 & echo $!; sleep 0.2");
  run (process);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 60 * G_USEC_PER_SEC);
  pid_t grandchild = (pid_t)g_ascii_strtoll (vf_process_get_output (process), NULL, 10);
  g_assert_cmpint (grandchild, >, 1);
  g_assert_cmpint (kill (grandchild, SIGKILL), ==, 0);
}

static gboolean
count_line (int stream, const char *line, gpointer user_data, GError **error)
{
  ++*(guint *)user_data;
  return TRUE;
}

static void
test_writing_grandchild (Listener *listener, gconstpointer data)
{
  guint n_lines = 0;
  g_autoptr (VfProcess) process = shell ("setsid yes & sleep 0.2");
  vf_process_set_line_func (process, count_line, &n_lines);
  run (process); /* yes ends by SIGPIPE once the pipe is closed */
  g_assert_cmpuint (n_lines, >, 0);
}

static void
test_group_ends (Listener *listener, gconstpointer data)
{
  g_autoptr (VfProcess) process = shell ("sleep 300 & echo $!");
  run (process);
  assert_goes ((pid_t)g_ascii_strtoll (vf_process_get_output (process), NULL, 10));
}

static void
test_output_before_end (Listener *listener, gconstpointer data)
{
  for (int i = 0; i < 50; i++) {
    g_autoptr (VfProcess) process = vf_process_new_args ("seq", "1", "5000", NULL);
    run (process);
    g_assert_true (g_str_has_suffix (vf_process_get_output (process), "\n5000\n"));
  }
}

static void
run_cancelled (Listener *listener, const char *script)
{
  g_autoptr (VfProcess) process = shell (script);
  vf_process_set_line_func (process, on_line, listener);
  GError *error = NULL;
  int status = -1;
  g_assert_false (vf_process_run (process, &status, listener->cancellable, &error));
  assert_error (error, VMFORGE_ERROR_CANCELLED, "");
  g_assert_cmpint (status, ==, -1);
}

static void
test_cancelled_before (Listener *listener, gconstpointer data)
{
  g_cancellable_cancel (listener->cancellable);
  run_cancelled (listener, "echo started");
  g_assert_cmpuint (listener->lines->len, ==, 0);
}

static void
test_cancelled (Listener *listener, gconstpointer data)
{
  run_cancelled (listener, "trap 'echo asked; exit 0' TERM; echo cancel; while :; do sleep 0.1; done");
  /* The shell may tell of its sleep as well. */
  gboolean asked = FALSE;
  for (guint i = 0; i < listener->lines->len; i++)
    asked |= g_str_equal (line_at (listener, i), "1 asked");
  g_assert_true (asked);
}

static gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (200000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancelled_by_thread (Listener *listener, gconstpointer data)
{
  GThread *thread = g_thread_new ("cancel", cancel_later, listener->cancellable);
  run_cancelled (listener, "exec sleep 300");
  g_thread_join (thread);
}

/* As by ^C, which the program takes before we do. */
static void
test_ended_before_cancelled (Listener *listener, gconstpointer data)
{
  GThread *thread = g_thread_new ("cancel", cancel_later, listener->cancellable);
  run_cancelled (listener, "kill -INT $$");
  g_thread_join (thread);
}

static void
test_stubborn (Listener *listener, gconstpointer data)
{
  gint64 begin = g_get_monotonic_time ();
  run_cancelled (listener, "trap '' TERM; echo cancel; while :; do sleep 0.1; done");
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 2 * G_USEC_PER_SEC);
}

static void
test_grace (Listener *listener, gconstpointer data)
{
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (VfProcess) process = shell ("trap '' TERM; echo cancel; while :; do sleep 0.1; done");
  vf_process_set_line_func (process, on_line, listener);
  vf_process_set_grace (process, 200);
  g_assert_false (vf_process_run (process, NULL, listener->cancellable, NULL));
  gint64 taken = g_get_monotonic_time () - begin;
  g_assert_cmpint (taken, >=, 200 * 1000);
  g_assert_cmpint (taken, <, 1500 * 1000);
}

static void
test_cancelled_group (Listener *listener, gconstpointer data)
{
  run_cancelled (listener, "sleep 300 & echo $!; echo cancel; wait");
  assert_goes ((pid_t)g_ascii_strtoll (line_at (listener, 0) + 2, NULL, 10));
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*func) (Listener *, gconstpointer);
  } tests[] = {
      {"/process/without input a program reads nothing", test_no_input},
      {"/process/empty input is at its end at once", test_empty_input},
      {"/process/large input and output do not block each other", test_large_input},
      {"/process/a program may leave its input unread", test_unread_input},
      {"/process/lines come with their stream", test_streams},
      {"/process/the status pipe has the number that was asked for", test_status_lines},
      {"/process/a last line needs no newline", test_unfinished_line},
      {"/process/a line of 64 KiB comes in one piece", test_longest_line},
      {"/process/a longer line comes in pieces", test_longer_line},
      {"/process/a refused line stops the program, and no other line follows", test_refused_line},
      {"/process/a refused last line is an error too", test_refused_last_line},
      {"/process/a grandchild that keeps the pipes open does not keep us", test_silent_grandchild},
      {"/process/a grandchild that goes on writing does not keep us", test_writing_grandchild},
      {"/process/the group of a program ends with it", test_group_ends},
      {"/process/what was written before the end is all read", test_output_before_end},
      {"/process/cancelled before its start it does not start", test_cancelled_before},
      {"/process/a cancelled program is asked to end", test_cancelled},
      {"/process/another thread can cancel a silent program", test_cancelled_by_thread},
      {"/process/what ^C ended before it was cancelled is cancelled", test_ended_before_cancelled},
      {"/process/one that ignores SIGTERM is killed after two seconds", test_stubborn},
      {"/process/or after the time that its caller gives it", test_grace},
      {"/process/the group is cancelled with its leader", test_cancelled_group},
  };
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].name, Listener, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
