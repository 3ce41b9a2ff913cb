/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/json.h"

#include "support/error.h"
#include "support/fs.h"

#define MAX_DEPTH 64
#define MAX_FILE  (256 * 1024 * 1024)

static void append (GString *text, VfJson *json);

static void
append_string (GString *text, const char *string, gsize length)
{
  g_string_append_c (text, '"');
  for (gsize i = 0; i < length; i++) {
    static const char plain[] = "\b\f\n\r\t\"\\", escaped[] = "bfnrt\"\\";
    guchar c = (guchar)string[i];
    const char *found = c == '\0' ? NULL : strchr (plain, c);
    if (found != NULL)
      g_string_append_printf (text, "\\%c", escaped[found - plain]);
    else if (c < 0x20)
      g_string_append_printf (text, "\\u%04x", c);
    else
      g_string_append_c (text, (char)c);
  }
  g_string_append_c (text, '"');
}

static gint
compare_keys (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
append_object (GString *text, VfJson *object)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  json_object_object_foreach (object, key, value) {
    (void)value;
    g_ptr_array_add (keys, key);
  }
  g_ptr_array_sort (keys, compare_keys);
  g_string_append_c (text, '{');
  for (guint i = 0; i < keys->len; i++) {
    const char *name = g_ptr_array_index (keys, i);
    if (i > 0)
      g_string_append_c (text, ',');
    append_string (text, name, strlen (name));
    g_string_append_c (text, ':');
    append (text, json_object_object_get (object, name));
  }
  g_string_append_c (text, '}');
}

static void
append_array (GString *text, VfJson *array)
{
  g_string_append_c (text, '[');
  for (size_t i = 0; i < json_object_array_length (array); i++) {
    if (i > 0)
      g_string_append_c (text, ',');
    append (text, json_object_array_get_idx (array, i));
  }
  g_string_append_c (text, ']');
}

static void
append (GString *text, VfJson *json)
{
  switch (json_object_get_type (json)) {
  case json_type_null:
    g_string_append (text, "null");
    break;
  case json_type_boolean:
    g_string_append (text, json_object_get_boolean (json) ? "true" : "false");
    break;
  case json_type_int:
    /* json-c would give the nearest number that fits. */
    if (json_object_get_uint64 (json) > G_MAXINT64)
      g_critical ("an integer beyond 2^63-1 in canonical JSON");
    g_string_append_printf (text, "%" G_GINT64_FORMAT, json_object_get_int64 (json));
    break;
  case json_type_string:
    append_string (text, json_object_get_string (json), (gsize)json_object_get_string_len (json));
    break;
  case json_type_array:
    append_array (text, json);
    break;
  case json_type_object:
    append_object (text, json);
    break;
  case json_type_double:
    /* Their text is not the same everywhere, so nothing that is hashed may hold one. */
    g_critical ("a floating point number in canonical JSON");
    g_string_append (text, "null");
    break;
  }
}

gboolean
vf_json_has_floats (VfJson *json)
{
  gboolean found = json_object_is_type (json, json_type_double);
  if (json_object_is_type (json, json_type_array))
    for (size_t i = 0; i < json_object_array_length (json) && !found; i++)
      found = vf_json_has_floats (json_object_array_get_idx (json, i));
  if (json_object_is_type (json, json_type_object)) {
    json_object_object_foreach (json, name, value) {
      (void)name;
      found |= vf_json_has_floats (value);
    }
  }
  return found;
}

char *
vf_json_canonical (VfJson *json)
{
  GString *text = g_string_new (NULL);
  append (text, json);
  return g_string_free (text, FALSE);
}

/* json-c calls itself strict and yet takes single quotes, NaN, Infinity and raw control characters in
 * strings. */
static gboolean
is_strict (const char *text, gsize length)
{
  gboolean quoted = FALSE;
  for (gsize i = 0; i < length; i++) {
    guchar c = (guchar)text[i];
    if (c == '"')
      quoted = !quoted;
    else if (quoted && c == '\\') {
      if (++i < length && strchr ("\"\\/bfnrtu", text[i]) == NULL)
        return FALSE;
    } else if (quoted ? c < 0x20 : c == '\0' || strchr ("{}[]:,+-.eE0123456789truefalsn \t\r\n", c) == NULL)
      return FALSE;
  }
  return TRUE;
}

/* The same JSON in ASCII: json-c 0.18, when strict, refuses every letter beyond it. */
static GString *
escape (const char *text, gsize length)
{
  GString *ascii = g_string_sized_new (length + 64);
  for (const char *at = text; at < text + length; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);
    if (c < 0x80)
      g_string_append_c (ascii, (char)c);
    else if (c < 0x10000)
      g_string_append_printf (ascii, "\\u%04x", c);
    else
      g_string_append_printf (ascii, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                              0xdc00 + ((c - 0x10000) & 0x3ff));
  }
  return ascii;
}

