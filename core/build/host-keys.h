/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "build/work.h"

/* At the beginning of a stage: what the one below left was placed there by its `files`. */
gboolean vf_host_keys_inherit (VfWork *work, GError **error);
/* Of each file that `files` places, where it lies in the end: a host key stays, and there is a warning. */
void vf_host_keys_placed (VfWork *work, const char *path);
/* At the end: removes the others. */
gboolean vf_host_keys_remove (VfWork *work, GError **error);
