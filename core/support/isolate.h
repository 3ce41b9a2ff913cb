/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Goes on in a process that cannot outlive this one, with all that it starts: as root in mount and pid
 * namespaces of its own.
 *
 *   caller ── first process of the pid namespace ── the one that works
 *   OUTSIDE   reaps, tells how it ended             INSIDE
 *
 * Each dies with its parent, the kernel kills all of a pid namespace with its first process, and the mount
 * namespace and its loop devices go with the last process in it. */
#pragma once

#include "vmforge/vmforge.h"

#include <sys/types.h>

typedef enum { VF_ISOLATE_FAILED, VF_ISOLATE_INSIDE, VF_ISOLATE_OUTSIDE } VfIsolateSide;

typedef struct {
  gboolean namespaces; /* FALSE: only the processes */
  guint seconds;       /* the most that it may take; 0: no limit */
} VfIsolateOptions;

typedef struct {
  gboolean timed_out;
  gboolean stopped; /* SIGTERM, SIGINT or SIGHUP asked this process to end it */
  gboolean left;    /* processes that it had started were still running at its end; they are killed */
  int signal;       /* that ended it, or 0 */
  int status;       /* its exit status otherwise */
} VfIsolated;

/* Returns twice, like fork(): INSIDE at once; OUTSIDE with the result when nothing of it is left, or FAILED
 * with error. The caller has no threads, and leaves by _exit() when OUTSIDE. */
VfIsolateSide vf_isolate (const VfIsolateOptions *options, VfIsolated *result, GError **error);

/* From here on this process gets SIGKILL when its parent ends. FALSE if that has ended already. */
gboolean vf_isolate_die_with_parent (pid_t parent);