VfJson *
vf_json_parse (const char *text, gsize length, GError **error)
{
  if (length > G_MAXINT / 6 || !g_utf8_validate (text, (gssize)length, NULL)) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "not JSON: not UTF-8 text");
    return NULL;
  }
  if (!is_strict (text, length)) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "not JSON: a character that is not allowed there");
    return NULL;
  }
  g_autoptr (GString) ascii = escape (text, length);
  struct json_tokener *tokener = json_tokener_new_ex (MAX_DEPTH);
  json_tokener_set_flags (tokener, JSON_TOKENER_STRICT);
  VfJson *json = json_tokener_parse_ex (tokener, ascii->str, (int)ascii->len);
  enum json_tokener_error why = json_tokener_get_error (tokener);
  gsize end = json_tokener_get_parse_end (tokener);
  json_tokener_free (tokener);
  for (; why == json_tokener_success && end < ascii->len; end++) {
    if (!g_ascii_isspace (ascii->str[end]))
      why = json_tokener_error_parse_unexpected;
  }
  if (why == json_tokener_success && json != NULL)
    return json;
  json_object_put (json);
  vf_error_set (error, VMFORGE_ERROR_FAILED, "not JSON: %s",
                why == json_tokener_success ? "nothing in it" : json_tokener_error_desc (why));
  return NULL;
}

VfJson *
vf_json_read (int dirfd, const char *path, GError **error)
{
  gsize length;
  g_autofree char *text = vf_fs_read (dirfd, path, MAX_FILE, &length, error);
  if (text == NULL)
    return NULL;
  VfJson *json = vf_json_parse (text, length, error);
  if (json == NULL)
    g_prefix_error (error, "'%s': ", path);
  return json;
}

VfJson *
vf_json_read_fd (int fd, gsize limit, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[65536];
  ssize_t length;
  while ((length = read (fd, buffer, sizeof buffer)) != 0) {
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0) {
      vf_error_set_errno (error, "cannot read JSON");
      return NULL;
    }
    g_string_append_len (text, buffer, length);
    if (text->len > limit) {
      vf_error_set (error, VMFORGE_ERROR_FAILED, "more than %zu bytes of JSON", limit);
      return NULL;
    }
  }
  return vf_json_parse (text->str, text->len, error);
}

gboolean
vf_json_write (int dirfd, const char *path, VfJson *json, GError **error)
{
  g_autofree char *text = vf_json_canonical (json);
  return vf_fs_write (dirfd, path, text, strlen (text), 0644, error);
}

static VfJson *
get_typed (VfJson *object, const char *key, enum json_type type)
{
  VfJson *value;
  if (!json_object_is_type (object, json_type_object) || !json_object_object_get_ex (object, key, &value))
    return NULL;
  return json_object_is_type (value, type) ? value : NULL;
}

const char *
vf_json_string (VfJson *object, const char *key, const char *fallback)
{
  VfJson *value = get_typed (object, key, json_type_string);
  return value == NULL ? fallback : json_object_get_string (value);
}

gint64
vf_json_int (VfJson *object, const char *key, gint64 fallback)
{
  VfJson *value = get_typed (object, key, json_type_int);
  return value == NULL ? fallback : json_object_get_int64 (value);
}

gboolean
vf_json_bool (VfJson *object, const char *key, gboolean fallback)
{
  VfJson *value = get_typed (object, key, json_type_boolean);
  return value == NULL ? fallback : json_object_get_boolean (value);
}

VfJson *
vf_json_object (VfJson *object, const char *key)
{
  return get_typed (object, key, json_type_object);
}

VfJson *
vf_json_array (VfJson *object, const char *key)
{
  return get_typed (object, key, json_type_array);
}

char **
vf_json_strv (VfJson *object, const char *key)
{
  VfJson *array = vf_json_array (object, key);
  GPtrArray *strings = g_ptr_array_new ();
  for (size_t i = 0; array != NULL && i < json_object_array_length (array); i++)
    if (json_object_is_type (json_object_array_get_idx (array, i), json_type_string))
      g_ptr_array_add (strings, g_strdup (json_object_get_string (json_object_array_get_idx (array, i))));
  g_ptr_array_add (strings, NULL);
  return (char **)g_ptr_array_free (strings, FALSE);
}

void
vf_json_set (VfJson *object, const char *key, VfJson *value)
{
  json_object_object_add (object, key, value);
}

void
vf_json_set_string (VfJson *object, const char *key, const char *value)
{
  vf_json_set (object, key, json_object_new_string (value));
}

void
vf_json_set_int (VfJson *object, const char *key, gint64 value)
{
  vf_json_set (object, key, json_object_new_int64 (value));
}

void
vf_json_set_bool (VfJson *object, const char *key, gboolean value)
{
  vf_json_set (object, key, json_object_new_boolean (value));
}

VfJson *
vf_json_from_strv (const char *const *strings)
{
  VfJson *array = json_object_new_array ();
  for (; strings != NULL && *strings != NULL; strings++)
    json_object_array_add (array, json_object_new_string (*strings));
  return array;
}
