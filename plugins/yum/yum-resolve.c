/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What must be installed, as dnf's own solver says; by our command inside dnf (hook.py). There is no root
 * filesystem yet: what the stages below hold is asked for again, as exactly that. */
#include "yum.h"

#include <unistd.h>

#define MAX_PROBLEM 600

typedef struct {
  Call *call;
  const Yum *yum;
  const struct vmforge_package_request *request;
  GHashTable *found; /* name.arch → itself */
  GString *unknown;  /* 'a', 'b' */
  const char *kind;  /* of the first of them: package or group */
  char *problem;
  gboolean ended;
} Resolution;

static char *
package_id (const char *name, const char *arch)
{
  return g_strconcat (name, ".", arch, NULL);
}

/* One line: the first problem, without dnf's indents. */
static char *
shorten (const char *problem)
{
  g_auto (GStrv) lines = g_strsplit (problem, "\n", -1);
  g_autoptr (GString) text = g_string_new (NULL);
  for (char **line = lines; *line != NULL && text->len < MAX_PROBLEM; line++) {
    char *part = g_strstrip (*line);
    if (g_str_has_prefix (part, "Problem 2"))
      break;
    if (g_str_has_prefix (part, "Problem: "))
      part += strlen ("Problem: ");
    else if (g_str_has_prefix (part, "Problem 1: "))
      part += strlen ("Problem 1: ");
    else if (g_str_has_prefix (part, "- "))
      part += 2;
    if (*part != '\0')
      g_string_append_printf (text, "%s%s", text->len == 0 ? "" : "; ", part);
  }
  return g_utf8_make_valid (text->str, MIN ((gssize)text->len, MAX_PROBLEM));
}

static gboolean
is_installed (const struct vmforge_package_request *request, const char *id, const char *version)
{
  for (const struct vmforge_package *const *package = request->installed; package != NULL && *package != NULL;
       package++)
    if (g_str_equal ((*package)->id, id) && g_str_equal ((*package)->version, version))
      return TRUE;
  return FALSE;
}

static int
emit (Resolution *resolution, struct json_object *words)
{
  const char *name = yum_text (words, "name"), *version = yum_text (words, "evr"),
             *arch = yum_text (words, "arch");
  const char *url = yum_text (words, "url"), *digest = yum_text (words, "digest");
  if (name == NULL || version == NULL || arch == NULL || url == NULL || digest == NULL)
    return pkg_fail (resolution->call, VMFORGE_PLUGIN_FAILED, "dnf does not say all of package '%s'",
                     name == NULL ? "" : name);
  g_autofree char *public = yum_public_url (resolution->yum, url);
  char *id = package_id (name, arch);
  g_hash_table_add (resolution->found, id);
  if (is_installed (resolution->request, id, version))
    return 0;
  if (g_strcmp0 (yum_text (words, "checksum"), "sha256") != 0)
    return pkg_fail (resolution->call, VMFORGE_PLUGIN_FAILED,
                     "the repository has no SHA-256 of package '%s', only %s", name,
                     yum_text (words, "checksum"));
  struct json_object *size = json_object_object_get (words, "size"),
                     *installed = json_object_object_get (words, "installed");
  struct vmforge_package package = {.size = sizeof package,
                                    .id = id,
                                    .name = name,
                                    .version = version,
                                    .arch = arch,
                                    .digest = digest,
                                    .url = public,
                                    .download_size = (uint64_t)json_object_get_int64 (size),
                                    .installed_size = (uint64_t)json_object_get_int64 (installed)};
  return resolution->call->host->emit_package (resolution->call, &package);
}

static int
on_line (void *user, const char *line)
{
  Resolution *resolution = user;
  struct json_object *words = json_tokener_parse (line);
  const char *unknown = yum_text (words, "unknown"), *problem = yum_text (words, "problem");
  int result = 0;
  if (unknown != NULL) {
    g_string_append_printf (resolution->unknown, "%s'%s'", resolution->unknown->len == 0 ? "" : ", ",
                            unknown);
    if (resolution->kind == NULL)
      resolution->kind = g_strcmp0 (yum_text (words, "kind"), "group") == 0 ? "group" : "package";
  } else if (problem != NULL) {
    g_free (resolution->problem);
    resolution->problem = shorten (problem);
  } else if (json_object_object_get (words, "end") != NULL) {
    resolution->ended = TRUE;
  } else {
    result = emit (resolution, words);
  }
  json_object_put (words);
  return result;
}

