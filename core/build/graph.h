/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The stages of several specs as one graph: a stage that specs share is one node, and what becomes of a
 * spec's last stage (its image, its formats) is a node as well. */
#pragma once

#include "plan/plan.h"

typedef enum {
  VF_NODE_WAITING,
  VF_NODE_RUNNING,
  VF_NODE_BLOCKED, /* another process has its lock: it keeps no processor busy */
  VF_NODE_DONE,
  VF_NODE_FAILED,
} VfNodeState;

typedef struct _VfGraphNode VfGraphNode;
struct _VfGraphNode {
  const VfPlan *plan;       /* of the spec that named it first */
  const VfPlanStage *stage; /* NULL: publishing that plan's image */
  GPtrArray *others;        /* const VfPlanStage *: the same stage in further specs */
  VfGraphNode *parent;      /* or NULL */
  VfNodeState state;
};

/* plans: const VfPlan *, which outlive the nodes. Elements VfGraphNode; a parent before its children. */
GPtrArray *vf_graph_new (GPtrArray *plans);

/* The next node that can begin: it waits, and its parent is done. NULL: none. building: FALSE where stages do
 * not begin any more, but images that are whole are still published. */
VfGraphNode *vf_graph_next (GPtrArray *nodes, gboolean building);
