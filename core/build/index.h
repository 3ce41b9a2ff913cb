/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The block index of a stage: what the engine tells its worker. */
#pragma once

#include "store/store.h"

/* Adds "parent_index" to a job, where the parent has one. */
void vf_index_tell_parent (VfJson *job, const VfStage *parent);