/* ---- what is asked */

static struct json_object *
list_words (const char *const *words)
{
  struct json_object *list = json_object_new_array ();
  for (; words != NULL && *words != NULL; words++)
    json_object_array_add (list, json_object_new_string (*words));
  return list;
}

static struct json_object *
list_installed (const struct vmforge_package *const *packages)
{
  struct json_object *list = json_object_new_array ();
  for (; packages != NULL && *packages != NULL; packages++) {
    g_autofree char *exact =
        g_strdup_printf ("%s-%s.%s", (*packages)->name, (*packages)->version, (*packages)->arch);
    struct json_object *one = json_object_new_object ();
    json_object_object_add (one, "nevra", json_object_new_string (exact));
    json_object_object_add (one, "name", json_object_new_string ((*packages)->name));
    json_object_array_add (list, one);
  }
  return list;
}

static int
write_request (Call *call, const struct vmforge_package_request *request)
{
  struct json_object *json = json_object_new_object ();
  json_object_object_add (json, "install", list_words (request->install));
  json_object_object_add (json, "excluded", list_words (request->remove));
  json_object_object_add (json, "pinned", list_installed (request->installed));
  int fd = pkg_memfd ("request", json_object_to_json_string (json));
  json_object_put (json);
  if (fd < 0)
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make a file in memory: %s", g_strerror (errno));
  return fd;
}

/* ---- what came */

/* Those that dnf found no way to keep. */
static int
emit_removals (const Resolution *resolution)
{
  for (const struct vmforge_package *const *package = resolution->request->installed;
       package != NULL && *package != NULL; package++) {
    if (g_hash_table_contains (resolution->found, (*package)->id))
      continue;
    struct vmforge_package gone = {.size = sizeof gone,
                                   .flags = VMFORGE_PACKAGE_REMOVE,
                                   .id = (*package)->id,
                                   .name = (*package)->name,
                                   .version = "",
                                   .arch = ""};
    if (resolution->call->host->emit_package (resolution->call, &gone) < 0)
      return -1;
  }
  return 0;
}

static int
judge (const Resolution *resolution, int status, const YumLines *lines)
{
  if (resolution->unknown->len > 0)
    return pkg_fail (resolution->call, VMFORGE_PLUGIN_INVALID, "unknown %s %s: no repository has it",
                     resolution->kind, resolution->unknown->str);
  if (resolution->problem != NULL)
    return pkg_fail (resolution->call, VMFORGE_PLUGIN_INVALID, "packages do not fit together: %s",
                     resolution->problem);
  if (status != 0 || !resolution->ended)
    return yum_lines_explain (resolution->call, lines, "cannot resolve packages");
  return emit_removals (resolution);
}

static int
resolve_locked (Call *call, const Yum *yum, const YumConfig *config,
                const struct vmforge_package_request *request)
{
  int fd = write_request (call, request);
  if (fd < 0)
    return -1;
  g_autofree char *path = pkg_memfd_path (fd);
  g_auto (YumLines) lines = {0};
  Resolution resolution = {.call = call,
                           .yum = yum,
                           .request = request,
                           .found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
                           .unknown = g_string_new (NULL)};
  call->host->progress (call, -1, "resolving packages");
  int status = yum_dnf (call, yum, config, TRUE, "vmforge", path, &lines, on_line, &resolution);
  close (fd);
  int result = status < 0 ? -1 : judge (&resolution, status, &lines);
  g_hash_table_unref (resolution.found);
  g_string_free (resolution.unknown, TRUE);
  g_free (resolution.problem);
  return result;
}

int
yum_resolve (void *handle, Call *call, const struct vmforge_package_request *request)
{
  const Yum *yum = handle;
  g_autoptr (YumConfig) config = yum_config_new (call, yum, request->repositories);
  int lock = config == NULL ? -1 : pkg_lock (call, yum->cache_path, "lists");
  if (lock < 0)
    return -1;
  int result = resolve_locked (call, yum, config, request);
  close (lock);
  return result;
}
