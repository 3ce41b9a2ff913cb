/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Plugins that go wrong when told to: `CALLBACK:KIND` names where and how. */
#pragma once

#include "vmforge/plugin.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char fault[128];
static void *volatile lost; /* volatile: or the compiler sees that nobody needs it */

/* Whether this is the fault to make. */
static inline bool
faulty (const char *what)
{
  return strcmp (fault, what) == 0;
}

static void *
sleep_for_ever (void *nothing)
{
  for (;;)
    pause ();
  return nothing;
}

static void
leave_process (void)
{
  if (fork () == 0)
    sleep_for_ever (NULL);
}

static void
leave_thread (void)
{
  pthread_t thread;
  pthread_create (&thread, NULL, sleep_for_ever, NULL);
}

/* What any callback can do wrong. true: it must return -1 and say nothing. */
static bool
go_wrong (const char *callback)
{
  size_t length = strlen (callback);
  if (strncmp (fault, callback, length) != 0 || fault[length] != ':')
    return false;
  const char *kind = fault + length + 1;
  if (strcmp (kind, "crash") == 0)
    raise (SIGSEGV);
  if (strcmp (kind, "abort") == 0)
    abort ();
  if (strcmp (kind, "exit") == 0)
    _exit (0);
  if (strcmp (kind, "hang") == 0)
    sleep_for_ever (NULL);
  if (strcmp (kind, "leak") == 0)
    lost = malloc (100);
  if (strcmp (kind, "descriptor") == 0)
    open ("/dev/null", O_RDONLY);
  if (strcmp (kind, "thread") == 0)
    leave_thread ();
  if (strcmp (kind, "child") == 0)
    leave_process ();
  return strcmp (kind, "silent") == 0;
}
