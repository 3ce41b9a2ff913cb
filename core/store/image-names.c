/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* images/NAME/VERSION@ARCH.json, read. */
#include "store/records.h"

#include <string.h>

void
vf_image_name_free (VfImageName *name)
{
  if (name == NULL)
    return;
  g_free (name->name);
  g_free (name->version);
  g_free (name->arch);
  g_strfreev (name->digests);
  g_clear_pointer (&name->tags, vf_json_unref);
  g_free (name);
}

char *
vf_image_name_text (const VfImageName *name)
{
  return g_strdup_printf ("%s:%s@%s", name->name, name->version, name->arch);
}

/* file: VERSION@ARCH. NULL without error if it is gone or not of ours. */
static VfImageName *
read_name (VmforgeStore *store, const char *name, const char *file, GError **error)
{
  const char *at = strrchr (file, '@');
  if (at == NULL)
    return NULL;
  g_autofree char *path = g_strdup_printf ("images/%s/%s.json", name, file);
  g_autoptr (VfJson) record = vf_records_read (store, path, error);
  if (record == NULL)
    return NULL;
  VfImageName *entry = g_new0 (VfImageName, 1);
  entry->name = g_strdup (name);
  entry->version = g_strndup (file, (gsize)(at - file));
  entry->arch = g_strdup (at + 1);
  entry->digests = vf_json_strv (record, "digests");
  entry->published = vf_json_int (record, "published", 0);
  VfJson *tags = vf_json_object (record, "tags");
  entry->tags = tags == NULL ? NULL : json_object_get (tags);
  return entry;
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const VfImageName *x = *(const VfImageName *const *)a, *y = *(const VfImageName *const *)b;
  int order = strcmp (x->name, y->name);
  if (order != 0)
    return order;
  if (x->published != y->published)
    return x->published > y->published ? -1 : 1;
  order = strcmp (x->version, y->version);
  return order != 0 ? order : strcmp (x->arch, y->arch);
}

static gboolean
read_names (VmforgeStore *store, const char *name, GPtrArray *entries, GError **error)
{
  g_autofree char *folder = g_strdup_printf ("images/%s", name);
  g_auto (GStrv) files = vf_records_names (store, folder, ".json", error);
  if (files == NULL)
    return FALSE;
  for (char **file = files; *file != NULL; file++) {
    g_autoptr (GError) failure = NULL;
    VfImageName *entry = read_name (store, name, *file, &failure);
    if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    if (entry != NULL)
      g_ptr_array_add (entries, entry);
  }
  return TRUE;
}

GPtrArray *
vf_image_names_read (VmforgeStore *store, GError **error)
{
  g_auto (GStrv) names = vf_records_names (store, "images", NULL, error);
  if (names == NULL)
    return NULL;
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_image_name_free);
  for (char **name = names; *name != NULL; name++)
    if (!read_names (store, *name, entries, error))
      return NULL;
  g_ptr_array_sort (entries, compare_entries);
  return g_steal_pointer (&entries);
}
