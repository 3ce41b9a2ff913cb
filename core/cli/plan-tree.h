/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The stages of several plans as one tree: what specs share appears once. */
#pragma once

#include "cli/cli.h"
#include "plan/explain.h"

typedef struct _VfPlanTree VfPlanTree;

VfPlanTree *vf_plan_tree_new (void);
void vf_plan_tree_free (VfPlanTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPlanTree, vf_plan_tree_free)

/* Adds the stages of a plan, which must live as long as the tree. known: as for vf_explain_stage. */
gboolean vf_plan_tree_add (VfPlanTree *tree, VmforgeStore *store, GPtrArray *known, const VfPlan *plan,
                           GError **error);
void vf_plan_tree_print (const VfPlanTree *tree);
void vf_plan_tree_print_dot (const VfPlanTree *tree);
/* An array, parents before children. */
VfJson *vf_plan_tree_to_json (const VfPlanTree *tree);
