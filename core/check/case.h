/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the cases of the conformance suites share. A case runs in a process of its own (main.c), so it may
 * leave what it likes in memory; it fails by an error that names the callback. */
#pragma once

#include "plugin/call.h"
#include "plugin/plugin.h"

#include <sys/types.h>

typedef struct {
  const VfPlugin *plugin;
  const char *setting; /* of a storage plugin: NAME[:key=value,…] */
  const char *spec;    /* of a package plugin: what to build */
  const char *work;    /* an empty folder for this case */
  const char *shared;  /* a folder for what all cases of a suite may use */
  const char *store;   /* the store of this case, below work or where the case put it */
  const char *store_id;
  GRand *random;
  VfHost host;
  char *note;       /* what the table says beside the outcome, or NULL */
  gboolean skipped; /* note says why */
  gboolean blamed;  /* the error names the callback */
} VfCheck;

typedef struct {
  const char *name;    /* for --case */
  const char *summary; /* a sentence that holds for a sound plugin */
  guint seconds;       /* its time limit; 0: the usual one */
  gboolean (*run) (VfCheck *check, GError **error);
} VfCheckCase;

/* Sets "NAME: CALLBACK: …" and returns FALSE. */
gboolean vf_check_fail (VfCheck *check, GError **error, const char *callback, const char *format, ...)
    G_GNUC_PRINTF (4, 5);
/* Returns TRUE. */
gboolean vf_check_skip (VfCheck *check, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Returns TRUE. */
gboolean vf_check_note (VfCheck *check, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* A call that must have failed: FALSE if it was done (what says what that was), or failed without a reason.
 * Takes the error that it left. */
gboolean vf_check_refused (VfCheck *check, gboolean done, GError *left, const char *callback,
                           const char *what, GError **error);
/* Work in another process, as another vmforge would do it on the same store. */
typedef gboolean (*VfCheckFunc) (VfCheck *check, gpointer data, GError **error);
typedef struct {
  pid_t pid;
  int fd; /* with its error */
} VfCheckChild;
gboolean vf_check_start (VfCheck *check, VfCheckFunc func, gpointer data, VfCheckChild *child,
                         GError **error);
/* Its error becomes ours. */
gboolean vf_check_wait (VfCheck *check, VfCheckChild *child, GError **error);
