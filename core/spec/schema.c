/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/schema.h"

#include "spec/schema-private.h"

#include <string.h>

extern const char vf_embedded_spec[];
extern const char vf_embedded_profile[];
extern const char vf_embedded_config[];
extern const char vf_embedded_lock[];

/* patternErrorMessage and defaultSnippets are what editors know; x-context is our own word for a place. */
static const char *const keywords[] = {
    "$schema",   "$id",         "$ref",      "$defs",
    "title",     "description", "default",   "examples",
    "type",      "enum",        "const",     "properties",
    "required",  "items",       "minItems",  "additionalProperties",
    "pattern",   "minimum",     "maximum",   "patternProperties",
    "minLength", "maxLength",   "oneOf",     "anyOf",
    "writeOnly", "deprecated",  "x-context", "patternErrorMessage",
    NULL,
};

static void scan (VfSchema *schema, VfJson *part);

static void
scan_members (VfSchema *schema, VfJson *members)
{
  json_object_object_foreach (members, name, member) {
    (void)name;
    scan (schema, member);
  }
}

static void
add_pattern (VfSchema *schema, const char *pattern)
{
  if (g_hash_table_contains (schema->patterns, pattern))
    return;
  g_autoptr (GError) failure = NULL;
  GRegex *regex = g_regex_new (pattern, G_REGEX_DOLLAR_ENDONLY, 0, &failure);
  if (regex == NULL)
    g_error ("schema: %s", failure->message);
  g_hash_table_insert (schema->patterns, g_strdup (pattern), regex);
}

static void
scan_keyword (VfSchema *schema, const char *keyword, VfJson *value)
{
  if (!g_strv_contains (keywords, keyword))
    g_error ("schema: the keyword '%s' is not implemented", keyword);
  if (strcmp (keyword, "properties") == 0 || strcmp (keyword, "$defs") == 0)
    scan_members (schema, value);
  else if (strcmp (keyword, "patternProperties") == 0) {
    json_object_object_foreach (value, pattern, member) {
      add_pattern (schema, pattern);
      scan (schema, member);
    }
  } else if (strcmp (keyword, "pattern") == 0)
    add_pattern (schema, json_object_get_string (value));
  else if (strcmp (keyword, "items") == 0 || strcmp (keyword, "additionalProperties") == 0)
    scan (schema, value);
  else if (strcmp (keyword, "oneOf") == 0 || strcmp (keyword, "anyOf") == 0)
    for (size_t i = 0; i < json_object_array_length (value); i++)
      scan (schema, json_object_array_get_idx (value, i));
}

/* Refuses what the checker would ignore, and compiles patterns. */
static void
scan (VfSchema *schema, VfJson *part)
{
  if (json_object_is_type (part, json_type_boolean))
    return;
  json_object_object_foreach (part, keyword, value) {
    scan_keyword (schema, keyword, value);
  }
}

static VfSchema *
load (const char *text)
{
  g_autoptr (GError) failure = NULL;
  VfSchema *schema = g_new0 (VfSchema, 1);
  schema->text = text;
  schema->json = vf_json_parse (text, strlen (text), &failure);
  if (schema->json == NULL)
    g_error ("schema: %s", failure->message);
  schema->patterns = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_regex_unref);
  scan (schema, schema->json);
  return schema;
}

const VfSchema *
vf_schema_spec (void)
{
  static VfSchema *schema;
  if (g_once_init_enter (&schema))
    g_once_init_leave (&schema, load (vf_embedded_spec));
  return schema;
}

const VfSchema *
vf_schema_profile (void)
{
  static VfSchema *schema;
  if (g_once_init_enter (&schema))
    g_once_init_leave (&schema, load (vf_embedded_profile));
  return schema;
}

const VfSchema *
vf_schema_config (void)
{
  static VfSchema *schema;
  if (g_once_init_enter (&schema))
    g_once_init_leave (&schema, load (vf_embedded_config));
  return schema;
}

const VfSchema *
vf_schema_lock (void)
{
  static VfSchema *schema;
  if (g_once_init_enter (&schema))
    g_once_init_leave (&schema, load (vf_embedded_lock));
  return schema;
}

const char *
vf_schema_get_text (const VfSchema *schema)
{
  return schema->text;
}

const char *
vmforge_spec_schema (void)
{
  return vf_embedded_spec;
}

VfJson *
vf_schema_follow (const VfSchema *schema, VfJson *part)
{
  const char *reference = vf_json_string (part, "$ref", NULL);
  if (reference == NULL)
    return part;
  if (!g_str_has_prefix (reference, "#/$defs/"))
    g_error ("schema: the reference '%s' is not implemented", reference);
  VfJson *target = vf_json_object (vf_json_object (schema->json, "$defs"), reference + strlen ("#/$defs/"));
  if (target == NULL)
    g_error ("schema: '%s' does not exist", reference);
  return vf_schema_follow (schema, target);
}

gboolean
vf_schema_matches_pattern (const VfSchema *schema, const char *pattern, const char *text)
{
  return g_regex_match (g_hash_table_lookup (schema->patterns, pattern), text, 0, NULL);
}
