/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/plan-tree.h"

#include "support/units.h"

#define SHOWN_REASONS 8
#define SHOWN_KEY     12

typedef struct {
  const VfPlanStage *stage;
  VfExplanation *explanation;
  GPtrArray *children; /* borrowed */
  GPtrArray *images;   /* char *: NAME:VERSION@ARCH that end here */
} Node;

struct _VfPlanTree {
  GHashTable *by_key; /* borrowed */
  GPtrArray *nodes;   /* in the order in which they were added */
  GPtrArray *roots;   /* borrowed */
};

static void
node_free (gpointer data)
{
  Node *node = data;
  vf_explanation_free (node->explanation);
  g_ptr_array_unref (node->children);
  g_ptr_array_unref (node->images);
  g_free (node);
}

VfPlanTree *
vf_plan_tree_new (void)
{
  VfPlanTree *tree = g_new (VfPlanTree, 1);
  tree->by_key = g_hash_table_new (g_str_hash, g_str_equal);
  tree->nodes = g_ptr_array_new_with_free_func (node_free);
  tree->roots = g_ptr_array_new ();
  return tree;
}

void
vf_plan_tree_free (VfPlanTree *tree)
{
  g_hash_table_unref (tree->by_key);
  g_ptr_array_unref (tree->roots);
  g_ptr_array_unref (tree->nodes);
  g_free (tree);
}

static Node *
add_stage (VfPlanTree *tree, VmforgeStore *store, GPtrArray *known, const VfPlanStage *stage, GError **error)
{
  Node *node = g_hash_table_lookup (tree->by_key, stage->key);
  if (node != NULL)
    return node;
  VfExplanation *explanation = vf_explain_stage (store, known, stage, error);
  if (explanation == NULL)
    return NULL;
  node = g_new (Node, 1);
  *node = (Node){stage, explanation, g_ptr_array_new (), g_ptr_array_new_with_free_func (g_free)};
  g_hash_table_insert (tree->by_key, stage->key, node);
  g_ptr_array_add (tree->nodes, node);
  Node *parent = stage->parent == NULL ? NULL : g_hash_table_lookup (tree->by_key, stage->parent->key);
  g_ptr_array_add (parent == NULL ? tree->roots : parent->children, node);
  return node;
}

gboolean
vf_plan_tree_add (VfPlanTree *tree, VmforgeStore *store, GPtrArray *known, const VfPlan *plan, GError **error)
{
  Node *node = NULL;
  for (guint i = 0; i < plan->n_stages; i++) {
    node = add_stage (tree, store, known, plan->stages[i], error);
    if (node == NULL)
      return FALSE;
  }
  const VmforgeSpec *spec = plan->spec;
  if (plan->n_stages == VMFORGE_N_STAGES)
    g_ptr_array_add (node->images,
                     g_strdup_printf ("%s:%s@%s", spec->name, spec->version, spec->profile->arch));
  return TRUE;
}

static void
print_reasons (const Node *node, const char *indent)
{
  const VfExplanation *explanation = node->explanation;
  for (guint i = 0; i < MIN (explanation->reasons->len, SHOWN_REASONS); i++)
    printf ("%s  %s\n", indent, (const char *)g_ptr_array_index (explanation->reasons, i));
  if (explanation->reasons->len > SHOWN_REASONS)
    printf ("%s  … and %u more (--json has all)\n", indent, explanation->reasons->len - SHOWN_REASONS);
  if (explanation->packages > 0) {
    g_autofree char *size = vf_units_format_size (explanation->bytes);
    printf ("%s  fetches %u package%s, %s\n", indent, explanation->packages,
            explanation->packages == 1 ? "" : "s", size);
  }
}

