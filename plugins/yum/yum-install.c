/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Installs what was resolved, from the cache, with the root filesystem's own rpm. */
#include "yum-install.h"

#include <unistd.h>

#define CACHE_INSIDE "/run/vmforge/cache"
#define KEYS_INSIDE  "/run/vmforge/keys"

typedef struct {
  Call *call;
  const Yum *yum;
  const struct vmforge_root *root;
  char *cache;         /* folder of the host below which the package cache is */
  GPtrArray *archives; /* paths on the host */
  GPtrArray *removed;  /* ids of those that go, name.arch */
} Job;

/* What rpm says of a transaction. */
typedef struct {
  Call *call;
  PkgLast last;
  char *failed; /* the first line that tells of a scriptlet that failed */
} Talk;

static int
on_line (void *user, int stream, const char *line)
{
  Talk *talk = user;
  if (g_str_has_prefix (line, "%% ")) {
    talk->call->host->progress (talk->call, -1, "installing packages");
    return 0;
  }
  pkg_last_add (&talk->last, stream, line);
  if (talk->failed == NULL && strstr (line, " scriptlet failed") != NULL)
    talk->failed = g_utf8_make_valid (line, -1);
  talk->call->host->log (talk->call, VMFORGE_LOG_INFO, "%s", line);
  return 0;
}

static int
explain (const Talk *talk, const char *label, int status)
{
  static const char warning[] = "warning: ";
  const char *why = talk->last.line == NULL ? "it said nothing" : talk->last.line;
  if (talk->failed != NULL)
    return pkg_fail (talk->call, VMFORGE_PLUGIN_FAILED, "%s: %s", label,
                     talk->failed + (g_str_has_prefix (talk->failed, warning) ? strlen (warning) : 0));
  if (strstr (why, "No space left") != NULL || strstr (why, "needs ") != NULL)
    return pkg_fail (talk->call, VMFORGE_PLUGIN_NO_SPACE, "%s: %s", label, why);
  return pkg_fail (talk->call, VMFORGE_PLUGIN_FAILED, "%s exited with status %d: %s", label, status, why);
}

/* A scriptlet that fails is a warning for rpm, and an error for us. */
static int
rpm (const Job *job, const char *label, GPtrArray *argv)
{
  g_autofree char *keys = g_build_filename (job->yum->cache_path, "keys", NULL);
  const char *binds[] = {job->cache, CACHE_INSIDE, keys, KEYS_INSIDE, NULL};
  const char *env[] = {"SYSTEMD_OFFLINE=1", NULL};
  Talk talk = {.call = job->call};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox, .binds = binds};
  struct vmforge_program program = {.size = sizeof program,
                                    .argv = (const char *const *)argv->pdata,
                                    .env = env,
                                    .line = on_line,
                                    .user = &talk};
  int status = job->call->host->run_in_root (job->call, &program, &sandbox);
  int result = status > 0 || (status == 0 && talk.failed != NULL) ? explain (&talk, label, status) : status;
  pkg_last_clear (&talk.last);
  g_free (talk.failed);
  return result;
}

/* ---- steps */

static int
import_keys (const Job *job, GPtrArray *keys)
{
  g_autoptr (GPtrArray) argv = pkg_argv_new ("rpmkeys", "--import", NULL);
  for (guint i = 0; i < keys->len; i++) {
    g_autofree char *name = g_path_get_basename (g_ptr_array_index (keys, i));
    g_ptr_array_add (argv, g_build_filename (KEYS_INSIDE, name, NULL));
  }
  g_ptr_array_add (argv, NULL);
  return rpm (job, "'rpmkeys --import' in the image", argv);
}

/* The solver has seen that what stays fits together. */
static int
erase (const Job *job)
{
  if (job->removed->len == 0)
    return 0;
  g_autoptr (GPtrArray) argv = pkg_argv_new ("rpm", "--erase", "--nodeps", "--", NULL);
  for (guint i = 0; i < job->removed->len; i++)
    g_ptr_array_add (argv, g_strdup (g_ptr_array_index (job->removed, i)));
  g_ptr_array_add (argv, NULL);
  return rpm (job, "rpm", argv);
}

