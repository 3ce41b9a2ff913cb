/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Keys that packages are signed with: files of the host, or fetched once and held to the fingerprints that
 * the profile pins. dnf and rpm get copies, which are what the plan saw. */
#include "yum.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define KEYS "keys"

static char *
keep (Call *call, const Yum *yum, const char *key, gsize length, const char *digest)
{
  g_autofree char *folder = g_build_filename (yum->cache_path, KEYS, NULL);
  g_autofree char *path = g_strdup_printf ("%s/%s.asc", folder, digest), *text = yum_armour (key, length);
  g_autoptr (GError) failure = NULL;
  if (g_mkdir_with_parents (folder, 0755) == 0 &&
      g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &failure))
    return g_steal_pointer (&path);
  pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot keep the key: %s",
            failure == NULL ? g_strerror (errno) : failure->message);
  return NULL;
}

char *
yum_key_copy (Call *call, const Yum *yum, const char *path, const char *digest)
{
  g_autofree char *key = NULL, *found = NULL;
  gsize length;
  g_autoptr (GError) failure = NULL;
  if (!g_file_get_contents (path, &key, &length, &failure)) {
    pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot read the key '%s': %s", path, failure->message);
    return NULL;
  }
  found = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)key, length);
  if (digest != NULL && g_ascii_strcasecmp (found, digest) != 0) {
    pkg_fail (call, VMFORGE_PLUGIN_FAILED, "the key '%s' changed since the plan: run the build again", path);
    return NULL;
  }
  return keep (call, yum, key, length, found);
}

/* ---- fingerprints */

typedef struct {
  GPtrArray *found;
  gboolean primary; /* the next fingerprint is that of a primary key */
} Listing;

/* gpg's lines with colons: "pub:…", then "fpr:::::::::FINGERPRINT:". */
static int
on_line (void *user, int stream, const char *line)
{
  Listing *listing = user;
  if (stream != 1)
    return 0;
  if (g_str_has_prefix (line, "pub:"))
    listing->primary = TRUE;
  if (!g_str_has_prefix (line, "fpr:") || !listing->primary)
    return 0;
  g_auto (GStrv) words = g_strsplit (line, ":", -1);
  if (g_strv_length (words) > 9)
    g_ptr_array_add (listing->found, g_strdup (words[9]));
  listing->primary = FALSE;
  return 0;
}

static gboolean
is_fingerprint (const char *found, struct json_object *pinned)
{
  g_auto (GStrv) words = g_strsplit (json_object_get_string (pinned), " ", -1);
  g_autofree char *wanted = g_strjoinv ("", words);
  return g_ascii_strcasecmp (found, wanted) == 0;
}

/* One, or one of a list. */
static gboolean
is_pinned (const char *found, struct json_object *pinned)
{
  if (!json_object_is_type (pinned, json_type_array))
    return is_fingerprint (found, pinned);
  for (gsize i = 0; i < json_object_array_length (pinned); i++)
    if (is_fingerprint (found, json_object_array_get_idx (pinned, i)))
      return TRUE;
  return FALSE;
}

static int
check_fingerprint (Call *call, const Yum *yum, const char *path, struct json_object *key)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  Listing listing = {.found = found};
  g_autofree char *home = g_strconcat (yum->cache_path, "/gpg" PKG_TEMPORARY, NULL);
  if (g_mkdir_with_parents (home, 0700) < 0)
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s': %s", home, g_strerror (errno));
  const char *argv[] = {"gpg",           "--homedir",   home, "--batch", "--no-options", "--no-autostart",
                        "--with-colons", "--show-keys", path, NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv, .line = on_line, .user = &listing};
  if (pkg_run (call, &program, NULL, VMFORGE_PLUGIN_FAILED, "'gpg --show-keys'") < 0)
    return -1;
  struct json_object *pinned = json_object_object_get (key, "fingerprint");
  for (guint i = 0; i < found->len; i++)
    if (!is_pinned (g_ptr_array_index (found, i), pinned))
      return pkg_fail (call, VMFORGE_PLUGIN_FAILED,
                       "the key '%s' has fingerprint %s, and the profile wants %s", path,
                       (char *)g_ptr_array_index (found, i), json_object_get_string (pinned));
  if (found->len == 0)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "there is no OpenPGP key in '%s'", path);
  return 0;
}

/* ---- where they come from */

static char *
fetch (Call *call, const Yum *yum, const char *url)
{
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, url, -1);
  g_autofree char *folder = g_build_filename (yum->cache_path, KEYS, NULL);
  g_autofree char *path = g_strdup_printf ("%s/from-%.16s", folder, digest);
  if (access (path, R_OK) == 0)
    return g_steal_pointer (&path);
  if (yum->offline) {
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT,
              "key '%s' is not there yet: run the build once without --offline", url);
    return NULL;
  }
  (void)g_mkdir_with_parents (folder, 0755);
  g_autofree char *part = g_strdup_printf ("%s.%d", path, (int)getpid ());
  const char *argv[] = {"curl",
                        "--fail",
                        "--silent",
                        "--show-error",
                        "--location",
                        "--globoff",
                        "--proto",
                        "=https,http,file",
                        "--max-filesize",
                        "1000000",
                        "--output",
                        part,
                        "--",
                        url,
                        NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  g_autofree char *label = g_strdup_printf ("fetching the key '%s'", url);
  int result = pkg_run (call, &program, NULL, VMFORGE_PLUGIN_ENVIRONMENT, label);
  if (result == 0 && rename (part, path) == 0)
    return g_steal_pointer (&path);
  if (result == 0)
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot write '%s': %s", path, g_strerror (errno));
  (void)unlink (part);
  return NULL;
}

static char *
get_key (Call *call, const Yum *yum, struct json_object *key)
{
  const char *path = yum_text (key, "path"), *url = yum_text (key, "url");
  if ((path == NULL) == (url == NULL) || json_object_object_get (key, "fingerprint") == NULL) {
    pkg_fail (call, VMFORGE_PLUGIN_INVALID, "a key of the profile needs 'path' or 'url', and 'fingerprint'");
    return NULL;
  }
  g_autofree char *fetched = url == NULL ? NULL : fetch (call, yum, url);
  if (url != NULL && fetched == NULL)
    return NULL;
  g_autofree char *copy = yum_key_copy (call, yum, url == NULL ? path : fetched, NULL);
  if (copy == NULL)
    return NULL;
  if (check_fingerprint (call, yum, copy, key) == 0)
    return g_steal_pointer (&copy);
  if (fetched != NULL)
    (void)unlink (fetched); /* so that the next build asks again */
  return NULL;
}

GPtrArray *
yum_keys (Call *call, const Yum *yum)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  struct json_object *keys = yum_setting (yum, "keys");
  for (gsize i = 0; i < json_object_array_length (keys); i++) {
    char *path = get_key (call, yum, json_object_array_get_idx (keys, i));
    if (path == NULL)
      return NULL;
    g_ptr_array_add (paths, path);
  }
  return g_steal_pointer (&paths);
}
