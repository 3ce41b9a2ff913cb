/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Archives into the shared cache, by apt's own download helper: its methods, proxies, retries and hash
 * checks. What one mirror does not have is asked of the next. */
#include "apt.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* A package that the cache lacks. */
typedef struct {
  const struct vmforge_package *package;
  char *path;      /* where it is fetched to */
  GPtrArray *urls; /* where it may be, the nearest first */
  gboolean done;
} Missing;

typedef struct {
  Call *call;
  GPtrArray *missing; /* Missing */
  AptLines lines;     /* of all passes */
} Fetch;

static void
missing_free (gpointer data)
{
  Missing *missing = data;
  g_free (missing->path);
  g_ptr_array_unref (missing->urls);
  g_free (missing);
}

/* "dlstatus:NUMBER:PERCENT:TEXT" */
static int
on_line (void *user, int stream, const char *line)
{
  Fetch *fetch = user;
  apt_lines_add (&fetch->lines, stream, line);
  if (stream < 3 || !g_str_has_prefix (line, "dlstatus:"))
    return 0;
  const char *percent = strchr (line + strlen ("dlstatus:"), ':');
  if (percent != NULL)
    fetch->call->host->progress (fetch->call, g_ascii_strtod (percent + 1, NULL) / 100, "fetching packages");
  return 0;
}

/* Everything that is still missing, each from its pass-th place; NULL where none has so many. */
static GPtrArray *
make_command (const Fetch *fetch, guint pass)
{
  g_autoptr (GPtrArray) argv =
      pkg_argv_new ("/usr/lib/apt/apt-helper", "-o", "APT::Status-Fd=3", "download-file", NULL);
  guint first = argv->len;
  for (guint i = 0; i < fetch->missing->len; i++) {
    const Missing *missing = g_ptr_array_index (fetch->missing, i);
    if (missing->done || pass >= missing->urls->len)
      continue;
    g_ptr_array_add (argv, g_strdup (g_ptr_array_index (missing->urls, pass)));
    g_ptr_array_add (argv, g_strdup (missing->path));
    g_ptr_array_add (argv, g_strconcat ("SHA256:", missing->package->digest, NULL));
  }
  if (argv->len == first)
    return NULL;
  g_ptr_array_add (argv, NULL);
  return g_steal_pointer (&argv);
}

/* Exit status of apt's helper, or -1. */
static int
download (Fetch *fetch, const AptConfig *config, GPtrArray *argv)
{
  const char *env[] = {config->env, NULL};
  struct vmforge_program program = {.size = sizeof program,
                                    .argv = (const char *const *)argv->pdata,
                                    .env = env,
                                    .status_fd = 3,
                                    .line = on_line,
                                    .user = fetch};
  return fetch->call->host->run (fetch->call, &program);
}

/* After a pass that failed in part. What it wrote is compared with its digest when it enters the cache; the
 * size tells what broke off. */
static void
mark_done (Fetch *fetch)
{
  for (guint i = 0; i < fetch->missing->len; i++) {
    Missing *missing = g_ptr_array_index (fetch->missing, i);
    struct stat st;
    guint64 size = missing->package->download_size;
    missing->done = stat (missing->path, &st) == 0 && (size == 0 || (guint64)st.st_size == size);
  }
}

/* apt's lines that speak of this package, or all where none does (it was sent elsewhere), with its name. */
static void
name_package (const AptLines *lines, const struct vmforge_package *package, const char *url, guint others,
              AptLines *named)
{
  g_autofree char *more = others == 0 ? g_strdup ("") : g_strdup_printf (" and %u more", others);
  for (guint i = 0; i < lines->errors->len; i++) {
    const char *line = g_ptr_array_index (lines->errors, i);
    if (strstr (line, url) != NULL)
      g_ptr_array_add (named->errors, g_strdup_printf ("%s, which is package '%s' %s%s", line, package->name,
                                                       package->version, more));
  }
  for (guint i = 0; named->errors->len == 0 && i < lines->errors->len; i++)
    g_ptr_array_add (named->errors, g_strdup_printf ("%s, for package '%s' %s from '%s'%s",
                                                     (char *)g_ptr_array_index (lines->errors, i),
                                                     package->name, package->version, url, more));
}

