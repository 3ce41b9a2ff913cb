/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A store in a folder of its own, on the filesystem that a test asks for; all of it goes with the test. */
#pragma once

#include "plugin/storage.h"

typedef enum {
  PLACE_POOL,  /* the host's filesystem with a pool */
  PLACE_XFS,   /* a loop-mounted XFS */
  PLACE_COPY,  /* the host's filesystem without a pool */
  PLACE_SMALL, /* a tmpfs of 8 MiB, copies */
} Place;

typedef struct {
  char *folder; /* everything of the test */
  char *store;
  char *setting;
  char *warning; /* the last that was logged */
  VfHost host;
  VfStorage *storage;
} Fixture;

#define STORE_ID "fedcba9876543210fedcba9876543210"

/* Runs the tests in a child with a mount namespace of its own: whatever happens to it, no mount, loop device
 * or file of theirs is left. Returns the exit status. */
int place_guard (int (*run) (void));

/* data: pointer to a Place. */
void place_set_up (Fixture *fixture, gconstpointer data);
void place_tear_down (Fixture *fixture, gconstpointer data);

/* Closes and opens it again; extra: more parameters, or NULL. */
void place_reopen (Fixture *fixture, const char *extra);
VfStorage *place_open (Fixture *fixture, const char *extra, GError **error);

/* Loop devices on files of this test, and mounts below it. */
guint place_count_loops (Fixture *fixture);
guint place_count_mounts (Fixture *fixture);

/* Runs a program that must succeed. */
void place_run (const char *first, ...) G_GNUC_NULL_TERMINATED;

void place_assert_error (GError **error, VmforgeError code, const char *text);
