/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The metadata of repositories: repomd.xml says what the rest of it is, by digest. */
#include "yum.h"

#include <unistd.h>

#define DNF_CACHE "var/cache/dnf"
#define REPOMD    "repodata/repomd.xml"

/* dnf calls the folder ID-HASH, and there is one as long as the URLs stay the same. NULL: none yet. */
static char *
repomd_path (const YumConfig *config, const char *id)
{
  g_autofree char *cache = g_build_filename (config->root, DNF_CACHE, NULL);
  g_autofree char *start = g_strconcat (id, "-", NULL), *found = NULL;
  g_autoptr (GDir) dir = g_dir_open (cache, 0, NULL);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL && found == NULL;
       name = g_dir_read_name (dir)) {
    if (!g_str_has_prefix (name, start) || strlen (name) != strlen (start) + 16)
      continue;
    g_autofree char *path = g_build_filename (cache, name, REPOMD, NULL);
    if (access (path, R_OK) == 0)
      found = g_steal_pointer (&path);
  }
  return g_steal_pointer (&found);
}

/* FALSE where one is not there. */
static gboolean
digest (const YumConfig *config, char *snapshot)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (sum, (const guchar *)config->identity, -1);
  for (guint i = 0; i < config->ids->len; i++) {
    g_autofree char *path = repomd_path (config, g_ptr_array_index (config->ids, i)), *text = NULL;
    gsize length;
    if (path == NULL || !g_file_get_contents (path, &text, &length, NULL))
      return FALSE;
    g_checksum_update (sum, (const guchar *)text, (gssize)length);
  }
  g_strlcpy (snapshot, g_checksum_get_string (sum), 65);
  return TRUE;
}

static int
refresh_locked (Call *call, const Yum *yum, const YumConfig *config, gboolean recent, char *snapshot)
{
  if ((recent || yum->offline) && digest (config, snapshot))
    return 0;
  if (yum->offline)
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT,
                     "there is no metadata of the repositories yet: run the build once without --offline");
  call->host->progress (call, -1, "updating the metadata of repositories");
  g_auto (YumLines) lines = {0};
  int status = yum_dnf (call, yum, config, FALSE, "makecache", "--refresh", &lines, NULL, NULL);
  if (status < 0)
    return -1;
  if (status > 0)
    return yum_lines_explain (call, &lines, "cannot update the metadata of repositories");
  return digest (config, snapshot)
             ? 0
             : pkg_fail (call, VMFORGE_PLUGIN_FAILED, "dnf left no metadata below '%s'", config->root);
}

int
yum_refresh (void *handle, Call *call, const struct vmforge_package_request *request, char *snapshot)
{
  const Yum *yum = handle;
  g_autoptr (YumConfig) config = yum_config_new (call, yum, request->repositories);
  int lock = config == NULL ? -1 : pkg_lock (call, yum->cache_path, "lists");
  if (lock < 0)
    return -1;
  int result = refresh_locked (call, yum, config, (request->flags & VMFORGE_REQUEST_RECENT) != 0, snapshot);
  close (lock);
  return result;
}

/* ---- dates */

/* The newest <timestamp>; numbers of a file that was verified or will be: anything else counts as none. */
static gint64
newest (const char *text)
{
  static const char start[] = "<timestamp>";
  gint64 seconds = 0;
  for (const char *at = strstr (text, start); at != NULL; at = strstr (at + 1, start))
    seconds = MAX (seconds, g_ascii_strtoll (at + strlen (start), NULL, 10));
  return seconds;
}

int
yum_metadata_date (void *handle, Call *call, const struct vmforge_package_request *request, int64_t *seconds)
{
  const Yum *yum = handle;
  g_autoptr (YumConfig) config = yum_config_new (call, yum, request->repositories);
  if (config == NULL)
    return -1;
  *seconds = 0;
  for (guint i = 0; i < config->ids->len; i++) {
    g_autofree char *path = repomd_path (config, g_ptr_array_index (config->ids, i)), *text = NULL;
    if (path != NULL && g_file_get_contents (path, &text, NULL, NULL))
      *seconds = MAX (*seconds, newest (text));
  }
  return 0;
}
