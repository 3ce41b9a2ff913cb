/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the user gives a plugin: NAME:key=value,… against the parameters that the plugin declares. */
#include "plugin/plugin.h"
#include "support/error.h"
#include "support/suggest.h"
#include "support/units.h"

#include <string.h>

static const struct vmforge_parameter *
find_parameter (const VfPlugin *plugin, const char *key, GError **error)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  for (const struct vmforge_parameter *p = plugin->descriptor->parameters; p && p->name; p++) {
    if (strcmp (p->name, key) == 0)
      return p;
    g_ptr_array_add (known, (gpointer)p->name);
  }
  g_ptr_array_add (known, NULL);
  g_autofree char *hint = vf_suggest_hint (key, (const char *const *)known->pdata);
  g_autofree char *list = g_strjoinv (", ", (char **)known->pdata);
  vf_error_set (error, VMFORGE_ERROR_SPEC, "plugin '%s' has no parameter '%s'%s; it takes %s", plugin->name,
                key, hint, known->len > 1 ? list : "none");
  return NULL;
}

/* The value in the one form that plugins read: bytes, true or false, an absolute path. NULL with error. */
static char *
normalise (const VfPlugin *plugin, const struct vmforge_parameter *parameter, const char *value,
           GError **error)
{
  static const char *const yes[] = {"true", "yes", "on", "1", NULL};
  static const char *const no[] = {"false", "no", "off", "0", NULL};
  const char *wanted = NULL;
  guint64 bytes;

  if (strcmp (parameter->type, "size") == 0) {
    if (vf_units_parse_size (value, &bytes))
      return g_strdup_printf ("%" G_GUINT64_FORMAT, bytes);
    wanted = "a size such as 20GiB";
  } else if (strcmp (parameter->type, "bool") == 0) {
    if (g_strv_contains (yes, value))
      return g_strdup ("true");
    if (g_strv_contains (no, value))
      return g_strdup ("false");
    wanted = "true or false";
  } else if (strcmp (parameter->type, "path") == 0) {
    if (g_path_is_absolute (value))
      return g_canonicalize_filename (value, NULL);
    wanted = "an absolute path";
  } else {
    return g_strdup (value);
  }
  vf_error_set (error, VMFORGE_ERROR_SPEC, "parameter '%s=%s' of plugin '%s' must be %s", parameter->name,
                value, plugin->name, wanted);
  return NULL;
}

static gboolean
parse_one (const VfPlugin *plugin, const char *word, GPtrArray *result, GError **error)
{
  const char *equals = strchr (word, '=');
  if (!equals || equals == word)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "'%s' is not a parameter of the form key=value of plugin '%s'", word, plugin->name);
  g_autofree char *key = g_strndup (word, (gsize)(equals - word));
  const struct vmforge_parameter *parameter = find_parameter (plugin, key, error);
  if (!parameter)
    return FALSE;
  for (guint i = 0; i < result->len; i += 2)
    if (strcmp (g_ptr_array_index (result, i), key) == 0)
      return vf_error_set (error, VMFORGE_ERROR_SPEC, "parameter '%s' of plugin '%s' is given twice", key,
                           plugin->name);
  char *value = normalise (plugin, parameter, equals + 1, error);
  if (!value)
    return FALSE;
  g_ptr_array_add (result, g_steal_pointer (&key));
  g_ptr_array_add (result, value);
  return TRUE;
}

gboolean
vf_plugin_parse_parameters (const VfPlugin *plugin, const char *text, char ***parameters, GError **error)
{
  g_autoptr (GPtrArray) result = g_ptr_array_new_with_free_func (g_free);
  const char *colon = strchr (text, ':');
  g_auto (GStrv) words = g_strsplit (colon ? colon + 1 : "", ",", -1);
  for (char **word = words; *word; word++)
    if (!parse_one (plugin, *word, result, error))
      return FALSE;
  g_ptr_array_add (result, NULL);
  *parameters = (char **)g_ptr_array_free (g_steal_pointer (&result), FALSE);
  return TRUE;
}
