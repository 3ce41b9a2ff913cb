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
  PLACE_BTRFS, /* a loop-mounted Btrfs */
  PLACE_EXT4,  /* a loop-mounted ext4 with a pool */
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

/* The main of a test program: add_tests calls place_add. The tests run in a child with a mount namespace of
 * its own: whatever happens to it, no mount, loop device or file of theirs is left. */
int place_main (int argc, char **argv, void (*add_tests) (void));
typedef void (*PlaceFunc) (Fixture *fixture, gconstpointer place);
/* The function's data points to the Place. */
void place_add (const char *group, const char *name, Place place, PlaceFunc func);
/* On every filesystem, with a pool and without. */
void place_add_everywhere (const char *group, const char *name, PlaceFunc func);

/* Closes and opens it again; extra: more parameters, or NULL. */
void place_reopen (Fixture *fixture, const char *extra);
VfStorage *place_open (Fixture *fixture, const char *extra, GError **error);

/* Loop devices on files of this test, and mounts below it. */
guint place_count_loops (Fixture *fixture);
guint place_count_mounts (Fixture *fixture);

/* Runs a program that must succeed. */
void place_run (const char *first, ...) G_GNUC_NULL_TERMINATED;

void place_assert_error (GError **error, VmforgeError code, const char *text);
