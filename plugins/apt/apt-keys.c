/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Keys that repositories are signed with: apt gets copies of ours. A copy is what the plan saw, has the
 * ending by which apt tells armour from binary keys, and a path that can stand in a line of sources.list. */
#include "apt.h"

#include <errno.h>

#define ARMOUR "-----BEGIN PGP PUBLIC KEY BLOCK-----"

static gboolean
has_digest (const char *key, gsize length, const char *digest)
{
  g_autofree char *found = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)key, length);
  return g_ascii_strcasecmp (found, digest) == 0;
}

/* The name of an earlier copy, its content with it; NULL where there is none, or a damaged one. */
static char *
find_copy (const char *folder, const char *digest, char **key, gsize *length)
{
  static const char *const endings[] = {"asc", "gpg"};
  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++) {
    g_autofree char *name = g_strdup_printf ("%s.%s", digest, endings[i]);
    g_autofree char *path = g_build_filename (folder, name, NULL);
    if (!g_file_get_contents (path, key, length, NULL))
      continue;
    if (has_digest (*key, *length, digest))
      return g_steal_pointer (&name);
    g_clear_pointer (key, g_free);
  }
  return NULL;
}

static char *
make_copy (Call *call, const char *folder, const char *digest, const char *key, gsize length)
{
  gboolean armoured = memmem (key, length, ARMOUR, strlen (ARMOUR)) != NULL;
  g_autofree char *name = g_strdup_printf ("%s.%s", digest, armoured ? "asc" : "gpg");
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) failure = NULL;
  if (g_mkdir_with_parents (folder, 0755) < 0) {
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s': %s", folder, g_strerror (errno));
    return NULL;
  }
  if (!g_file_set_contents_full (path, key, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &failure)) {
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot keep the key: %s", failure->message);
    return NULL;
  }
  return g_steal_pointer (&name);
}

char *
apt_key_copy (Call *call, const Apt *apt, const char *path, const char *digest, char **content, gsize *length)
{
  g_autofree char *folder = g_build_filename (apt->cache_path, APT_KEYS_FOLDER, NULL);
  g_autofree char *key = NULL;
  gsize key_length = 0;
  g_autofree char *name = digest == NULL ? NULL : find_copy (folder, digest, &key, &key_length);
  if (name == NULL) {
    g_autoptr (GError) failure = NULL;
    if (!g_file_get_contents (path, &key, &key_length, &failure)) {
      pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot read the key '%s': %s", path, failure->message);
      return NULL;
    }
    if (digest != NULL && !has_digest (key, key_length, digest)) {
      pkg_fail (call, VMFORGE_PLUGIN_FAILED, "the key '%s' changed since the plan: run the build again",
                path);
      return NULL;
    }
    g_autofree char *found = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)key, key_length);
    name = make_copy (call, folder, found, key, key_length);
  }
  if (name != NULL && content != NULL) {
    *content = g_steal_pointer (&key);
    *length = key_length;
  }
  return g_steal_pointer (&name);
}
