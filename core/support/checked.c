/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/checked.h"

#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>

#define CHECKSUM "checksum"
#define MAX_FILE (256 * 1024 * 1024)

static char *
digest_of (VfJson *json)
{
  g_autofree char *text = vf_json_canonical (json);
  return vf_digest_text (text);
}

/* The members of json, but its checksum; shared with it. */
static VfJson *
copy_members (VfJson *json)
{
  VfJson *copy = json_object_new_object ();
  json_object_object_foreach (json, name, value) {
    if (strcmp (name, CHECKSUM) != 0)
      vf_json_set (copy, name, json_object_get (value));
  }
  return copy;
}

gboolean
vf_checked_write (int dirfd, const char *path, VfJson *json, GError **error)
{
  g_autoptr (VfJson) copy = copy_members (json);
  g_autofree char *digest = digest_of (copy);
  vf_json_set_string (copy, CHECKSUM, digest);
  return vf_json_write (dirfd, path, copy, error);
}

/* Whether a member of another name is the checksum of the others: then its name is what was damaged. */
static gboolean
has_checksum_elsewhere (VfJson *json)
{
  json_object_object_foreach (json, name, value) {
    const char *said = json_object_is_type (value, json_type_string) ? json_object_get_string (value) : "";
    if (!vf_digest_is_hex (said, VF_DIGEST_HEX))
      continue;
    g_autoptr (VfJson) rest = copy_members (json);
    json_object_object_del (rest, name);
    g_autofree char *digest = digest_of (rest);
    if (strcmp (said, digest) == 0)
      return TRUE;
  }
  return FALSE;
}

/* Takes the checksum out of json. FALSE: it is another one. */
static gboolean
take_checksum (VfJson *json)
{
  if (!json_object_object_get_ex (json, CHECKSUM, NULL))
    return !has_checksum_elsewhere (json);
  g_autofree char *said = g_strdup (vf_json_string (json, CHECKSUM, ""));
  json_object_object_del (json, CHECKSUM);
  g_autofree char *digest = digest_of (json);
  return strcmp (said, digest) == 0;
}

VfJson *
vf_checked_read (int dirfd, const char *path, GError **error)
{
  gsize length = 0;
  g_autoptr (GError) failure = NULL;
  g_autofree char *text = vf_fs_read (dirfd, path, MAX_FILE, &length, error);
  if (text == NULL)
    return NULL;
  g_autoptr (VfJson) json = vf_json_parse (text, length, &failure);
  const char *why = NULL;
  if (json == NULL)
    why = failure->message;
  else if (!json_object_is_type (json, json_type_object))
    why = "no JSON object";
  else if (!take_checksum (json))
    why = "its checksum is not that of its content";
  if (why == NULL)
    return g_steal_pointer (&json);
  vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is damaged: %s (`vmforge fsck` tells more)", path, why);
  return NULL;
}

VfChecked
vf_checked_verify (int dirfd, const char *path, char **why)
{
  g_autoptr (GError) error = NULL;
  gsize length = 0;
  *why = NULL;
  if (!vf_fs_exists (dirfd, path))
    return VF_CHECKED_ABSENT;
  g_autofree char *text = vf_fs_read (dirfd, path, MAX_FILE, &length, &error);
  g_autoptr (VfJson) json = text == NULL ? NULL : vf_json_parse (text, length, &error);
  if (json == NULL && !vf_fs_exists (dirfd, path))
    return VF_CHECKED_ABSENT; /* removed meanwhile */
  gboolean object = json != NULL && json_object_is_type (json, json_type_object);
  g_autofree char *canonical = object ? vf_json_canonical (json) : NULL;
  gboolean plain = object && !json_object_object_get_ex (json, CHECKSUM, NULL);
  if (json == NULL)
    *why = g_strdup (error->message);
  else if (!object)
    *why = g_strdup ("no JSON object");
  else if (strcmp (canonical, text) != 0)
    *why = g_strdup ("not in canonical form");
  else if (!take_checksum (json))
    *why = g_strdup ("its checksum is not that of its content");
  if (*why != NULL)
    return VF_CHECKED_BAD;
  return plain ? VF_CHECKED_PLAIN : VF_CHECKED_GOOD;
}