/* Names the first package that nobody has, with what apt said of it. */
static int
explain (Fetch *fetch)
{
  const Missing *first = NULL;
  guint others = 0;
  for (guint i = 0; i < fetch->missing->len; i++) {
    const Missing *missing = g_ptr_array_index (fetch->missing, i);
    others += first != NULL && !missing->done;
    if (first == NULL && !missing->done)
      first = missing;
  }
  g_auto (AptLines) named;
  apt_lines_init (&named, FALSE);
  if (first != NULL)
    name_package (&fetch->lines, first->package, g_ptr_array_index (first->urls, first->urls->len - 1),
                  others, &named);
  return apt_lines_explain (fetch->call, named.errors->len > 0 ? &named : &fetch->lines,
                            "cannot fetch packages");
}

static int
add_to_cache (const Fetch *fetch)
{
  for (guint i = 0; i < fetch->missing->len; i++) {
    const Missing *missing = g_ptr_array_index (fetch->missing, i);
    if (fetch->call->host->cache_add (fetch->call, missing->path, missing->package->digest) < 0)
      return -1;
  }
  return 0;
}

static int
fetch_passes (Fetch *fetch, const AptConfig *config)
{
  for (guint pass = 0;; pass++) {
    g_autoptr (GPtrArray) argv = make_command (fetch, pass);
    int status = argv == NULL ? 1 : download (fetch, config, argv);
    if (status < 0)
      return -1;
    if (status == 0 && pass == 0)
      return add_to_cache (fetch);
    if (argv == NULL)
      return explain (fetch);
    mark_done (fetch);
    guint left = 0;
    for (guint i = 0; i < fetch->missing->len; i++)
      left += !((const Missing *)g_ptr_array_index (fetch->missing, i))->done;
    if (left == 0)
      return add_to_cache (fetch);
  }
}

static GPtrArray *
find_missing (Call *call, const struct vmforge_package *const *packages)
{
  GPtrArray *missing = g_ptr_array_new ();
  for (; *packages != NULL; packages++) {
    gboolean installs = ((*packages)->flags & VMFORGE_PACKAGE_REMOVE) == 0;
    if (installs && call->host->cache_find (call, (*packages)->digest) == NULL)
      g_ptr_array_add (missing, (gpointer)*packages);
  }
  return missing;
}

static GPtrArray *
locate (const Apt *apt, const char *folder, GPtrArray *packages)
{
  GPtrArray *all = g_ptr_array_new_with_free_func (missing_free);
  for (guint i = 0; i < packages->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (packages, i);
    Missing *missing = g_new (Missing, 1);
    *missing = (Missing){.package = package,
                         .path = g_strdup_printf ("%s/%s", folder, package->digest),
                         .urls = apt_mirror_urls (apt, package->url)};
    g_ptr_array_add (all, missing);
  }
  return all;
}

static int
fetch_missing (Call *call, const Apt *apt, GPtrArray *packages)
{
  if (apt->offline)
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT,
                     "%u packages are not in the cache (the first is '%s'): "
                     "run the build once without --offline",
                     packages->len, ((const struct vmforge_package *)g_ptr_array_index (packages, 0))->name);
  g_autofree char *folder = g_build_filename (apt->cache_path, "fetch", NULL);
  if (g_mkdir_with_parents (folder, 0755) < 0)
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s': %s", folder, g_strerror (errno));
  /* Leftovers of a run that was killed: nobody else is here while the lock is held. */
  pkg_empty_host_folder (folder);
  g_autoptr (AptConfig) config = apt_host_read (call, apt) < 0 ? NULL : apt_config_new (call, apt, "", "");
  if (config == NULL)
    return -1;
  g_autoptr (GPtrArray) missing = locate (apt, folder, packages);
  Fetch fetch = {.call = call, .missing = missing};
  apt_lines_init (&fetch.lines, FALSE);
  int result = fetch_passes (&fetch, config);
  pkg_empty_host_folder (folder);
  apt_lines_clear (&fetch.lines);
  return result;
}

int
apt_fetch (void *handle, Call *call, const struct vmforge_package *const *packages)
{
  const Apt *apt = handle;
  g_autoptr (GPtrArray) first = find_missing (call, packages);
  if (first->len == 0)
    return 0;
  int lock = pkg_lock (call, apt->cache_path, "fetch");
  if (lock < 0)
    return -1;
  /* Another build may have fetched some of them meanwhile. */
  g_autoptr (GPtrArray) missing = find_missing (call, packages);
  int result = missing->len == 0 ? 0 : fetch_missing (call, apt, missing);
  close (lock);
  return result;
}
