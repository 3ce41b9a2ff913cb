/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/merge.h"

#include "support/error.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void
append_items (VfNode *list, const VfNode *from)
{
  for (guint i = 0; i < vf_node_length (from); i++)
    g_ptr_array_add (list->items, vf_node_copy (vf_node_at (from, i)));
}

static VfNode *
merge_lists (const VfNode *parent, const VfNode *child, VfMergeLists lists)
{
  if (lists == VF_MERGE_REPLACE_LISTS)
    return vf_node_copy (child);
  /* Errors about the whole list belong to who wrote last. */
  VfNode *list = vf_node_new (VF_NODE_LIST, child->file, child->line, child->column);
  append_items (list, parent);
  append_items (list, child);
  return list;
}

/* Key → its index + 1. */
static GHashTable *
index_keys (const VfNode *map)
{
  GHashTable *indices = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < map->keys->len; i++)
    g_hash_table_insert (indices, ((const VfNode *)g_ptr_array_index (map->keys, i))->text,
                         GUINT_TO_POINTER (i + 1));
  return indices;
}

static void
replace_node (GPtrArray *array, guint index, VfNode *node)
{
  vf_node_free (g_ptr_array_index (array, index));
  g_ptr_array_index (array, index) = node;
}

static VfNode *
merge_maps (const VfNode *parent, const VfNode *child, VfMergeLists lists)
{
  VfNode *map = vf_node_copy (parent);
  map->file = child->file;
  map->line = child->line;
  map->column = child->column;
  g_autoptr (GHashTable) indices = index_keys (parent);
  for (guint i = 0; i < vf_node_length (child); i++) {
    const VfNode *key = g_ptr_array_index (child->keys, i);
    const VfNode *value = vf_node_at (child, i);
    guint index = GPOINTER_TO_UINT (g_hash_table_lookup (indices, key->text));
    if (index == 0) {
      g_ptr_array_add (map->keys, vf_node_copy (key));
      g_ptr_array_add (map->items, vf_node_copy (value));
      continue;
    }
    replace_node (map->keys, index - 1, vf_node_copy (key));
    replace_node (map->items, index - 1, vf_merge (vf_node_at (parent, index - 1), value, lists));
  }
  return map;
}

VfNode *
vf_merge (const VfNode *parent, const VfNode *child, VfMergeLists lists)
{
  if (parent->type == VF_NODE_MAP && child->type == VF_NODE_MAP)
    return merge_maps (parent, child, lists);
  if (parent->type == VF_NODE_LIST && child->type == VF_NODE_LIST)
    return merge_lists (parent, child, lists);
  if (child->type == VF_NODE_NULL && parent->items != NULL)
    return vf_node_copy (parent);
  return vf_node_copy (child);
}

/* Joins without touching the disk; shown in errors, so that it stays as short as what the user wrote. */
static char *
beside (const char *file, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (file);
  if (g_path_is_absolute (path) || strcmp (folder, ".") == 0)
    return g_strdup (path);
  return g_build_filename (folder, path, NULL);
}

char *
vf_merge_resolve_path (const VfNode *node)
{
  g_autofree char *path = beside (node->file, node->text);
  return g_canonicalize_filename (path, NULL);
}

/* The chain of files from the spec itself to the one being read. */
typedef struct _Chain Chain;
struct _Chain {
  const Chain *child;
  const char *path;
  const char *real_path;
  int depth;
};

static VfNode *read_file (const char *path, const Chain *child, const VfNode *where, guint *n_files,
                          GError **error);

static void
describe_chain (GString *text, const Chain *chain)
{
  if (chain->child != NULL)
    describe_chain (text, chain->child);
  g_string_append_printf (text, "%s → ", chain->path);
}

