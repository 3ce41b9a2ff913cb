/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The engine's side of a job, against a worker that is a script: the job's "stage" says how it behaves. */

#include "build/job.h"

#include "plugin/call.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
  int log_fd;
  double fraction;
  char *what, *warning, *root;
  guint64 own_bytes;
  GPtrArray *packages;
  GError *error;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->log_fd = memfd_create ("log", MFD_CLOEXEC);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  close (fixture->log_fd);
  g_free (fixture->what);
  g_free (fixture->warning);
  g_free (fixture->root);
  g_clear_pointer (&fixture->packages, g_ptr_array_unref);
  g_clear_error (&fixture->error);
}

static void
on_progress (double fraction, const char *what, gpointer user_data)
{
  Fixture *fixture = user_data;
  fixture->fraction = fraction;
  g_free (fixture->what);
  fixture->what = g_strdup (what);
}

static void
on_warning (const char *message, gpointer user_data)
{
  Fixture *fixture = user_data;
  g_free (fixture->warning);
  fixture->warning = g_strdup (message);
}

static void
on_indexed (const char *root, guint64 own_bytes, gpointer user_data)
{
  Fixture *fixture = user_data;
  fixture->root = g_strdup (root);
  fixture->own_bytes = own_bytes;
}

static gboolean
run (Fixture *fixture, const char *behaviour)
{
  const VfJobWatcher watcher = {
      .progress = on_progress, .warning = on_warning, .indexed = on_indexed, .user_data = fixture};
  g_autoptr (VfJson) job = json_object_new_object ();
  vf_json_set_string (job, "stage", behaviour);
  return vf_job_run (job, fixture->log_fd, -1, &watcher, &fixture->packages, NULL, &fixture->error);
}

static void
events_and_packages_arrive (Fixture *fixture, gconstpointer data)
{
  g_assert_true (run (fixture, "good"));
  g_assert_no_error (fixture->error);
  g_assert_cmpfloat (fixture->fraction, ==, 0.5);
  g_assert_cmpstr (fixture->what, ==, "half");
  g_assert_cmpstr (fixture->warning, ==, "take care");
  g_assert_cmpuint (fixture->packages->len, ==, 2);
  g_assert_cmpstr (((VfPackage *)fixture->packages->pdata[1])->pub.id, ==, "b");
}

static void
a_result_tells_the_index_of_the_volume (Fixture *fixture, gconstpointer data)
{
  g_assert_true (run (fixture, "good"));
  g_assert_cmpstr (fixture->root, ==, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
  g_assert_cmpuint (fixture->own_bytes, ==, 8192);
}

static void
a_result_without_an_index_is_a_failure (Fixture *fixture, gconstpointer data)
{
  static const char *const behaviours[] = {"without-index", "with-bad-index"};
  for (guint i = 0; i < G_N_ELEMENTS (behaviours); i++) {
    g_assert_false (run (fixture, behaviours[i]));
    g_assert_error (fixture->error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
    g_assert_nonnull (strstr (fixture->error->message, "without an index"));
    g_assert_null (fixture->root);
    g_clear_error (&fixture->error);
  }
}

static void
what_the_worker_prints_goes_to_the_log (Fixture *fixture, gconstpointer data)
{
  char text[64] = {0};
  g_assert_true (run (fixture, "good"));
  g_assert_cmpint (pread (fixture->log_fd, text, sizeof text - 1, 0), >, 0);
  g_assert_cmpstr (text, ==, "printed\n");
}

static void
a_failure_keeps_its_code_and_message (Fixture *fixture, gconstpointer data)
{
  g_assert_false (run (fixture, "failing"));
  g_assert_error (fixture->error, VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE);
  g_assert_cmpstr (fixture->error->message, ==, "stage 'failing': full");
}

static void
an_unknown_code_is_an_ordinary_failure (Fixture *fixture, gconstpointer data)
{
  g_assert_false (run (fixture, "unknown-code"));
  g_assert_error (fixture->error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
}

static void
a_death_names_the_signal (Fixture *fixture, gconstpointer data)
{
  g_assert_false (run (fixture, "dying"));
  g_assert_error (fixture->error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_nonnull (strstr (fixture->error->message, "stage 'dying': the worker process died of signal 9"));
}

static void
an_end_without_result_is_a_failure (Fixture *fixture, gconstpointer data)
{
  g_assert_false (run (fixture, "silent"));
  g_assert_error (fixture->error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_nonnull (strstr (fixture->error->message, "without a result"));
}

static void
nonsense_ends_the_worker (Fixture *fixture, gconstpointer data)
{
  g_assert_false (run (fixture, "nonsense"));
  g_assert_nonnull (fixture->error);
}

#define ADD(test) g_test_add ("/build/job/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (events_and_packages_arrive);
  ADD (a_result_tells_the_index_of_the_volume);
  ADD (a_result_without_an_index_is_a_failure);
  ADD (what_the_worker_prints_goes_to_the_log);
  ADD (a_failure_keeps_its_code_and_message);
  ADD (an_unknown_code_is_an_ordinary_failure);
  ADD (a_death_names_the_signal);
  ADD (an_end_without_result_is_a_failure);
  ADD (nonsense_ends_the_worker);
  return g_test_run ();
}
