/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a store says of an image: objects/DIGEST.json. */
#pragma once

#include "plan/plan.h"
#include "store/store.h"

/* last: the stage that the image is. */
VfJson *vf_manifest_make (const VfPlan *plan, const VfStage *last);