static int
upgrade (const Job *job)
{
  if (job->archives->len == 0)
    return 0;
  g_autoptr (GPtrArray) argv =
      pkg_argv_new ("rpm", "--upgrade", "--verbose", "--percent", "--oldpackage", "--", NULL);
  for (guint i = 0; i < job->archives->len; i++)
    g_ptr_array_add (
        argv,
        g_strconcat (CACHE_INSIDE, (char *)g_ptr_array_index (job->archives, i) + strlen (job->cache), NULL));
  g_ptr_array_add (argv, NULL);
  return rpm (job, "rpm", argv);
}

/* What a build leaves behind and no image needs. */
static void
clean (const struct vmforge_root *root)
{
  static const char *const files[] = {"var/log/dnf.log",         "var/log/dnf.rpm.log",
                                      "var/log/dnf.librepo.log", "var/log/hawkey.log",
                                      "var/log/yum.log",         "var/cache/ldconfig/aux-cache"};
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    pkg_remove (root, files[i]);
}

/* ---- the whole */

static int
collect (Job *job, const struct vmforge_package *const *packages)
{
  for (; *packages != NULL; packages++) {
    if (((*packages)->flags & VMFORGE_PACKAGE_REMOVE) != 0) {
      g_ptr_array_add (job->removed, g_strdup ((*packages)->id));
      continue;
    }
    const char *path = job->call->host->cache_find (job->call, (*packages)->digest);
    if (path == NULL)
      return pkg_fail (job->call, VMFORGE_PLUGIN_FAILED, "package '%s' is not in the cache",
                       (*packages)->name);
    gsize length = strlen (job->cache);
    if (strncmp (path, job->cache, length) != 0 || path[length] != '/')
      return pkg_fail (job->call, VMFORGE_PLUGIN_FAILED, "'%s' is not below '%s'", path, job->cache);
    g_ptr_array_add (job->archives, g_strdup (path));
  }
  return 0;
}

static int
install (Job *job, const struct vmforge_package_request *request,
         const struct vmforge_package *const *packages)
{
  gboolean bootstrap = (request->flags & VMFORGE_REQUEST_BOOTSTRAP) != 0;
  if (collect (job, packages) < 0)
    return -1;
  if (job->archives->len == 0)
    return erase (job);
  g_autoptr (YumConfig) config = yum_config_new (job->call, job->yum, request->repositories);
  if (config == NULL || yum_verify (job->call, job->yum, config->keys, job->archives, packages) < 0)
    return -1;
  if (bootstrap && yum_bootstrap (job->call, job->yum, job->root, job->archives, packages) < 0)
    return -1;
  return import_keys (job, config->keys) < 0 || erase (job) < 0 || upgrade (job) < 0 ? -1 : 0;
}

int
yum_install (void *handle, Call *call, const struct vmforge_root *root,
             const struct vmforge_package_request *request, const struct vmforge_package *const *packages)
{
  const Yum *yum = handle;
  Job job = {.call = call,
             .yum = yum,
             .root = root,
             .cache = g_path_get_dirname (yum->cache_path),
             .archives = g_ptr_array_new_with_free_func (g_free),
             .removed = g_ptr_array_new_with_free_func (g_free)};
  int result = install (&job, request, packages);
  g_ptr_array_unref (job.archives);
  g_ptr_array_unref (job.removed);
  g_free (job.cache);
  clean (root);
  return result;
}

/* ---- what is there */

static int
emit_installed (void *user, int stream, const char *line)
{
  Call *call = user;
  g_auto (GStrv) words = g_strsplit (line, "\t", 4);
  if (stream != 1 || g_strv_length (words) < 4 || g_str_equal (words[0], "gpg-pubkey"))
    return 0;
  g_autofree char *id = g_strconcat (words[0], ".", words[2], NULL);
  struct vmforge_package package = {.size = sizeof package,
                                    .id = id,
                                    .name = words[0],
                                    .version = words[1],
                                    .arch = words[2],
                                    .installed_size = g_ascii_strtoull (words[3], NULL, 10)};
  return call->host->emit_package (call, &package);
}

int
yum_manifest (void *handle, Call *call, const struct vmforge_root *root)
{
  const char *argv[] = {"rpm",
                        "--query",
                        "--all",
                        "--queryformat",
                        "%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SIZE}\\n",
                        NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .line = emit_installed, .user = call};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox};
  return pkg_run (call, &program, &sandbox, VMFORGE_PLUGIN_FAILED, "'rpm --query' in the image");
}
