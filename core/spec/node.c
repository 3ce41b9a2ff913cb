/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/node.h"

#include "support/error.h"
#include "support/json.h"

#include <string.h>

VfNode *
vf_node_new (VfNodeType type, const char *file, int line, int column)
{
  VfNode *node = g_new0 (VfNode, 1);
  node->type = type;
  node->file = file;
  node->line = line;
  node->column = column;
  if (type == VF_NODE_LIST || type == VF_NODE_MAP)
    node->items = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_node_free);
  if (type == VF_NODE_MAP)
    node->keys = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_node_free);
  return node;
}

void
vf_node_free (VfNode *node)
{
  if (node == NULL)
    return;
  g_free (node->text);
  g_clear_pointer (&node->items, g_ptr_array_unref);
  g_clear_pointer (&node->keys, g_ptr_array_unref);
  g_free (node);
}

static void
copy_children (GPtrArray *to, const GPtrArray *from)
{
  for (guint i = 0; from != NULL && i < from->len; i++)
    g_ptr_array_add (to, vf_node_copy (g_ptr_array_index (from, i)));
}

VfNode *
vf_node_copy (const VfNode *node)
{
  VfNode *copy = vf_node_new (node->type, node->file, node->line, node->column);
  copy->text = g_strdup (node->text);
  copy->integer = node->integer;
  copy->boolean = node->boolean;
  copy_children (copy->items, node->items);
  copy_children (copy->keys, node->keys);
  return copy;
}

static gboolean
find_key (const VfNode *map, const char *key, guint *index)
{
  for (guint i = 0; map != NULL && map->keys != NULL && i < map->keys->len; i++) {
    const VfNode *candidate = g_ptr_array_index (map->keys, i);
    if (strcmp (candidate->text, key) == 0) {
      *index = i;
      return TRUE;
    }
  }
  return FALSE;
}

VfNode *
vf_node_get (const VfNode *node, const char *key)
{
  guint index;
  return find_key (node, key, &index) ? g_ptr_array_index (node->items, index) : NULL;
}

const char *
vf_node_get_text (const VfNode *node, const char *key, const char *fallback)
{
  const VfNode *member = vf_node_get (node, key);
  return member == NULL || member->text == NULL || member->type == VF_NODE_NULL ? fallback : member->text;
}

gint64
vf_node_get_int (const VfNode *node, const char *key, gint64 fallback)
{
  const VfNode *member = vf_node_get (node, key);
  return member == NULL || member->type != VF_NODE_INT ? fallback : member->integer;
}

gboolean
vf_node_get_bool (const VfNode *node, const char *key, gboolean fallback)
{
  const VfNode *member = vf_node_get (node, key);
  return member == NULL || member->type != VF_NODE_BOOL ? fallback : member->boolean;
}

guint
vf_node_length (const VfNode *node)
{
  return node == NULL || node->items == NULL ? 0 : node->items->len;
}

VfNode *
vf_node_at (const VfNode *node, guint index)
{
  return g_ptr_array_index (node->items, index);
}

void
vf_node_set (VfNode *map, const VfNode *key, VfNode *value)
{
  guint index;
  if (find_key (map, key->text, &index)) {
    vf_node_free (g_ptr_array_index (map->items, index));
    g_ptr_array_index (map->items, index) = value;
    vf_node_free (g_ptr_array_index (map->keys, index));
    g_ptr_array_index (map->keys, index) = vf_node_copy (key);
    return;
  }
  g_ptr_array_add (map->keys, vf_node_copy (key));
  g_ptr_array_add (map->items, value);
}

void
vf_node_set_text (VfNode *map, const char *key, const char *text)
{
  g_autoptr (VfNode) name = vf_node_new (VF_NODE_STRING, map->file, map->line, map->column);
  name->text = g_strdup (key);
  VfNode *value = vf_node_new (VF_NODE_STRING, map->file, map->line, map->column);
  value->text = g_strdup (text);
  vf_node_set (map, name, value);
}

void
vf_node_remove (VfNode *map, const char *key)
{
  guint index;
  if (!find_key (map, key, &index))
    return;
  g_ptr_array_remove_index (map->keys, index);
  g_ptr_array_remove_index (map->items, index);
}

char **
vf_node_dup_texts (const VfNode *list)
{
  GPtrArray *texts = g_ptr_array_new ();
  for (guint i = 0; i < vf_node_length (list); i++)
    g_ptr_array_add (texts, g_strdup (vf_node_at (list, i)->text));
  g_ptr_array_add (texts, NULL);
  return (char **)g_ptr_array_free (texts, FALSE);
}

gboolean
vf_node_error (const VfNode *node, VmforgeError code, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  return vf_error_set (error, code, "%s:%d:%d: %s", node->file, node->line, node->column, message);
}

static VfJson *
list_to_json (const VfNode *node)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < node->items->len; i++)
    json_object_array_add (list, vf_node_to_json (g_ptr_array_index (node->items, i)));
  return list;
}

static VfJson *
map_to_json (const VfNode *node)
{
  VfJson *map = json_object_new_object ();
  for (guint i = 0; i < node->items->len; i++) {
    const VfNode *key = g_ptr_array_index (node->keys, i);
    json_object_object_add (map, key->text, vf_node_to_json (g_ptr_array_index (node->items, i)));
  }
  return map;
}

VfJson *
vf_node_to_json (const VfNode *node)
{
  switch (node->type) {
  case VF_NODE_NULL:
    return NULL;
  case VF_NODE_BOOL:
    return json_object_new_boolean (node->boolean);
  case VF_NODE_INT:
    return json_object_new_int64 (node->integer);
  case VF_NODE_STRING:
    return json_object_new_string (node->text);
  case VF_NODE_LIST:
    return list_to_json (node);
  case VF_NODE_MAP:
    return map_to_json (node);
  }
  g_assert_not_reached ();
}
