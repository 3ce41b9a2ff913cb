/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Archives into the shared cache, by apt's own download helper: its methods, proxies, retries and hash
 * checks. */
#include "apt.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  AptLines lines;
  Call *call;
} Fetch;

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

static char *
target_path (const char *folder, const struct vmforge_package *package)
{
  return g_strdup_printf ("%s/%s", folder, package->digest);
}

static int
download (Call *call, const AptConfig *config, GPtrArray *argv, Fetch *fetch)
{
  const char *env[] = {config->env, NULL};
  struct vmforge_program program = {.size = sizeof program,
                                    .argv = (const char *const *)argv->pdata,
                                    .env = env,
                                    .status_fd = 3,
                                    .line = on_line,
                                    .user = fetch};
  int status = call->host->run (call, &program);
  return status <= 0 ? status : apt_lines_explain (call, &fetch->lines, "cannot fetch packages");
}

static int
add_to_cache (Call *call, const char *folder, GPtrArray *missing)
{
  for (guint i = 0; i < missing->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (missing, i);
    g_autofree char *path = target_path (folder, package);
    if (call->host->cache_add (call, path, package->digest) < 0)
      return -1;
  }
  return 0;
}

static GPtrArray *
make_command (const char *folder, GPtrArray *missing)
{
  GPtrArray *argv = apt_argv_new ("/usr/lib/apt/apt-helper", "-o", "APT::Status-Fd=3", "download-file", NULL);
  for (guint i = 0; i < missing->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (missing, i);
    g_ptr_array_add (argv, g_strdup (package->url));
    g_ptr_array_add (argv, target_path (folder, package));
    g_ptr_array_add (argv, g_strconcat ("SHA256:", package->digest, NULL));
  }
  g_ptr_array_add (argv, NULL);
  return argv;
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

static int
fetch_missing (Call *call, const Apt *apt, GPtrArray *missing)
{
  if (apt->offline)
    return apt_fail (call, VMFORGE_PLUGIN_ENVIRONMENT,
                     "%u packages are not in the cache (the first is '%s'): "
                     "run the build once without --offline",
                     missing->len, ((const struct vmforge_package *)g_ptr_array_index (missing, 0))->name);
  g_autofree char *folder = g_build_filename (apt->cache_path, "fetch", NULL);
  if (g_mkdir_with_parents (folder, 0755) < 0)
    return apt_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s': %s", folder, g_strerror (errno));
  /* Leftovers of a run that was killed: nobody else is here while the lock is held. */
  apt_empty_cache_folder (folder);
  g_autoptr (AptConfig) config = apt_config_new (call, apt, "", "");
  if (config == NULL)
    return -1;
  g_autoptr (GPtrArray) argv = make_command (folder, missing);
  Fetch fetch = {.call = call};
  apt_lines_init (&fetch.lines, FALSE);
  int result = download (call, config, argv, &fetch);
  if (result == 0)
    result = add_to_cache (call, folder, missing);
  apt_empty_cache_folder (folder);
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
  int lock = apt_lock (call, apt, "fetch");
  if (lock < 0)
    return -1;
  /* Another build may have fetched some of them meanwhile. */
  g_autoptr (GPtrArray) missing = find_missing (call, packages);
  int result = missing->len == 0 ? 0 : fetch_missing (call, apt, missing);
  close (lock);
  return result;
}
