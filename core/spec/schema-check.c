/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/schema-private.h"

#include "support/error.h"
#include "support/suggest.h"

#include <string.h>

/* Where in the document the check is: one frame a level. */
typedef struct _Place Place;
struct _Place {
  const Place *above;
  const char *context; /* what the schema calls this place: "stage 'image'" */
  const char *key;     /* of a map's member; NULL: an entry of the list above, or the whole document */
};

typedef struct {
  const VfSchema *schema;
  GError **error; /* NULL while an alternative is only tried */
} Check;

static gboolean check_node (const Check *check, VfJson *part, const VfNode *node, const Place *place);

/* "stage 'image'", "'disk'", "an entry of 'packages' in stage 'image'". */
static char *
describe (const Place *place)
{
  if (place->context != NULL)
    return g_strdup (place->context);
  if (place->above == NULL)
    return g_strdup ("the file");
  if (place->key == NULL) {
    g_autofree char *list = describe (place->above);
    return g_strdup_printf ("an entry of %s", list);
  }
  if (place->above->above == NULL)
    return g_strdup_printf ("'%s'", place->key);
  g_autofree char *map = describe (place->above);
  return g_strdup_printf ("'%s' in %s", place->key, map);
}

static gboolean fail (const Check *check, const VfNode *node, const Place *place, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* The place comes first: `FILE:1:2: 'size' in 'disk' must be …`. */
static gboolean
fail (const Check *check, const VfNode *node, const Place *place, const char *format, ...)
{
  if (check->error == NULL)
    return FALSE;
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *what = describe (place);
  return vf_node_error (node, VMFORGE_ERROR_SPEC, check->error, "%s %s", what, message);
}

static const char *
type_name (const char *type)
{
  static const char *const names[][2] = {
      {"object", "a map"},          {"array", "a list"}, {"string", "a text"},   {"integer", "an integer"},
      {"boolean", "true or false"}, {"null", "nothing"}, {"number", "a number"},
  };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i][0], type) == 0)
      return names[i][1];
  g_error ("schema: unknown type '%s'", type);
}

static const char *
node_type_name (const VfNode *node)
{
  static const char *const names[] = {
      [VF_NODE_NULL] = "null",     [VF_NODE_BOOL] = "boolean", [VF_NODE_INT] = "integer",
      [VF_NODE_STRING] = "string", [VF_NODE_LIST] = "array",   [VF_NODE_MAP] = "object",
  };
  return type_name (names[node->type]);
}

static gboolean
has_type (const VfNode *node, const char *type)
{
  if (strcmp (type, "null") == 0)
    return node->type == VF_NODE_NULL;
  if (strcmp (type, "boolean") == 0)
    return node->type == VF_NODE_BOOL;
  if (strcmp (type, "integer") == 0 || strcmp (type, "number") == 0)
    return node->type == VF_NODE_INT;
  if (strcmp (type, "string") == 0) /* where text is wanted, 12 and true are text */
    return node->type == VF_NODE_STRING || node->type == VF_NODE_INT || node->type == VF_NODE_BOOL;
  if (strcmp (type, "array") == 0)
    return node->type == VF_NODE_LIST;
  return node->type == VF_NODE_MAP;
}

/* Calls for the type or types of a schema. */
static gboolean
matches_type (VfJson *type, const VfNode *node)
{
  if (json_object_is_type (type, json_type_string))
    return has_type (node, json_object_get_string (type));
  for (size_t i = 0; i < json_object_array_length (type); i++)
    if (has_type (node, json_object_get_string (json_object_array_get_idx (type, i))))
      return TRUE;
  return FALSE;
}

