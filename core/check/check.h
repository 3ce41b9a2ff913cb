/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The conformance suites of plugins, from the outside: each case runs in a process of its own with a time
 * limit, so that a plugin may crash, hang or lie. */
#pragma once

#include "support/json.h"

typedef enum { VF_CHECK_PASSED, VF_CHECK_FAILED, VF_CHECK_SKIPPED } VfCheckOutcome;

typedef struct {
  const char *name, *summary;
  VfCheckOutcome outcome;
  char *note; /* why, or a fact; may be NULL */
  double seconds;
} VfCheckResult;

typedef struct {
  const char *parameters; /* of a storage plugin: key=value,…; may be NULL */
  const char *spec;       /* for a package plugin; may be NULL */
  const char *work;       /* where the temporary folder is made; NULL: /var/tmp */
  const char *only;       /* one case; NULL: all */
  guint seconds;          /* time limit of a case; 0: 60 */
  guint32 seed;           /* of everything random */
} VfCheckOptions;

typedef struct {
  guint passed, failed, skipped;
} VfCheckTotals;

/* Facts of a plugin file, from a process that loads it: name, kind, version, description, license, abi,
 * parameters. NULL with the reason why it cannot be used; a plugin that crashes or hangs when it is loaded is
 * one. */
VfJson *vf_check_describe (const char *file, GCancellable *cancellable, GError **error);

/* Runs the suite of its kind, telling each result as it comes. Needs root. FALSE: the suite could not be run;
 * failed cases are in totals. */
gboolean vf_check_plugin (const char *file, const VfCheckOptions *options,
                          void (*tell) (const VfCheckResult *result, gpointer user_data), gpointer user_data,
                          VfCheckTotals *totals, GCancellable *cancellable, GError **error);
