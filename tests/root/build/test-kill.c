/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Whatever is killed, and whenever: no mount, loop device or process stays. */

#include "fixture.h"

#include "support/fs.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 8

/* Core's work, and then a program that sleeps in the sandbox. */
static VfJson *
long_job (const Fixture *fixture, int mark)
{
  g_autofree char *run = g_strdup_printf ("[{\"label\":\"long\",\"command\":\"sleep 99%d\"}]", mark);
  VfJson *job = fixture_core_job (fixture);
  vf_json_set (job, "run", vf_json_parse (run, strlen (run), NULL));
  return job;
}

/* Another engine, in a process of its own. */
static pid_t
start_engine (Fixture *fixture, int mark)
{
  pid_t pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid > 0)
    return pid;
  vf_job_run (long_job (fixture, mark), fixture->log_fd, -1, NULL, NULL, NULL, NULL);
  _exit (0);
}

static void
remove_volume (const Fixture *fixture)
{
  g_assert_true (vf_storage_remove (fixture->store->storage, CORE_VOLUME, NULL));
}

static void
an_engine_that_is_killed_leaves_nothing (Fixture *fixture, gconstpointer data)
{
  for (int i = 0; i < ROUNDS; i++) {
    int delay = g_test_rand_int_range (5, 600);
    g_test_message ("killed after %d ms", delay);
    pid_t pid = start_engine (fixture, getpid ());
    g_usleep (delay * 1000);
    g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
    g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
    fixture_assert_clean (fixture);
    remove_volume (fixture);
  }
}

/* The only child of a process, once it has one. */
static pid_t
child_of (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/task/%d/children", pid, pid);
  for (int i = 0; i < 500; i++) {
    g_autofree char *text = NULL;
    if (g_file_get_contents (path, &text, NULL, NULL) && atoi (text) > 0)
      return atoi (text);
    g_usleep (10 * 1000);
  }
  return 0;
}

/* depth 1: the worker, 2: the first process of its pid namespace, 3: the one that works. */
static void
kill_at_depth (Fixture *fixture, int depth)
{
  pid_t engine = start_engine (fixture, getpid ()), victim = engine;
  g_usleep (g_test_rand_int_range (150, 500) * 1000);
  for (int i = 0; i < depth; i++)
    victim = child_of (victim);
  g_assert_cmpint (victim, >, 1);
  g_assert_cmpint (kill (victim, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (engine, NULL, 0), ==, engine);
  fixture_assert_clean (fixture);
  remove_volume (fixture);
}

static void
a_worker_that_is_killed_leaves_nothing (Fixture *fixture, gconstpointer data)
{
  for (int depth = 1; depth <= 3; depth++)
    kill_at_depth (fixture, depth);
}

typedef struct {
  GCancellable *cancellable;
  int delay;
} Canceller;

static gpointer
cancel_later (gpointer data)
{
  Canceller *canceller = data;
  g_usleep (canceller->delay * 1000);
  g_cancellable_cancel (canceller->cancellable);
  return NULL;
}

static void
cancelling_ends_the_job_soon_and_leaves_nothing (Fixture *fixture, gconstpointer data)
{
  for (int i = 0; i < ROUNDS / 2; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    g_autoptr (VfJson) job = long_job (fixture, getpid ());
    Canceller canceller = {cancellable, g_test_rand_int_range (20, 500)};
    gint64 start = g_get_monotonic_time ();
    GThread *thread = g_thread_new ("canceller", cancel_later, &canceller);
    g_assert_false (vf_job_run (job, fixture->log_fd, -1, NULL, NULL, cancellable, &error));
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED);
    g_assert_true (fixture_is_clean (fixture)); /* now, not soon */
    g_assert_cmpint (g_get_monotonic_time () - start, <, 5 * G_USEC_PER_SEC);
    g_thread_join (thread);
    fixture_assert_clean (fixture);
    remove_volume (fixture);
  }
}

#define ADD(test) g_test_add ("/kill/" #test, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main (int argc, char **argv)
{
  fixture_need_root ();
  g_test_init (&argc, &argv, NULL);
  ADD (an_engine_that_is_killed_leaves_nothing);
  ADD (a_worker_that_is_killed_leaves_nothing);
  ADD (cancelling_ends_the_job_soon_and_leaves_nothing);
  return g_test_run ();
}
