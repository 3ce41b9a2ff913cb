/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Runs a function in a process that cannot harm this one: with a time limit, and as root in mount and pid
 * namespaces of its own, which end with it. */
#pragma once

#include "vmforge/vmforge.h"

typedef struct {
  gboolean timed_out;
  gboolean left; /* processes that the function started were still running at its end; they are killed */
  int signal;    /* that ended it, or 0 */
  int status;    /* its exit status otherwise */
} VfIsolated;

/* func returns the exit status. seconds: 0 for no limit. The calling process should have no threads. */
gboolean vf_isolate (int (*func) (gpointer data), gpointer data, gboolean namespaces, guint seconds,
                     VfIsolated *result, GError **error);
