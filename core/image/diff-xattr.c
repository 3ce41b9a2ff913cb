/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/diff-tree.h"

#include "support/error.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

/* The kernel has no *at() calls for attributes; through /proc the last component is not followed. */
static char *
proc_path (int folder, const char *name)
{
  return g_strdup_printf ("/proc/self/fd/%d/%s", folder, name);
}

static GBytes *
read_value (const char *path, const char *attribute, GError **error)
{
  ssize_t size = lgetxattr (path, attribute, NULL, 0);
  g_autofree char *value = size < 0 ? NULL : g_malloc (MAX (size, 1));
  if (size > 0)
    size = lgetxattr (path, attribute, value, (size_t)size);
  if (size >= 0)
    return g_bytes_new_take (g_steal_pointer (&value), (gsize)size);
  vf_error_set_errno (error, "cannot read the attribute '%s'", attribute);
  return NULL;
}

GHashTable *
vf_diff_xattrs (int folder, const char *name, GError **error)
{
  g_autofree char *path = proc_path (folder, name);
  g_autoptr (GHashTable) found =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  ssize_t size = llistxattr (path, NULL, 0);
  if (size == 0 || (size < 0 && errno == EOPNOTSUPP))
    return g_steal_pointer (&found);
  g_autofree char *names = size < 0 ? NULL : g_malloc ((gsize)size);
  if (size > 0)
    size = llistxattr (path, names, (size_t)size);
  if (size < 0) {
    vf_error_set_errno (error, "cannot list attributes");
    return NULL;
  }
  for (const char *one = names; one < names + size; one += strlen (one) + 1) {
    GBytes *value = read_value (path, one, error);
    if (value == NULL)
      return NULL;
    g_hash_table_insert (found, g_strdup (one), value);
  }
  return g_steal_pointer (&found);
}

char *
vf_diff_format_bytes (GBytes *bytes)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);
  gboolean text = TRUE;
  for (gsize i = 0; i < length; i++)
    text &= data[i] >= ' ' && data[i] <= '~';
  if (text)
    return g_strdup_printf ("\"%.*s\"", (int)length, (const char *)data);
  GString *hex = g_string_new ("0x");
  for (gsize i = 0; i < length; i++)
    g_string_append_printf (hex, "%02x", data[i]);
  return g_string_free (hex, FALSE);
}
