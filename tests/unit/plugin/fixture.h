/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A folder of plugins for one test, and what a host hears. */
#pragma once

#include "plugin/call.h"
#include "plugin/plugin.h"

extern const char plugin_test_dir[];

typedef struct {
  char *folder;     /* in VMFORGE_PLUGIN_PATH */
  GPtrArray *lines; /* "LEVEL text" */
  double fraction;
  char *what;
  GCancellable *cancellable;
  VfHost host;
} Fixture;

void fixture_set_up (Fixture *fixture, gconstpointer data);
void fixture_tear_down (Fixture *fixture, gconstpointer data);

/* Copies the built plugin `name` into the folder as `file`; returns its path. */
char *fixture_install (Fixture *fixture, const char *name, const char *file);
/* Writes a file there. */
char *fixture_write (Fixture *fixture, const char *file, const void *data, gsize length);

/* The error has this code, and its message this text. Clears it. */
void fixture_assert_error (GError **error, VmforgeError code, const char *text);
