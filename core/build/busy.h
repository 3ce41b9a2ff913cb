/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include <glib.h>

/* Who uses the filesystem mounted at path: "'sleep' (process 12)", or "an unknown user". Free the result. */
char *vf_busy_describe (const char *path);
