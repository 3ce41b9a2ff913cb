/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "child.h"

#include "volumes.h"

#include <unistd.h>

GSubprocess *
child_spawn (Fixture *fixture, const char *what)
{
  GError *error = NULL;
  GSubprocess *process =
      g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error,
                        "/proc/self/exe", what, fixture->setting, fixture->store, NULL);
  g_assert_no_error (error);
  return process;
}

int
child_main (char **argv)
{
  VfHost host = {0};
  GError *error = NULL;
  g_autoptr (VfStorage) storage = vf_storage_open (argv[2], argv[3], STORE_ID, &host, &error);
  char byte = storage ? 'y' : 'n';
  if (!storage)
    g_printerr ("%s\n", error->message);
  else if (strcmp (argv[1], "clone") == 0)
    return vf_storage_clone (storage, B, A, &error) ? 0 : 1;
  return write (1, &byte, 1) == 1 && read (0, &byte, 1) == 0 ? 0 : 1;
}

void
child_wait_opened (GSubprocess *process)
{
  char answer = 0;
  g_assert_cmpint (g_input_stream_read (g_subprocess_get_stdout_pipe (process), &answer, 1, NULL, NULL), ==,
                   1);
  g_assert_cmpint (answer, ==, 'y');
}

void
child_end (GSubprocess *process)
{
  g_assert_true (g_output_stream_close (g_subprocess_get_stdin_pipe (process), NULL, NULL));
  g_assert_true (g_subprocess_wait_check (process, NULL, NULL));
  g_object_unref (process);
}