static void
add_type_name (GPtrArray *names, const char *type)
{
  /* That nothing or a bare number is accepted too is no advice. */
  if (strcmp (type, "null") == 0 || strcmp (type, "number") == 0)
    return;
  const char *name = type_name (type);
  if (!g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
    g_ptr_array_add (names, (gpointer)name);
}

static void
add_type_names (GPtrArray *names, VfJson *type)
{
  if (json_object_is_type (type, json_type_string))
    add_type_name (names, json_object_get_string (type));
  for (size_t i = 0; json_object_is_type (type, json_type_array) && i < json_object_array_length (type); i++)
    add_type_name (names, json_object_get_string (json_object_array_get_idx (type, i)));
}

static gboolean
fail_type (const Check *check, GPtrArray *names, const VfNode *node, const Place *place)
{
  g_ptr_array_add (names, NULL);
  g_autofree char *wanted = g_strjoinv (" or ", (char **)names->pdata);
  return fail (check, node, place, "must be %s, but is %s", wanted, node_type_name (node));
}

static gboolean
check_type (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  VfJson *type;
  if (!json_object_object_get_ex (part, "type", &type) || matches_type (type, node))
    return TRUE;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  add_type_names (names, type);
  return fail_type (check, names, node, place);
}

static gboolean
equals (VfJson *value, const VfNode *node)
{
  switch (json_object_get_type (value)) {
  case json_type_int:
    return node->type == VF_NODE_INT && node->integer == json_object_get_int64 (value);
  case json_type_boolean:
    return node->type == VF_NODE_BOOL && node->boolean == json_object_get_boolean (value);
  case json_type_string:
    return has_type (node, "string") && strcmp (node->text, json_object_get_string (value)) == 0;
  default:
    return json_object_is_type (value, json_type_null) && node->type == VF_NODE_NULL;
  }
}

static gboolean
check_enum (const Check *check, VfJson *values, const VfNode *node, const Place *place)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  for (size_t i = 0; i < json_object_array_length (values); i++) {
    VfJson *value = json_object_array_get_idx (values, i);
    if (equals (value, node))
      return TRUE;
    g_ptr_array_add (known, (gpointer)json_object_get_string (value));
  }
  g_ptr_array_add (known, NULL);
  g_autofree char *list = g_strjoinv (", ", (char **)known->pdata);
  if (node->text == NULL)
    return fail (check, node, place, "must be one of: %s", list);
  g_autofree char *hint = vf_suggest_hint (node->text, (const char *const *)known->pdata);
  return fail (check, node, place, "cannot be '%s'%s; known: %s", node->text, hint, list);
}

static gboolean
check_values (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  VfJson *value;
  if (json_object_object_get_ex (part, "const", &value) && !equals (value, node))
    return fail (check, node, place, "must be %s", json_object_get_string (value));
  if (json_object_object_get_ex (part, "enum", &value))
    return check_enum (check, value, node, place);
  return TRUE;
}

/* Secrets are not repeated in messages. */
static gboolean
fail_pattern (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  const char *pattern = vf_json_string (part, "pattern", "");
  g_autofree char *fallback = g_strdup_printf ("it must match %s", pattern);
  const char *message = vf_json_string (part, "patternErrorMessage", fallback);
  if (vf_json_bool (part, "writeOnly", FALSE))
    return fail (check, node, place, "cannot be this: %s", message);
  return fail (check, node, place, "cannot be '%s': %s", node->text, message);
}

static gboolean
check_text (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  if (node->text == NULL || node->type == VF_NODE_NULL)
    return TRUE;
  glong length = g_utf8_strlen (node->text, -1);
  gint64 least = vf_json_int (part, "minLength", 0);
  gint64 most = vf_json_int (part, "maxLength", G_MAXINT64);
  if (length < least && least == 1)
    return fail (check, node, place, "must not be empty");
  if (length < least)
    return fail (check, node, place, "is shorter than %" G_GINT64_FORMAT " characters", least);
  if (length > most)
    return fail (check, node, place, "is longer than %" G_GINT64_FORMAT " characters", most);
  const char *pattern = vf_json_string (part, "pattern", NULL);
  if (pattern != NULL && !vf_schema_matches_pattern (check->schema, pattern, node->text))
    return fail_pattern (check, part, node, place);
  return TRUE;
}

static gboolean
check_number (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  if (node->type != VF_NODE_INT)
    return TRUE;
  gint64 least = vf_json_int (part, "minimum", G_MININT64);
  gint64 most = vf_json_int (part, "maximum", G_MAXINT64);
  if (node->integer < least)
    return fail (check, node, place, "must be at least %" G_GINT64_FORMAT, least);
  if (node->integer > most)
    return fail (check, node, place, "must be at most %" G_GINT64_FORMAT, most);
  return TRUE;
}

static gboolean
check_items (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  gint64 least = vf_json_int (part, "minItems", 0);
  if (node->items->len < least)
    return fail (check, node, place, "must have at least %" G_GINT64_FORMAT " %s", least,
                 least == 1 ? "entry" : "entries");
  VfJson *items = vf_json_object (part, "items");
  if (items == NULL)
    return TRUE;
  for (guint i = 0; i < node->items->len; i++) {
    Place entry = {.above = place};
    if (!check_node (check, items, vf_node_at (node, i), &entry))
      return FALSE;
  }
  return TRUE;
}

