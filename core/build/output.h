/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a build writes beside the store. */
#pragma once

#include "spec/spec.h"

/* Refuses what cannot be written, before anything is built. */
/* Two specs must not write one file. */
gboolean vf_output_check_apart (VmforgeSpec *const *specs, gsize n_specs, const VmforgeBuildOptions *options,
                                GError **error);
gboolean vf_output_check (const VmforgeSpec *spec, const VmforgeBuildOptions *options, GError **error);
