/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/graph.h"

static void
node_free (gpointer data)
{
  VfGraphNode *node = data;
  g_ptr_array_unref (node->others);
  g_free (node);
}

static VfGraphNode *
add_node (GPtrArray *nodes, const VfPlan *plan, const VfPlanStage *stage, VfGraphNode *parent)
{
  VfGraphNode *node = g_new0 (VfGraphNode, 1);
  node->plan = plan;
  node->stage = stage;
  node->others = g_ptr_array_new ();
  node->parent = parent;
  g_ptr_array_add (nodes, node);
  return node;
}

GPtrArray *
vf_graph_new (GPtrArray *plans)
{
  GPtrArray *nodes = g_ptr_array_new_with_free_func (node_free);
  g_autoptr (GHashTable) by_key = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < plans->len; i++) {
    const VfPlan *plan = g_ptr_array_index (plans, i);
    VfGraphNode *parent = NULL;
    for (guint j = 0; j < plan->n_stages; j++) {
      const VfPlanStage *stage = plan->stages[j];
      VfGraphNode *node = g_hash_table_lookup (by_key, stage->key);
      if (node == NULL) {
        node = add_node (nodes, plan, stage, parent);
        g_hash_table_insert (by_key, stage->key, node);
      } else {
        g_ptr_array_add (node->others, (gpointer)stage);
      }
      parent = node;
    }
    add_node (nodes, plan, NULL, parent);
  }
  return nodes;
}

VfGraphNode *
vf_graph_next (GPtrArray *nodes, gboolean building)
{
  for (guint i = 0; i < nodes->len; i++) {
    VfGraphNode *node = g_ptr_array_index (nodes, i);
    if (node->state == VF_NODE_WAITING && (building || node->stage == NULL) &&
        (node->parent == NULL || node->parent->state == VF_NODE_DONE))
      return node;
  }
  return NULL;
}