/* The schema of a member: named, by pattern, or of all others. FALSE: the key is unknown. part: NULL for
 * anything. */
static gboolean
find_member (const VfSchema *schema, VfJson *part, const char *key, VfJson **member)
{
  VfJson *value;
  if (json_object_object_get_ex (vf_json_object (part, "properties"), key, member))
    return TRUE;
  VfJson *patterns = vf_json_object (part, "patternProperties");
  if (patterns != NULL) {
    json_object_object_foreach (patterns, pattern, candidate) {
      if (vf_schema_matches_pattern (schema, pattern, key)) {
        *member = candidate;
        return TRUE;
      }
    }
  }
  *member = NULL;
  if (!json_object_object_get_ex (part, "additionalProperties", &value))
    return TRUE;
  if (json_object_is_type (value, json_type_boolean))
    return json_object_get_boolean (value);
  *member = value;
  return TRUE;
}

/* " (it belongs to stage 'appliance')": maps at the top that have this key. NULL if none has. */
static char *
find_owners (const VfSchema *schema, const char *key)
{
  g_autoptr (GPtrArray) owners = g_ptr_array_new_with_free_func (g_free);
  VfJson *top = vf_json_object (schema->json, "properties");
  if (top == NULL)
    return NULL;
  json_object_object_foreach (top, name, member) {
    VfJson *target = vf_schema_follow (schema, member);
    const char *context = vf_json_string (member, "x-context", vf_json_string (target, "x-context", NULL));
    if (json_object_object_get_ex (vf_json_object (target, "properties"), key, NULL))
      g_ptr_array_add (owners, context != NULL ? g_strdup (context) : g_strdup_printf ("'%s'", name));
  }
  if (owners->len == 0)
    return NULL;
  g_ptr_array_add (owners, NULL);
  g_autofree char *list = g_strjoinv (", ", (char **)owners->pdata);
  return g_strdup_printf (" (it belongs to %s)", list);
}

/* What was meant; where the key belongs, if it stands in the wrong map of the top; what there is. */
static char *
advise_on_key (const VfSchema *schema, const char *key, const Place *place, const char *const *known)
{
  if (vf_suggest (key, known) != NULL)
    return vf_suggest_hint (key, known);
  gboolean near_top = place->above == NULL || place->above->above == NULL;
  char *owners = near_top ? find_owners (schema, key) : NULL;
  if (owners != NULL)
    return owners;
  g_autofree char *list = g_strjoinv (", ", (char **)known);
  return known[0] == NULL ? g_strdup ("") : g_strdup_printf ("; known: %s", list);
}

static gboolean
fail_unknown_key (const Check *check, VfJson *part, const VfNode *key, const Place *place)
{
  if (check->error == NULL)
    return FALSE;
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  VfJson *properties = vf_json_object (part, "properties");
  if (properties != NULL) {
    json_object_object_foreach (properties, name, member) {
      (void)member;
      g_ptr_array_add (known, name);
    }
  }
  g_ptr_array_add (known, NULL);
  g_autofree char *where = describe (place);
  g_autofree char *hint = advise_on_key (check->schema, key->text, place, (const char *const *)known->pdata);
  return vf_node_error (key, VMFORGE_ERROR_SPEC, check->error, "unknown key '%s' in %s%s", key->text, where,
                        hint);
}

static gboolean
check_required (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  VfJson *required = vf_json_array (part, "required");
  for (size_t i = 0; required != NULL && i < json_object_array_length (required); i++) {
    const char *key = json_object_get_string (json_object_array_get_idx (required, i));
    if (vf_node_get (node, key) == NULL)
      return fail (check, node, place, "lacks '%s'", key);
  }
  return TRUE;
}

static gboolean
check_members (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  for (guint i = 0; i < node->items->len; i++) {
    const VfNode *key = g_ptr_array_index (node->keys, i);
    VfJson *member;
    if (!find_member (check->schema, part, key->text, &member))
      return fail_unknown_key (check, part, key, place);
    Place below = {.above = place, .key = key->text};
    if (member != NULL && !check_node (check, member, vf_node_at (node, i), &below))
      return FALSE;
  }
  return check_required (check, part, node, place);
}

