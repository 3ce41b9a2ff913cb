/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The inputs of a stage as JSON: what can change its content goes in here, and nothing else can reach the
 * worker. The same functions serve the key and the job, so that the two cannot drift apart. */
#pragma once

#include "plan/context.h"

VfJson *vf_inputs_repositories (GPtrArray *repositories, gboolean with_paths);
VfJson *vf_inputs_users (const VfSpecStage *stage);
/* Digests of the files' contents (`digest`; of a folder: `tree`) beside mode, owner and target. */
VfJson *vf_inputs_files (const VfSpecStage *stage, GError **error);
/* with_label: where the step stands in the spec, for errors. */
VfJson *vf_inputs_run (const VfSpecStage *stage, gboolean with_label);
/* What the spec sets of the running system in this stage; empty below Appliance. */
VfJson *vf_inputs_system (const VmforgeSpec *spec, VmforgeStageKind kind);
/* The profile without what reaches the root filesystem through the package set alone. */
VfJson *vf_inputs_profile (const VfProfile *profile);
/* The disk as this stage needs it. */
VfJson *vf_inputs_disk (const VmforgeSpec *spec, VmforgeStageKind kind, guint64 bytes);
/* mkfs arguments of the profile for the spec's filesystem. */
VfJson *vf_inputs_mkfs (const VmforgeSpec *spec);
/* Digest of a folder, over its sorted entries. with_modes: FALSE where the spec gives all of them one mode.
 */
char *vf_inputs_tree_digest (const char *path, gboolean with_modes, GError **error);
