/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Why a stage has to be built: which of its inputs moved since the nearest stage of its kind that the store
 * has. */
#pragma once

#include "plan/plan.h"

typedef struct {
  gboolean hit;
  GPtrArray *reasons; /* char *, one change each; empty for a hit */
  guint packages;     /* to fetch: not in the cache */
  guint64 bytes;      /* of those */
} VfExplanation;
void vf_explanation_free (VfExplanation *explanation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfExplanation, vf_explanation_free)

/* known: what vf_store_list_stages gave. */
VfExplanation *vf_explain_stage (VmforgeStore *store, GPtrArray *known, const VfPlanStage *stage,
                                 GError **error);

/* The changes from one stage's inputs to another's, each in words, added to reasons. `parent` is left out. */
void vf_explain_inputs (VfJson *before, VfJson *after, GPtrArray *reasons);
