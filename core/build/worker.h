/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a worker process does once it is alone in its namespaces. */
#pragma once

#include "build/events.h"
#include "support/json.h"

/* Builds the stage of the job and tells the result through events. */
gboolean vf_worker_build (VfJson *job, VfEvents *events);
