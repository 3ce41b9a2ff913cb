/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* One call of the root filesystem's own dpkg. */
#include "apt.h"

typedef struct {
  AptDpkg *dpkg;
  AptLines lines;
  char *last; /* the last line before the first error: mostly of a maintainer script */
} Run;

/* "status: NAME[:ARCH]: unpacked" and the like. */
static void
on_status (Run *run, const char *line)
{
  AptDpkg *dpkg = run->dpkg;
  if (!g_str_has_prefix (line, "status: "))
    return;
  g_auto (GStrv) words = g_strsplit (line + strlen ("status: "), ": ", 2);
  if (words[0] == NULL || words[1] == NULL)
    return;
  gboolean unpacked = g_str_equal (words[1], "unpacked"), installed = g_str_equal (words[1], "installed");
  if (!unpacked && !installed)
    return;
  dpkg->done++;
  words[0][strcspn (words[0], ":")] = '\0';
  g_autofree char *what = g_strconcat (unpacked ? "unpacked " : "configured ", words[0], NULL);
  double fraction = dpkg->steps == 0 ? 0 : MIN (1.0, (double)dpkg->done / dpkg->steps);
  dpkg->call->host->progress (dpkg->call, fraction, what);
}

static int
on_line (void *user, int stream, const char *line)
{
  Run *run = user;
  if (stream >= 3) {
    on_status (run, line);
    return 0;
  }
  apt_lines_add (&run->lines, stream, line);
  /* An error of dpkg goes on in the next, indented line. */
  if (line[0] == ' ' && run->lines.errors->len > 0) {
    char **slot = (char **)&g_ptr_array_index (run->lines.errors, run->lines.errors->len - 1);
    if (g_str_has_suffix (*slot, ":") || g_str_has_suffix (*slot, ", and")) {
      char *joined = g_strconcat (*slot, line, NULL);
      g_free (*slot);
      *slot = joined;
    }
  } else if (run->lines.errors->len == 0 && line[0] != '\0') {
    g_free (run->last);
    run->last = g_strdup (line);
  }
  run->dpkg->call->host->log (run->dpkg->call, VMFORGE_LOG_INFO, "%s", line);
  return 0;
}

GPtrArray *
apt_dpkg_names (GPtrArray *packages)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < packages->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (packages, i);
    g_ptr_array_add (names, g_strdup (package->name));
  }
  return names;
}

GPtrArray *
apt_dpkg_archives (AptDpkg *dpkg, GPtrArray *packages)
{
  g_autoptr (GPtrArray) archives = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < packages->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (packages, i);
    const char *path = dpkg->call->host->cache_find (dpkg->call, package->digest);
    if (path == NULL) {
      pkg_fail (dpkg->call, VMFORGE_PLUGIN_FAILED, "package '%s' is not in the cache", package->name);
      return NULL;
    }
    gsize length = strlen (dpkg->cache);
    if (strncmp (path, dpkg->cache, length) != 0 || path[length] != '/') {
      pkg_fail (dpkg->call, VMFORGE_PLUGIN_FAILED, "'%s' is not below '%s'", path, dpkg->cache);
      return NULL;
    }
    g_ptr_array_add (archives, g_strconcat (APT_CACHE_INSIDE, path + length, NULL));
  }
  return g_steal_pointer (&archives);
}

static GPtrArray *
make_argv (const char *const *options, GPtrArray *operands)
{
  /* No fsync for a volume that is thrown away unless it gets sealed; sealing syncs it once. */
  GPtrArray *argv = pkg_argv_new ("dpkg", "--force-unsafe-io", "--force-confdef", "--force-confold",
                                  "--status-fd", "3", NULL);
  for (; *options != NULL; options++)
    g_ptr_array_add (argv, g_strdup (*options));
  for (guint i = 0; operands != NULL && i < operands->len; i++)
    g_ptr_array_add (argv, g_strdup (g_ptr_array_index (operands, i)));
  g_ptr_array_add (argv, NULL);
  return argv;
}

static int
explain (Run *run, int status)
{
  Call *call = run->dpkg->call;
  gboolean full = FALSE;
  for (guint i = 0; i < run->lines.errors->len; i++)
    full |= strstr (g_ptr_array_index (run->lines.errors, i), "No space left") != NULL;
  const char *reason = run->lines.errors->len > 0 ? g_ptr_array_index (run->lines.errors, 0) : NULL;
  if (reason == NULL)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "dpkg exited with status %d: %s", status,
                     run->lines.last.line == NULL ? "it said nothing" : run->lines.last.line);
  return pkg_fail (call, full ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED, "dpkg: %s (before that: %s)",
                   reason, run->last == NULL ? "nothing" : run->last);
}

int
apt_dpkg (AptDpkg *dpkg, const char *const *options, GPtrArray *operands)
{
  g_autoptr (GPtrArray) argv = make_argv (options, operands);
  static const char *const env[] = {"DEBIAN_FRONTEND=noninteractive",
                                    "DEBCONF_NONINTERACTIVE_SEEN=true",
                                    "DEBCONF_NOWARNINGS=yes",
                                    "UCF_FORCE_CONFFOLD=1",
                                    "SYSTEMD_OFFLINE=1",
                                    "PERL_BADLANG=0",
                                    "INITRD=No", /* apt-initramfs.c */
                                    NULL};
  const char *binds[] = {dpkg->cache, APT_CACHE_INSIDE, NULL};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox, .binds = binds};
  Run run = {.dpkg = dpkg};
  apt_lines_init (&run.lines, FALSE);
  struct vmforge_program program = {.size = sizeof program,
                                    .argv = (const char *const *)argv->pdata,
                                    .env = env,
                                    .status_fd = 3,
                                    .line = on_line,
                                    .user = &run};
  int status = dpkg->call->host->run_in_root (dpkg->call, &program, &sandbox);
  int result = status <= 0 ? status : explain (&run, status);
  apt_lines_clear (&run.lines);
  g_free (run.last);
  return result;
}
