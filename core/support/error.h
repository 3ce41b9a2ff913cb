/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Errors below the command line: one domain, and a prefix as they rise. */
#pragma once

#include "vmforge/vmforge.h"

/* Sets an error from errno: MESSAGE: strerror. ENOSPC and EDQUOT become VMFORGE_ERROR_NO_SPACE, EACCES, EPERM
 * and EROFS VMFORGE_ERROR_ENVIRONMENT, others VMFORGE_ERROR_FAILED. Returns FALSE. errno is kept. */
gboolean vf_error_set_errno (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Sets an error with a literal code. Returns FALSE, so that `return vf_error_set (…)` reads well. */
gboolean vf_error_set (GError **error, VmforgeError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* VMFORGE_ERROR_SPEC unless text is UTF-8: paths become part of JSON, which has no other text. what: "the
 * path of the spec", for the message. */
gboolean vf_error_check_utf8 (const char *what, const char *text, GError **error);

/* Sets VMFORGE_ERROR_CANCELLED if cancellable (may be NULL) is. Returns TRUE if it is. */
gboolean vf_error_set_if_cancelled (GCancellable *cancellable, GError **error);

/* Adds to the message what the user may do. error, and what it points to, are set. */
void vf_error_append (GError **error, const char *text);

/* The exit status of the program for an error: 1, 2, 3 or 130. */
int vf_error_exit_status (const GError *error);
