/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Runs a graph of stages: as many at once as there are jobs, each in a thread with a store of its own. */
#pragma once

#include "build/engine.h"
#include "build/graph.h"

/* How many stages this machine can build at once, by its processors and the memory that is available. */
guint vf_schedule_default_jobs (void);

/* Builds what the plans (const VfPlan *) need and publishes their images; events come in this thread, through
 * `engine`. After a failure no stage begins; what runs is ended well, and an image whose stages are
 * all there is published. The error is the first one. */
gboolean vf_schedule_run (VfEngine *engine, GPtrArray *plans, GError **error);