/* Whether a map says which alternative it means: it has a key that the alternative requires. */
static gboolean
has_required_key (VfJson *part, const VfNode *node)
{
  VfJson *required = vf_json_array (part, "required");
  for (size_t i = 0; required != NULL && i < json_object_array_length (required); i++)
    if (vf_node_get (node, json_object_get_string (json_object_array_get_idx (required, i))) != NULL)
      return TRUE;
  return required == NULL;
}

/* None of the alternatives took the node: show what is wrong with the one that was meant. */
static gboolean
fail_no_alternative (const Check *check, VfJson *alternatives, const VfNode *node, const Place *place)
{
  g_autoptr (GPtrArray) types = g_ptr_array_new ();
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  if (check->error == NULL)
    return FALSE;
  for (size_t i = 0; i < json_object_array_length (alternatives); i++) {
    VfJson *part = vf_schema_follow (check->schema, json_object_array_get_idx (alternatives, i));
    VfJson *type;
    if (json_object_object_get_ex (part, "type", &type) && !matches_type (type, node)) {
      add_type_names (types, type);
      continue;
    }
    if (has_required_key (part, node))
      return check_node (check, part, node, place);
    g_ptr_array_add (keys, (gpointer)json_object_get_string (
                               json_object_array_get_idx (vf_json_array (part, "required"), 0)));
  }
  if (keys->len == 0)
    return fail_type (check, types, node, place);
  if (keys->len == 1)
    return fail (check, node, place, "lacks '%s'", (const char *)g_ptr_array_index (keys, 0));
  g_ptr_array_add (keys, NULL);
  g_autofree char *list = g_strjoinv ("', '", (char **)keys->pdata);
  return fail (check, node, place, "needs one of '%s'", list);
}

static gboolean
check_alternatives (const Check *check, VfJson *alternatives, gboolean only_one, const VfNode *node,
                    const Place *place)
{
  const Check silent = {.schema = check->schema};
  guint matches = 0;
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  for (size_t i = 0; i < json_object_array_length (alternatives); i++) {
    VfJson *part = vf_schema_follow (check->schema, json_object_array_get_idx (alternatives, i));
    if (!check_node (&silent, part, node, place))
      continue;
    matches++;
    VfJson *required = vf_json_array (part, "required");
    if (required != NULL)
      g_ptr_array_add (keys, (gpointer)json_object_get_string (json_object_array_get_idx (required, 0)));
  }
  if (matches == 0)
    return fail_no_alternative (check, alternatives, node, place);
  if (!only_one || matches == 1)
    return TRUE;
  g_ptr_array_add (keys, NULL);
  g_autofree char *list = g_strjoinv ("', '", (char **)keys->pdata);
  return fail (check, node, place, "can have only one of '%s'", list);
}

static gboolean
check_here (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  if (!check_type (check, part, node, place) || !check_values (check, part, node, place) ||
      !check_text (check, part, node, place) || !check_number (check, part, node, place))
    return FALSE;
  if (node->type == VF_NODE_LIST && !check_items (check, part, node, place))
    return FALSE;
  if (node->type == VF_NODE_MAP && !check_members (check, part, node, place))
    return FALSE;
  VfJson *alternatives = vf_json_array (part, "oneOf");
  if (alternatives != NULL && !check_alternatives (check, alternatives, TRUE, node, place))
    return FALSE;
  alternatives = vf_json_array (part, "anyOf");
  return alternatives == NULL || check_alternatives (check, alternatives, FALSE, node, place);
}

static gboolean
check_node (const Check *check, VfJson *part, const VfNode *node, const Place *place)
{
  if (json_object_is_type (part, json_type_boolean))
    return json_object_get_boolean (part) || fail (check, node, place, "is not allowed");
  VfJson *target = vf_schema_follow (check->schema, part);
  /* The name beside a reference is nearer than the one behind it. */
  Place here = *place;
  if (here.context == NULL)
    here.context = vf_json_string (part, "x-context", vf_json_string (target, "x-context", NULL));
  return check_here (check, target, node, &here);
}

gboolean
vf_schema_check (const VfSchema *schema, const VfNode *node, GError **error)
{
  GError *failure = NULL;
  const Check check = {.schema = schema, .error = &failure};
  Place place = {.above = NULL};
  if (check_node (&check, schema->json, node, &place))
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}
