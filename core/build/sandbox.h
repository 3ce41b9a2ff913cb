/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Runs programs in the root filesystem of a volume, by bubblewrap: own mount, pid, ipc, uts, cgroup and
 * network namespaces, private /dev and /proc, a listed set of capabilities, a minimal environment. What it is
 * not: a boundary against the kernel; scripts of packages run as root of the initial user namespace. */
#pragma once

#include "support/process.h"
#include "vmforge/plugin.h"
#include "vmforge/vmforge.h"

typedef struct {
  const char
      *root_path; /* where the root filesystem is mounted, with memory filesystems on its /run and /tmp */
  int root_fd;
  gint64 epoch; /* SOURCE_DATE_EPOCH of the programs */
  GCancellable *cancellable;
  /* Each line of output that the program's own line function does not take. */
  void (*log) (const char *line, gpointer user_data);
  gpointer user_data;
} VfSandbox;

/* The capabilities that programs keep, as bwrap names them; NULL terminated, static. */
const char *const *vf_sandbox_capabilities (void);

/* What every bwrap of ours is told, that of `vmforge shell` as well: namespaces, the root filesystem,
 * capabilities, and the environment that does not depend on the run. */
void vf_sandbox_add_common (VfProcess *process, const char *root_path, const char *hostname,
                            gboolean network);

/* options may be NULL. network: with the host's network and its name servers. status: exit status, or 128 + N
 * for signal N. Errors: no such program in the root filesystem, cancelled, refused by program->line. */
gboolean vf_sandbox_run (const VfSandbox *sandbox, const struct vmforge_program *program,
                         const struct vmforge_sandbox *options, gboolean network, int *status,
                         GError **error);

/* The same for a host's run_in_root: root_data is a VfSandbox; no network. */
gboolean vf_sandbox_run_in_root (const struct vmforge_program *program, const struct vmforge_sandbox *options,
                                 int *status, gpointer root_data, GError **error);

/* Runs argv (NULL terminated) and fails unless it exits with 0; the error quotes its last line. input may be
 * NULL. */
gboolean vf_sandbox_call (const VfSandbox *sandbox, const char *const *argv, const char *input,
                          GError **error);
/* The same, giving its standard output (bounded); free it. */
char *vf_sandbox_capture (const VfSandbox *sandbox, const char *const *argv, GError **error);
