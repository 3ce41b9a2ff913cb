/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "support/process.h"

#include <sys/types.h>

/* A folder of its own for a test; removed, and freed, by end_folder(). */
char *begin_folder (void);
void end_folder (char *folder);
/* FOLDER/NAME with that text. Free the result. */
char *make_file (const char *folder, const char *name, const char *text, mode_t mode);
/* `sh -c SCRIPT`. */
VfProcess *shell (const char *script);
/* Waits until a process that is no child of ours has gone; fails after ten seconds. */
void assert_goes (pid_t pid);
/* The error is of the domain of vmforge, has that code, and its message contains text; it is freed. */
void assert_error (GError *error, VmforgeError code, const char *text);
