/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plan/explain.h"

#include "support/fs.h"
#include "support/json.h"

#include <string.h>

#define TEXT_LIMIT 60 /* of a value in words */

void
vf_explanation_free (VfExplanation *explanation)
{
  g_ptr_array_unref (explanation->reasons);
  g_free (explanation);
}

static void say (GPtrArray *reasons, const char *format, ...) G_GNUC_PRINTF (2, 3);
static void
say (GPtrArray *reasons, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (reasons, g_strdup_vprintf (format, args));
  va_end (args);
}

static gboolean
same (VfJson *a, VfJson *b)
{
  if (a == NULL || b == NULL)
    return a == b;
  g_autofree char *left = vf_json_canonical (a), *right = vf_json_canonical (b);
  return strcmp (left, right) == 0;
}

/* What tells the members of a list apart; NULL where their place does. */
static const char *
name_of (VfJson *item)
{
  static const char *const members[] = {"id", "to", "name", "url"};
  if (json_object_is_type (item, json_type_string))
    return json_object_get_string (item);
  for (guint i = 0; json_object_is_type (item, json_type_object) && i < G_N_ELEMENTS (members); i++) {
    const char *name = vf_json_string (item, members[i], NULL);
    if (name != NULL)
      return name;
  }
  return NULL;
}

static VfJson *
find_item (VfJson *list, const char *name)
{
  for (gsize i = 0; list != NULL && i < json_object_array_length (list); i++) {
    VfJson *item = json_object_array_get_idx (list, i);
    if (g_strcmp0 (name_of (item), name) == 0)
      return item;
  }
  return NULL;
}

static void
say_item (const char *key, VfJson *before, VfJson *after, GPtrArray *reasons)
{
  const char *name = name_of (after != NULL ? after : before);
  const char *old = before == NULL ? NULL : vf_json_string (before, "version", NULL);
  const char *new = after == NULL ? NULL : vf_json_string (after, "version", NULL);
  if (old != NULL && new != NULL && strcmp (old, new) != 0)
    say (reasons, "%s %s → %s", name, old, new);
  else if (before != NULL && after != NULL)
    say (reasons, "%s: '%s' changed", key, name);
  else
    say (reasons, "%s: '%s'%s%s %s", key, name, old == NULL && new == NULL ? "" : " ",
         new != NULL   ? new
         : old != NULL ? old
                       : "",
         after != NULL ? "is new" : "is gone");
}

static gboolean
has_names (VfJson *list)
{
  return json_object_is_type (list, json_type_array) &&
         (json_object_array_length (list) == 0 || name_of (json_object_array_get_idx (list, 0)) != NULL);
}

static void
explain_list (const char *key, VfJson *before, VfJson *after, GPtrArray *reasons)
{
  guint found = reasons->len;
  for (gsize i = 0; i < json_object_array_length (before); i++) {
    VfJson *old = json_object_array_get_idx (before, i);
    VfJson *new = find_item (after, name_of (old));
    if (new == NULL || !same (old, new))
      say_item (key, old, new, reasons);
  }
  for (gsize i = 0; i < json_object_array_length (after); i++) {
    VfJson *new = json_object_array_get_idx (after, i);
    if (find_item (before, name_of (new)) == NULL)
      say_item (key, NULL, new, reasons);
  }
  if (reasons->len == found)
    say (reasons, "%s: the order changed", key);
}

static char *
in_words (VfJson *value)
{
  g_autofree char *text = value == NULL ? NULL : vf_json_canonical (value);
  return text == NULL || g_utf8_strlen (text, -1) > TEXT_LIMIT ? NULL : g_steal_pointer (&text);
}

static void
explain_value (const char *key, VfJson *before, VfJson *after, GPtrArray *reasons)
{
  if (has_names (before) && has_names (after)) {
    explain_list (key, before, after, reasons);
    return;
  }
  g_autofree char *old = in_words (before), *new = in_words (after);
  if (old != NULL && new != NULL)
    say (reasons, "%s %s → %s", key, old, new);
  else
    say (reasons, "%s %s", key, before == NULL ? "is new" : after == NULL ? "is gone" : "changed");
}

