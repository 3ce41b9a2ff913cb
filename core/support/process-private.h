/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "support/process.h"

#include <sys/types.h>

#define VF_PROCESS_TAIL_LINES 20

typedef struct {
  int ours, theirs; /* theirs: the number in the child */
} VfProcessPass;

struct _VfProcess {
  GPtrArray *argv; /* NULL terminated while running */
  GPtrArray *env;
  char *cwd, *input;
  GArray *passed; /* VfProcessPass */
  int status_fd;  /* 0: none */
  gboolean interactive;
  gint64 grace; /* microseconds */
  VfProcessLineFunc func;
  gpointer user_data;
  VfProcessTickFunc tick;
  gpointer tick_data;
  gint64 tick_every; /* microseconds */
  GString *output;   /* standard output, without a line function */
  GQueue tail;       /* last lines of standard error (and output, with a line function) */
  char *tail_text;
};

/* Pipes of a running child: our ends. */
typedef struct {
  pid_t pid;
  int pidfd, input, output, error, status;
} VfProcessChild;

/* Starts it. program: the resolved path. (process-spawn.c) */
gboolean vf_process_spawn (VfProcess *process, const char *program, VfProcessChild *child, GError **error);
/* Serves the pipes until the child ended; returns its wait status. (process-io.c) */
gboolean vf_process_serve (VfProcess *process, VfProcessChild *child, int *wait_status,
                           GCancellable *cancellable, GError **error);
