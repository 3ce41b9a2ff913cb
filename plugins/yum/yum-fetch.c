/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Archives into the shared cache, side by side, by curl: their digests are those of the verified metadata or
 * of a lock file, so any mirror may give them. */
#include "yum.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "fetch"

static GPtrArray *
find_missing (Call *call, const struct vmforge_package *const *packages)
{
  GPtrArray *missing = g_ptr_array_new ();
  for (; *packages != NULL; packages++)
    if (((*packages)->flags & VMFORGE_PACKAGE_REMOVE) == 0 &&
        call->host->cache_find (call, (*packages)->digest) == NULL)
      g_ptr_array_add (missing, (gpointer)*packages);
  return missing;
}

/* In a configuration of curl's, a text in quotes. */
static void
add_option (GString *text, const char *name, const char *value)
{
  g_string_append_printf (text, "%s = \"", name);
  for (; *value != '\0'; value++)
    g_string_append_printf (text, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
  g_string_append (text, "\"\n");
}

/* It has the package's name for whoever reads of it in an error. */
static char *
file_of (const char *folder, const struct vmforge_package *package)
{
  g_autofree char *name = g_strdup (package->name);
  return g_strdup_printf ("%s/%.16s-%s", folder, package->digest, g_strdelimit (name, "/", '_'));
}

/* What is not there yet, each from its pass-th place. NULL: nothing has so many. */
static char *
make_list (const Yum *yum, const char *folder, GPtrArray *missing, guint pass)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < missing->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (missing, i);
    g_autofree char *path = file_of (folder, package), *url = yum_fetch_url (yum, package->url, pass);
    if (url == NULL || access (path, F_OK) == 0)
      continue;
    add_option (text, "url", url);
    add_option (text, "output", path);
  }
  return text->len == 0 ? NULL : g_string_free (g_steal_pointer (&text), FALSE);
}

typedef struct {
  Call *call;
  PkgLast *last;
} Run;

static int
on_line (void *user, int stream, const char *line)
{
  Run *run = user;
  pkg_last_add (run->last, stream, line);
  run->call->host->log (run->call, VMFORGE_LOG_INFO, "%s", line);
  return 0;
}

/* Its exit status, or -1. */
static int
download (Call *call, const char *list, PkgLast *last)
{
  Run run = {call, last};
  const char *argv[] = {"curl",
                        "--fail",
                        "--silent",
                        "--show-error",
                        "--location",
                        "--globoff",
                        "--proto",
                        "=https,http,file",
                        "--retry",
                        "2",
                        "--remove-on-error",
                        "--parallel",
                        "--no-progress-meter",
                        "--parallel-max",
                        "6",
                        "--config",
                        "-",
                        NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .input = list, .line = on_line, .user = &run};
  return call->host->run (call, &program);
}

/* Names the first package that nobody has. */
static int
explain (Call *call, const Yum *yum, const char *folder, GPtrArray *missing, const PkgLast *last)
{
  static const char *const network[] = {"resolve host", "onnect", "imed out"};
  const char *why = last->line == NULL ? "no reason was given" : last->line;
  enum vmforge_plugin_error code = VMFORGE_PLUGIN_FAILED;
  for (gsize i = 0; i < G_N_ELEMENTS (network); i++)
    code = strstr (why, network[i]) == NULL ? code : VMFORGE_PLUGIN_ENVIRONMENT;
  if (strstr (why, "Failure writing output") != NULL)
    return pkg_fail (call, VMFORGE_PLUGIN_NO_SPACE, "cannot fetch packages: %s", why);
  for (guint i = 0; i < missing->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (missing, i);
    g_autofree char *path = file_of (folder, package), *url = yum_fetch_url (yum, package->url, 0);
    if (access (path, F_OK) != 0)
      return pkg_fail (
          call, code,
          "cannot fetch package '%s' %s from '%s': %s (use '--refresh 0' if the repository changed "
          "meanwhile, or another mirror)",
          package->name, package->version, package->url, why);
  }
  return pkg_fail (call, code, "cannot fetch packages: %s", why);
}

static int
add_to_cache (Call *call, const char *folder, GPtrArray *missing)
{
  for (guint i = 0; i < missing->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (missing, i);
    g_autofree char *path = file_of (folder, package);
    if (call->host->cache_add (call, path, package->digest) < 0)
      return -1;
  }
  return 0;
}

static int
fetch_passes (Call *call, const Yum *yum, const char *folder, GPtrArray *missing)
{
  PkgLast last = {0};
  int result = 0;
  for (guint pass = 0;; pass++) {
    g_autofree char *list = make_list (yum, folder, missing, pass);
    int status = list == NULL ? 1 : download (call, list, &last);
    if (status == 0)
      result = add_to_cache (call, folder, missing);
    else if (status < 0)
      result = -1;
    else if (list == NULL)
      result = explain (call, yum, folder, missing, &last);
    else
      continue;
    break;
  }
  pkg_last_clear (&last);
  return result;
}

static int
fetch_missing (Call *call, const Yum *yum, GPtrArray *missing)
{
  if (yum->offline)
    return pkg_fail (
        call, VMFORGE_PLUGIN_ENVIRONMENT,
        "%u packages are not in the cache (the first is '%s'): run the build once without --offline",
        missing->len, ((const struct vmforge_package *)g_ptr_array_index (missing, 0))->name);
  g_autofree char *folder = g_build_filename (yum->cache_path, FOLDER, NULL);
  if (g_mkdir_with_parents (folder, 0755) < 0)
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s': %s", folder, g_strerror (errno));
  /* Leftovers of a run that was killed: nobody else is here while the lock is held. */
  pkg_empty_host_folder (folder);
  call->host->progress (call, -1, "fetching packages");
  int result = fetch_passes (call, yum, folder, missing);
  pkg_empty_host_folder (folder);
  return result;
}

int
yum_fetch (void *handle, Call *call, const struct vmforge_package *const *packages)
{
  const Yum *yum = handle;
  g_autoptr (GPtrArray) first = find_missing (call, packages);
  if (first->len == 0)
    return 0;
  int lock = pkg_lock (call, yum->cache_path, "fetch");
  if (lock < 0)
    return -1;
  /* Another build may have fetched some of them meanwhile. */
  g_autoptr (GPtrArray) missing = find_missing (call, packages);
  int result = missing->len == 0 ? 0 : fetch_missing (call, yum, missing);
  close (lock);
  return result;
}
