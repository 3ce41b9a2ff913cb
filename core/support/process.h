/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Runs programs from argument vectors: captured, cancellable, dying with their parent. */
#pragma once

#include "vmforge/vmforge.h"

typedef struct _VfProcess VfProcess;

/* A line that the program wrote, without its newline; lines of more than 64 KiB come in pieces.
 * stream: 1, 2, or the number given to vf_process_set_status_fd. FALSE with error stops the program. */
typedef gboolean (*VfProcessLineFunc) (int stream, const char *line, gpointer user_data, GError **error);

/* A program to be run once. argv is copied. Its environment is minimal (PATH, HOME, LC_ALL=C.UTF-8, TZ=UTC,
 * and of ours the proxy variables and SOURCE_DATE_EPOCH; an interactive one gets TERM too), its working
 * folder /, its standard input /dev/null, its signals unblocked. */
VfProcess *vf_process_new (const char *const *argv);
VfProcess *vf_process_new_args (const char *program, ...) G_GNUC_NULL_TERMINATED;
void vf_process_free (VfProcess *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfProcess, vf_process_free)

void vf_process_add_argument (VfProcess *process, const char *argument);
/* assignment: NAME=VALUE. */
void vf_process_add_env (VfProcess *process, const char *assignment);
void vf_process_set_cwd (VfProcess *process, const char *path);
void vf_process_set_input (VfProcess *process, const char *text);
/* The child sees fd of ours as child_fd (3 or more). fd stays ours. */
void vf_process_pass_fd (VfProcess *process, int fd, int child_fd);
/* The child gets a pipe as child_fd whose lines reach the line function. */
void vf_process_set_status_fd (VfProcess *process, int child_fd);
void vf_process_set_line_func (VfProcess *process, VfProcessLineFunc func, gpointer user_data);
/* The child keeps our terminal: standard descriptors and process group are inherited. For shells and QEMU. */
void vf_process_set_interactive (VfProcess *process);
/* An ordinary child runs in its own process group, which is killed as a whole; when cancelled it gets
 * SIGTERM, then SIGKILL after 2 s, or after this time. */
void vf_process_set_grace (VfProcess *process, guint milliseconds);

/* Called each so many milliseconds while it runs. FALSE with error stops the program. */
typedef gboolean (*VfProcessTickFunc) (gpointer user_data, GError **error);
void vf_process_set_tick (VfProcess *process, guint milliseconds, VfProcessTickFunc func, gpointer user_data);

/* Runs it to its end. status: exit status, or 128 + N for signal N; may be NULL, then other than 0 is an
 * error that quotes the program and its last lines. Errors: VMFORGE_ERROR_ENVIRONMENT with the name of the
 * Debian package if there is no such program, VMFORGE_ERROR_CANCELLED. */
gboolean vf_process_run (VfProcess *process, int *status, GCancellable *cancellable, GError **error);

/* Standard output and error of a run without a line function: all (bounded to 64 MiB), and the last lines. */
const char *vf_process_get_output (const VfProcess *process);
const char *vf_process_get_error_tail (const VfProcess *process);

/* Finds a program in the fixed system PATH (/usr/local/sbin … /bin). NULL with an error that names the
 * package to install. */
char *vf_process_find (const char *program, GError **error);
