/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/owners.h"

#include "support/error.h"

#include <string.h>

/* The colon-separated fields of the line whose field `index` is `value`; NULL if there is none. */
static char **
find_line (const VfRootfs *root, const char *path, guint index, const char *value)
{
  g_autofree char *text = vf_rootfs_read (root, path, NULL);
  g_auto (GStrv) lines = g_strsplit (text ? text : "", "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    g_auto (GStrv) fields = g_strsplit (lines[i], ":", -1);
    if (g_strv_length (fields) > index && strcmp (fields[index], value) == 0)
      return g_steal_pointer (&fields);
  }
  return NULL;
}

static gboolean
parse_number (const char *text, guint32 *number)
{
  guint64 value;
  if (!text || !g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT32 - 1, &value, NULL))
    return FALSE;
  *number = value;
  return TRUE;
}

void
vf_owner_free (VfOwner *owner)
{
  if (!owner)
    return;
  g_free (owner->home);
  g_free (owner);
}

VfOwner *
vf_owner_find (const VfRootfs *root, const char *user, GError **error)
{
  g_auto (GStrv) fields = find_line (root, "/etc/passwd", 0, user);
  guint32 uid, gid;
  if (!fields)
    return NULL;
  if (g_strv_length (fields) < 6 || !parse_number (fields[2], &uid) || !parse_number (fields[3], &gid)) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the image's /etc/passwd has a broken line for '%s'", user);
    return NULL;
  }
  VfOwner *owner = g_new (VfOwner, 1);
  *owner = (VfOwner){uid, gid, g_strdup (fields[5])};
  return owner;
}

gboolean
vf_owner_has_group (const VfRootfs *root, const char *group, gid_t *gid)
{
  g_auto (GStrv) fields = find_line (root, "/etc/group", 0, group);
  guint32 number;
  if (!fields || g_strv_length (fields) < 3 || !parse_number (fields[2], &number))
    return FALSE;
  if (gid)
    *gid = number;
  return TRUE;
}

static gboolean
parse_user (const VfRootfs *root, const char *text, VfAccess *access, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (VfOwner) owner = vf_owner_find (root, text, &local);
  guint32 number;
  if (owner) {
    access->uid = owner->uid;
    access->gid = owner->gid;
    return TRUE;
  }
  if (local) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (!parse_number (text, &number))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "the image has no user '%s'", text);
  g_auto (GStrv) fields = find_line (root, "/etc/passwd", 2, text);
  access->uid = number;
  access->gid = number;
  if (fields && g_strv_length (fields) > 3 && parse_number (fields[3], &number))
    access->gid = number;
  return TRUE;
}

gboolean
vf_owner_parse (const VfRootfs *root, const char *text, VfAccess *access, GError **error)
{
  access->uid = 0;
  access->gid = 0;
  if (!text)
    return TRUE;
  g_auto (GStrv) parts = g_strsplit (text, ":", 2);
  if (!parse_user (root, parts[0] ? parts[0] : "", access, error))
    return FALSE;
  if (!parts[0] || !parts[1])
    return TRUE;
  guint32 number;
  if (vf_owner_has_group (root, parts[1], &access->gid))
    return TRUE;
  if (!parse_number (parts[1], &number))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "the image has no group '%s'", parts[1]);
  access->gid = number;
  return TRUE;
}
