/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the tests of planning share: a folder with a spec, the files that it names, the profile "fake", and a
 * store. */
#pragma once

#include "plan/plan.h"

typedef struct {
  char *path;
  VmforgeStore *store;
  /* Of the plans to come: */
  gboolean offline;
  gint64 refresh_seconds;
  const char *spec; /* name of the spec's file */
  guint n_stages;
} Fixture;

/* A test program begins here. */
void fixture_init (int *argc, char ***argv);
void fixture_setup (Fixture *fixture, gconstpointer data);
void fixture_teardown (Fixture *fixture, gconstpointer data);
#define FIXTURE_ADD(name, func) g_test_add (name, Fixture, NULL, fixture_setup, func, fixture_teardown)

/* Parents are made; name is relative to the folder. */
void fixture_write (Fixture *fixture, const char *name, const char *text);
/* Replaces the one place that reads `from`. */
void fixture_edit (Fixture *fixture, const char *name, const char *from, const char *to);
void fixture_remove (Fixture *fixture, const char *name);
void fixture_chmod (Fixture *fixture, const char *name, guint mode);
/* What the package sources have: lines of NAME VERSION. */
void fixture_set_world (Fixture *fixture, const char *text);

VmforgeSpec *fixture_load (Fixture *fixture);
/* spec must outlive the plan. */
VfPlan *fixture_plan (Fixture *fixture, VmforgeSpec *spec, GError **error);
/* Keys of the four stages; free with g_strfreev. */
char **fixture_keys (Fixture *fixture);
/* Planning fails with this code; the message holds `part`. */
void fixture_fails (Fixture *fixture, VmforgeError code, const char *part);
/* The plugin was asked this since the last time ("refresh resolve "). */
void fixture_assert_calls (Fixture *fixture, const char *expected);
void fixture_forget_calls (Fixture *fixture);
/* How often it was asked for one thing since the last time. */
guint fixture_count_calls (Fixture *fixture, const char *what);
/* The stages from `first` on have other keys, those below the same. VMFORGE_N_STAGES: all are the same. */
void fixture_assert_changed (char **before, char **after, guint first);