static void
explain_object (const char *prefix, VfJson *before, VfJson *after, GPtrArray *reasons)
{
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  json_object_object_foreach (before, old_key, old_value)
    g_hash_table_add (keys, g_strdup (old_key));
  json_object_object_foreach (after, new_key, new_value)
    g_hash_table_add (keys, g_strdup (new_key));
  (void)old_value, (void)new_value;
  g_autoptr (GList) sorted = g_list_sort (g_hash_table_get_keys (keys), (GCompareFunc)strcmp);
  for (GList *item = sorted; item != NULL; item = item->next) {
    VfJson *old = NULL, *new = NULL;
    json_object_object_get_ex (before, item->data, &old);
    json_object_object_get_ex (after, item->data, &new);
    if (same (old, new) || (*prefix == '\0' && strcmp (item->data, "parent") == 0))
      continue;
    g_autofree char *key = g_strconcat (prefix, item->data, NULL);
    if (json_object_is_type (old, json_type_object) && json_object_is_type (new, json_type_object)) {
      g_autofree char *deeper = g_strconcat (key, ".", NULL);
      explain_object (deeper, old, new, reasons);
    } else {
      explain_value (key, old, new, reasons);
    }
  }
}

void
vf_explain_inputs (VfJson *before, VfJson *after, GPtrArray *reasons)
{
  explain_object ("", before, after, reasons);
}

/* The stage that this one most likely takes the place of: the newest of this spec's name, else of its parent.
 */
static const VfStage *
find_nearest (GPtrArray *known, const VfPlanStage *stage)
{
  const VfStage *nearest = NULL;
  gboolean by_name = FALSE;
  for (guint i = 0; i < known->len; i++) {
    const VfStage *other = g_ptr_array_index (known, i);
    if (strcmp (other->stage, vmforge_stage_name (stage->kind)) != 0 || other->json == NULL)
      continue;
    gboolean same_name = g_strcmp0 (other->spec_name, stage->spec->name) == 0;
    gboolean same_parent = stage->parent != NULL && g_strcmp0 (other->parent, stage->parent->key) == 0;
    if (same_name || (!by_name && (same_parent || stage->parent == NULL))) {
      nearest = other;
      by_name |= same_name;
    }
  }
  return nearest;
}

static void
count_fetches (VmforgeStore *store, const VfPlanStage *stage, VfExplanation *explanation)
{
  for (guint i = 0; i < stage->packages->len; i++) {
    const struct vmforge_package *package = &((VfPackage *)g_ptr_array_index (stage->packages, i))->pub;
    if (package->digest == NULL || (package->flags & VMFORGE_PACKAGE_REMOVE) != 0)
      continue;
    g_autofree char *path = g_strdup_printf ("cache/packages/%.2s/%s", package->digest, package->digest + 2);
    if (vf_fs_exists (store->fd, path))
      continue;
    explanation->packages++;
    explanation->bytes += package->download_size;
  }
}

VfExplanation *
vf_explain_stage (VmforgeStore *store, GPtrArray *known, const VfPlanStage *stage, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) found = vf_store_find_stage (store, stage->key, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  VfExplanation *explanation = g_new0 (VfExplanation, 1);
  explanation->reasons = g_ptr_array_new_with_free_func (g_free);
  explanation->hit = found != NULL;
  if (explanation->hit)
    return explanation;
  count_fetches (store, stage, explanation);
  const VfStage *nearest = find_nearest (known, stage);
  VfJson *before = nearest == NULL ? NULL : vf_json_object (nearest->json, "inputs");
  if (before != NULL)
    vf_explain_inputs (before, stage->inputs, explanation->reasons);
  if (before == NULL)
    say (explanation->reasons, "never built");
  else if (g_strcmp0 (nearest->spec_name, stage->spec->name) != 0)
    g_ptr_array_insert (explanation->reasons, 0,
                        g_strdup_printf ("never built; beside that of '%s':", nearest->spec_name));
  else if (explanation->reasons->len == 0 && stage->parent != NULL &&
           g_strcmp0 (nearest->parent, stage->parent->key) != 0)
    say (explanation->reasons, "the stage below is another one");
  else if (explanation->reasons->len == 0)
    say (explanation->reasons, "built in another storage only");
  return explanation;
}
