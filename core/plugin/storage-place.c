/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What tells two settings of one storage plugin apart: where their volumes are. */
#include "plugin/storage.h"

#include <string.h>

/* What is inside the store moves with it. */
static char *
relative_to (const char *store_path, const char *folder)
{
  gsize length = strlen (store_path);
  gboolean inside = strncmp (folder, store_path, length) == 0 && folder[length] == '/';
  return g_strdup (inside ? folder + length + 1 : folder);
}

static int
compare_words (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* The parameters in one order. */
static gboolean
describe_parameters (const char *setting, char **place, GError **error)
{
  g_autofree char *name = g_strndup (setting, strcspn (setting, ":"));
  const VfPlugin *plugin = vf_plugin_find (VMFORGE_PLUGIN_STORAGE, name, error);
  g_auto (GStrv) parameters = NULL;
  if (!plugin || !vf_plugin_parse_parameters (plugin, setting, &parameters, error))
    return FALSE;
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  for (char **word = parameters; *word; word += 2)
    g_ptr_array_add (words, g_strdup_printf ("%s=%s", word[0], word[1]));
  g_ptr_array_sort (words, compare_words);
  g_ptr_array_add (words, NULL);
  *place = g_strjoinv (",", (char **)words->pdata);
  return TRUE;
}

gboolean
vf_storage_get_place (VfStorage *storage, const char *store_path, char **place, GError **error)
{
  g_autofree char *folder = NULL;
  if (!vf_storage_ask_place (storage, place, error))
    return FALSE;
  if (*place)
    return TRUE;
  if (!vf_storage_get_folder (storage, &folder, error))
    return FALSE;
  if (!folder)
    return describe_parameters (vf_storage_get_setting (storage), place, error);
  *place = relative_to (store_path, folder);
  return TRUE;
}
