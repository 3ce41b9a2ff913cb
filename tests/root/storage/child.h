/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Other processes that use the store of a test: the test program once more. */
#pragma once

#include "place.h"

#include <gio/gio.h>

/* what: "open" opens the store, says so, and waits for the end of its input; "clone" clones A to B. */
GSubprocess *child_spawn (Fixture *fixture, const char *what);
void child_wait_opened (GSubprocess *process);
void child_end (GSubprocess *process);

/* The main of a program that was started by child_spawn. */
#define CHILD_ARGUMENTS 4
int child_main (char **argv);
