/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A store with one volume after the other, built by real workers from the toy distribution. */
#pragma once

#include "build/job.h"
#include "store/store.h"

#define CORE_VOLUME "00000000000000000000000000000001"
#define NEXT_VOLUME "00000000000000000000000000000002"
#define MIB         (G_GUINT64_CONSTANT (1024) * 1024)
#define BYTES       (200 * MIB)

typedef struct {
  char *path; /* of the store */
  VmforgeStore *store;
  int log_fd;
} Fixture;

/* Leaves with status 0 and a TAP line that says why, unless this is root. */
void fixture_need_root (void);
void fixture_set_up (Fixture *fixture, gconstpointer data);
/* Fails the test if anything of the store is still in use. */
void fixture_tear_down (Fixture *fixture, gconstpointer data);

VfJson *fixture_core_job (const Fixture *fixture);
/* A stage over Core. members: JSON text of an object that is merged in. */
VfJson *fixture_next_job (const Fixture *fixture, const char *stage, const char *members);
/* Both fail the test where the job does not end as said. */
void fixture_build (Fixture *fixture, VfJson *job);
void fixture_fail (Fixture *fixture, VfJson *job, VmforgeError code, const char *words);
void fixture_build_core (Fixture *fixture);

/* The log so far; free it. */
char *fixture_log (const Fixture *fixture);
char *fixture_volume_path (const Fixture *fixture, const char *volume);
/* Mounts the root filesystem of a sealed volume, read-only, in this test's own mount namespace, at
 * STORE/look. */
char *fixture_look (const Fixture *fixture, const char *volume);
void fixture_look_end (const Fixture *fixture);

/* FALSE while any loop device, mount or process uses the store. */
gboolean fixture_is_clean (const Fixture *fixture);
/* Waits for up to five seconds until no loop device, mount or process uses the store. */
void fixture_assert_clean (const Fixture *fixture);