static gboolean
check_chain (const Chain *chain, const VfNode *where, guint n_files, GError **error)
{
  for (const Chain *other = chain->child; other != NULL; other = other->child) {
    if (strcmp (other->real_path, chain->real_path) != 0)
      continue;
    g_autoptr (GString) text = g_string_new (NULL);
    describe_chain (text, chain->child);
    return vf_node_error (where, VMFORGE_ERROR_SPEC, error, "'extends' goes in a circle: %s%s", text->str,
                          chain->path);
  }
  if (chain->depth > VF_MERGE_MAX_DEPTH)
    return vf_node_error (where, VMFORGE_ERROR_SPEC, error, "'extends' goes through more than %d files",
                          VF_MERGE_MAX_DEPTH);
  if (n_files > VF_MERGE_MAX_FILES)
    return vf_node_error (where, VMFORGE_ERROR_SPEC, error, "'extends' reads more than %d files",
                          VF_MERGE_MAX_FILES);
  return TRUE;
}

/* Each file is of a format that we know, not just the last one. */
static gboolean
check_file (const VfNode *node, GError **error)
{
  if (node->type == VF_NODE_NULL)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "the file is empty");
  if (node->type != VF_NODE_MAP)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "a spec must be a map of keys such as 'name: …'");
  const VfNode *format = vf_node_get (node, "vmforge");
  if (format == NULL || (format->type == VF_NODE_INT && format->integer == 1))
    return TRUE;
  return vf_node_error (format, VMFORGE_ERROR_SPEC, error,
                        "'vmforge' must be 1, the format that this vmforge reads");
}

static gboolean
add_parent (VfNode **merged, const VfNode *reference, const Chain *chain, guint *n_files, GError **error)
{
  if (reference->type != VF_NODE_STRING || *reference->text == '\0')
    return vf_node_error (reference, VMFORGE_ERROR_SPEC, error,
                          "'extends' must be a path or a list of paths");
  g_autofree char *path = beside (reference->file, reference->text);
  g_autoptr (VfNode) parent = read_file (path, chain, reference, n_files, error);
  if (parent == NULL)
    return FALSE;
  VfNode *both =
      *merged == NULL ? g_steal_pointer (&parent) : vf_merge (*merged, parent, VF_MERGE_APPEND_LISTS);
  vf_node_free (*merged);
  *merged = both;
  return TRUE;
}

static VfNode *
read_parents (const VfNode *extends, const Chain *chain, guint *n_files, GError **error)
{
  g_autoptr (VfNode) merged = NULL;
  if (extends->type != VF_NODE_LIST)
    return add_parent (&merged, extends, chain, n_files, error) ? g_steal_pointer (&merged) : NULL;
  for (guint i = 0; i < vf_node_length (extends); i++)
    if (!add_parent (&merged, vf_node_at (extends, i), chain, n_files, error))
      return NULL;
  if (merged == NULL)
    vf_node_error (extends, VMFORGE_ERROR_SPEC, error, "'extends' is an empty list");
  return g_steal_pointer (&merged);
}

static VfNode *
read_file (const char *path, const Chain *child, const VfNode *where, guint *n_files, GError **error)
{
  g_autofree char *real_path = realpath (path, NULL);
  Chain chain = {.child = child,
                 .path = path,
                 .real_path = real_path == NULL ? path : real_path,
                 .depth = child == NULL ? 1 : child->depth + 1};
  *n_files += 1;
  if (where != NULL && !check_chain (&chain, where, *n_files, error))
    return NULL;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfNode) node = vf_node_read (path, &failure);
  if (node == NULL) {
    if (where != NULL && real_path == NULL)
      vf_node_error (where, VMFORGE_ERROR_SPEC, error, "%s", failure->message);
    else
      g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  if (!check_file (node, error))
    return NULL;
  const VfNode *extends = vf_node_get (node, "extends");
  if (extends == NULL)
    return g_steal_pointer (&node);
  g_autoptr (VfNode) parents = read_parents (extends, &chain, n_files, error);
  if (parents == NULL)
    return NULL;
  vf_node_remove (node, "extends");
  return vf_merge (parents, node, VF_MERGE_APPEND_LISTS);
}

VfNode *
vf_merge_read (const char *path, GError **error)
{
  guint n_files = 0;
  return read_file (path, NULL, NULL, &n_files, error);
}
