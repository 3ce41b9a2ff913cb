/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Several plans as one graph. */
#include "build/graph.h"

typedef struct {
  VfPlanStage stages[3][VMFORGE_N_STAGES];
  VfPlan plans[3];
  GPtrArray *list;
  GPtrArray *nodes;
} Fixture;

/* keys: of the stages of the next plan, "" for those that it does not have. */
static void
add_plan (Fixture *fixture, const char *const keys[VMFORGE_N_STAGES])
{
  guint index = fixture->list->len;
  VfPlan *plan = &fixture->plans[index];
  for (guint i = 0; i < VMFORGE_N_STAGES && *keys[i]; i++) {
    VfPlanStage *stage = &fixture->stages[index][i];
    stage->kind = (VmforgeStageKind)i;
    stage->key = (char *)keys[i];
    plan->stages[plan->n_stages++] = stage;
  }
  g_ptr_array_add (fixture->list, plan);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  static const char *const web[] = {"core", "base", "web", "web1"},
                           *const mail[] = {"core", "base", "mail", "m1"},
                           *const until[] = {"core", "base", "", ""};
  fixture->list = g_ptr_array_new ();
  add_plan (fixture, web);
  add_plan (fixture, mail);
  add_plan (fixture, until);
  fixture->nodes = vf_graph_new (fixture->list);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_ptr_array_unref (fixture->nodes);
  g_ptr_array_unref (fixture->list);
}

/* Takes the next node, which must be of this key; "": publishing. */
static VfGraphNode *
take (Fixture *fixture, const char *key)
{
  VfGraphNode *node = vf_graph_next (fixture->nodes, TRUE);
  g_assert_nonnull (node);
  g_assert_cmpstr (node->stage == NULL ? "" : node->stage->key, ==, key);
  node->state = VF_NODE_RUNNING;
  return node;
}

static void
what_specs_share_is_one_node (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpuint (fixture->nodes->len, ==, 6 + 3); /* six keys, three images */
  const VfGraphNode *core = g_ptr_array_index (fixture->nodes, 0);
  g_assert_true (core->plan == &fixture->plans[0]);
  g_assert_cmpuint (core->others->len, ==, 2);
  g_assert_true (g_ptr_array_index (core->others, 0) == &fixture->stages[1][0]);
  g_assert_true (g_ptr_array_index (core->others, 1) == &fixture->stages[2][0]);
}

static void
a_node_waits_for_its_parent (Fixture *fixture, gconstpointer data)
{
  VfGraphNode *core = take (fixture, "core");
  g_assert_null (vf_graph_next (fixture->nodes, TRUE));
  core->state = VF_NODE_BLOCKED;
  g_assert_null (vf_graph_next (fixture->nodes, TRUE));
  core->state = VF_NODE_DONE;
  VfGraphNode *base = take (fixture, "base");
  g_assert_null (vf_graph_next (fixture->nodes, TRUE));
  base->state = VF_NODE_DONE;
  VfGraphNode *web = take (fixture, "web");
  take (fixture, "mail");
  g_assert_true (take (fixture, "")->plan == &fixture->plans[2]);
  g_assert_null (vf_graph_next (fixture->nodes, TRUE));
  web->state = VF_NODE_DONE;
  take (fixture, "web1")->state = VF_NODE_DONE;
  g_assert_true (take (fixture, "")->plan == &fixture->plans[0]);
}

static void
nothing_follows_a_failure (Fixture *fixture, gconstpointer data)
{
  take (fixture, "core")->state = VF_NODE_FAILED;
  g_assert_null (vf_graph_next (fixture->nodes, TRUE));
}

static void
what_is_whole_is_published_after_a_failure (Fixture *fixture, gconstpointer data)
{
  take (fixture, "core")->state = VF_NODE_DONE;
  g_assert_null (vf_graph_next (fixture->nodes, FALSE));
  take (fixture, "base")->state = VF_NODE_DONE;
  const VfGraphNode *node = vf_graph_next (fixture->nodes, FALSE);
  g_assert_true (node != NULL && node->stage == NULL && node->plan == &fixture->plans[2]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/build/graph/" #name, Fixture, NULL, set_up, name, tear_down)
  ADD (what_specs_share_is_one_node);
  ADD (a_node_waits_for_its_parent);
  ADD (nothing_follows_a_failure);
  ADD (what_is_whole_is_published_after_a_failure);
#undef ADD
  return g_test_run ();
}
