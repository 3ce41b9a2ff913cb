/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Package lists: brought up to date, verified by apt, and named by what they say. */
#include "apt.h"

#include <gcrypt.h>
#include <unistd.h>

static int
update (Call *call, const AptConfig *config)
{
  call->host->progress (call, -1, "updating package lists");
  g_auto (AptLines) lines;
  apt_lines_init (&lines, FALSE);
  const char *argv[] = {"apt-get", "-q", "update", NULL};
  int status = apt_config_run (call, config, argv, &lines);
  return status <= 0 ? status : apt_lines_explain (call, &lines, "cannot update the package lists");
}

static int
collect_line (void *user, int stream, const char *line)
{
  if (stream == 1)
    g_ptr_array_add (user, g_strdup (line));
  return 0;
}

static gint
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* The lists hold nothing that the signed index does not name: its digest stands for them, and the name of
 * their folder for the sources, which a resolution names. -1 where there are no lists. */
static int
digest_lists (const AptConfig *config, char *snapshot)
{
  g_autoptr (GDir) dir = g_dir_open (config->lists, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL;
       name = g_dir_read_name (dir))
    if (g_str_has_suffix (name, "Release"))
      g_ptr_array_add (names, g_strdup (name));
  if (names->len == 0)
    return -1;
  g_ptr_array_sort (names, compare_lines);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *folder = g_path_get_basename (config->lists);
  g_checksum_update (checksum, (const guchar *)folder, -1);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename (config->lists, g_ptr_array_index (names, i), NULL);
    g_autofree char *text = NULL;
    gsize length;
    if (!g_file_get_contents (path, &text, &length, NULL))
      return -1;
    g_checksum_update (checksum, (const guchar *)text, (gssize)length);
  }
  g_strlcpy (snapshot, g_checksum_get_string (checksum), 65);
  return 0;
}

/* What a complete update left, beside the lists: a digest of each, by which a resolution knows that they are
 * what apt has verified when it fetched them. An update that failed or was killed half-way may have renewed
 * some of them: then they differ. */
static char *
complete_path (const AptConfig *config)
{
  return g_strconcat (config->lists, ".complete", NULL);
}

/* By libgcrypt, which is six times as fast as GLib: lists have some fifty megabytes. */
static char *
digest_line (GMappedFile *file, const char *name)
{
  guint8 digest[32];
  GString *line = g_string_new (NULL);
  gcry_md_hash_buffer (GCRY_MD_SHA256, digest, g_mapped_file_get_contents (file),
                       g_mapped_file_get_length (file));
  for (gsize i = 0; i < sizeof digest; i++)
    g_string_append_printf (line, "%02x", digest[i]);
  g_string_append_printf (line, " %s\n", name);
  return g_string_free (line, FALSE);
}

/* "DIGEST NAME" of each file, sorted. NULL: one cannot be read. */
static char *
list_digests (const AptConfig *config)
{
  g_autoptr (GDir) dir = g_dir_open (config->lists, 0, NULL);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL;
       name = g_dir_read_name (dir)) {
    g_autofree char *path = g_build_filename (config->lists, name, NULL);
    if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
      continue;
    g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);
    if (file == NULL)
      return NULL;
    g_ptr_array_add (lines, digest_line (file, name));
  }
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("", (char **)lines->pdata);
}

static gboolean
is_complete (const AptConfig *config)
{
  g_autofree char *path = complete_path (config), *known = NULL, *found = NULL;
  if (!g_file_get_contents (path, &known, NULL, NULL))
    return FALSE;
  found = list_digests (config);
  return g_strcmp0 (known, found) == 0;
}

static int
mark_complete (Call *call, const AptConfig *config)
{
  g_autofree char *path = complete_path (config), *digests = list_digests (config);
  g_autoptr (GError) failure = NULL;
  if (digests == NULL)
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot read the package lists in '%s'",
                     config->lists);
  if (g_file_set_contents (path, digests, -1, &failure))
    return 0;
  return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "%s", failure->message);
}

static int
refresh_locked (Call *call, const Apt *apt, const AptConfig *config,
                const struct vmforge_package_request *request, char *snapshot)
{
  gboolean recent = apt->offline || ((request->flags & VMFORGE_REQUEST_RECENT) != 0 && is_complete (config));
  /* apt asks the archive whether the signed index is newer, and looks at no list that belongs to it. */
  if (!recent && !is_complete (config))
    pkg_empty_host_folder (config->lists);
  int result = recent ? 0 : update (call, config);
  g_autofree char *partial = g_build_filename (config->lists, "partial", NULL);
  pkg_empty_host_folder (partial);
  pkg_empty_host_folder (config->temporary);
  if (result < 0)
    return -1;
  if (digest_lists (config, snapshot) < 0)
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT,
                     "there are no package lists yet: run the build once without --offline");
  if (apt->offline && !is_complete (config))
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT,
                     "the package lists are not what was fetched: run the build once without --offline");
  return recent ? 0 : mark_complete (call, config);
}

int
apt_refresh (void *handle, Call *call, const struct vmforge_package_request *request, char *snapshot)
{
  const Apt *apt = handle;
  g_autofree char *sources = apt_sources_for_build (call, apt, request);
  if (sources == NULL)
    return -1;
  g_autoptr (AptConfig) config = apt_config_new (call, apt, sources, "");
  if (config == NULL)
    return -1;
  int lock = pkg_lock (call, apt->cache_path, "lists");
  if (lock < 0)
    return -1;
  int result = refresh_locked (call, apt, config, request, snapshot);
  close (lock);
  return result;
}

static int
list_targets (Call *call, const AptConfig *config, GPtrArray *lines)
{
  const char *argv[] = {"apt-get", "indextargets", "--format", "$(CREATED_BY)|$(FILENAME)|$(REPO_URI)", NULL};
  const char *env[] = {config->env, NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .env = env, .line = collect_line, .user = lines};
  return pkg_run (call, &program, NULL, VMFORGE_PLUGIN_FAILED, "'apt-get indextargets'");
}

GPtrArray *
apt_package_lists (Call *call, const AptConfig *config)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  if (list_targets (call, config, lines) < 0)
    return NULL;
  GPtrArray *lists = g_ptr_array_new_with_free_func ((GDestroyNotify)g_strfreev);
  for (guint i = 0; i < lines->len; i++) {
    char **parts = g_strsplit (g_ptr_array_index (lines, i), "|", 3);
    if (g_strv_length (parts) == 3 && g_str_equal (parts[0], "Packages"))
      g_ptr_array_add (lists, parts);
    else
      g_strfreev (parts);
  }
  return lists;
}