static void
print_node (const Node *node, const char *branch, const char *indent)
{
  g_autofree char *images = NULL;
  g_ptr_array_add (node->images, NULL);
  images = g_strjoinv (" ", (char **)node->images->pdata);
  g_ptr_array_set_size (node->images, (int)node->images->len - 1);
  printf ("%s%-9s %-4s %.*s%s%s\n", branch, vmforge_stage_name (node->stage->kind),
          node->explanation->hit ? "hit" : "miss", SHOWN_KEY, node->stage->key, *images == '\0' ? "" : "  ",
          images);
  g_autofree char *below = g_strconcat (indent, node->children->len > 0 ? "│ " : "  ", NULL);
  print_reasons (node, below);
  for (guint i = 0; i < node->children->len; i++) {
    gboolean last = i + 1 == node->children->len;
    g_autofree char *next_branch = g_strconcat (indent, last ? "└─ " : "├─ ", NULL);
    g_autofree char *next_indent = g_strconcat (indent, last ? "   " : "│  ", NULL);
    print_node (g_ptr_array_index (node->children, i), next_branch, next_indent);
  }
}

/* What building all of it takes. */
static void
print_sum (const VfPlanTree *tree)
{
  guint misses = 0, packages = 0;
  guint64 bytes = 0;
  for (guint i = 0; i < tree->nodes->len; i++) {
    const VfExplanation *explanation = ((const Node *)g_ptr_array_index (tree->nodes, i))->explanation;
    misses += !explanation->hit;
    packages += explanation->packages;
    bytes += explanation->bytes;
  }
  g_autofree char *size = vf_units_format_size (bytes);
  printf ("%u of %u stages are there; %u to build, %u packages to fetch (%s)\n", tree->nodes->len - misses,
          tree->nodes->len, misses, packages, size);
}

void
vf_plan_tree_print (const VfPlanTree *tree)
{
  for (guint i = 0; i < tree->roots->len; i++)
    print_node (g_ptr_array_index (tree->roots, i), "", "");
  print_sum (tree);
}

void
vf_plan_tree_print_dot (const VfPlanTree *tree)
{
  puts ("digraph plan {\n  node [shape=box, style=filled];");
  for (guint i = 0; i < tree->nodes->len; i++) {
    const Node *node = g_ptr_array_index (tree->nodes, i);
    printf ("  \"%.*s\" [label=\"%s\\n%.*s\", fillcolor=%s];\n", SHOWN_KEY, node->stage->key,
            vmforge_stage_name (node->stage->kind), SHOWN_KEY, node->stage->key,
            node->explanation->hit ? "palegreen" : "lightsalmon");
    if (node->stage->parent != NULL)
      printf ("  \"%.*s\" -> \"%.*s\";\n", SHOWN_KEY, node->stage->parent->key, SHOWN_KEY, node->stage->key);
    for (guint j = 0; j < node->images->len; j++) {
      const char *image = g_ptr_array_index (node->images, j);
      printf ("  \"%s\" [shape=ellipse, fillcolor=white];\n  \"%.*s\" -> \"%s\";\n", image, SHOWN_KEY,
              node->stage->key, image);
    }
  }
  puts ("}");
}

static VfJson *
strings_to_json (GPtrArray *strings)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < strings->len; i++)
    json_object_array_add (list, vf_cli_json_text (g_ptr_array_index (strings, i)));
  return list;
}

static VfJson *
node_to_json (const Node *node)
{
  const VfExplanation *explanation = node->explanation;
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "stage", vmforge_stage_name (node->stage->kind));
  vf_json_set_string (json, "key", node->stage->key);
  vf_json_set (json, "parent",
               vf_cli_json_text (node->stage->parent == NULL ? NULL : node->stage->parent->key));
  vf_json_set_bool (json, "hit", explanation->hit);
  vf_json_set_bool (json, "reproducible", node->stage->reproducible);
  vf_json_set (json, "reasons", strings_to_json (explanation->reasons));
  vf_json_set_int (json, "fetch_packages", explanation->packages);
  vf_json_set_int (json, "fetch_bytes", (gint64)explanation->bytes);
  vf_json_set (json, "images", strings_to_json (node->images));
  return json;
}

VfJson *
vf_plan_tree_to_json (const VfPlanTree *tree)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < tree->nodes->len; i++)
    json_object_array_add (list, node_to_json (g_ptr_array_index (tree->nodes, i)));
  return list;
}
