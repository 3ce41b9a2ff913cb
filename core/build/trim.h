/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Keeps the store below its limit, and makes room for a build; what goes is told. */
#pragma once

#include "build/engine.h"

/* Removes what was not used for longest until the store keeps its limit. Never an error of the build. */
void vf_engine_trim (VfEngine *engine);
/* Removes some `bytes` of it. FALSE if there was nothing to remove. */
gboolean vf_engine_make_room (VfEngine *engine, guint64 bytes);
