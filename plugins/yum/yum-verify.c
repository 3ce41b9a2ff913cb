/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Signatures of archives, by the host's rpm with nothing but the keys of this build: older rpm in an image
 * takes a package without a signature. */
#include "yum.h"

#include "yum-install.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* The database with these keys. */
static char *
make_keyring (Call *call, const char *folder, GPtrArray *keys)
{
  g_autofree char *path = g_strconcat (folder, "/keyring" PKG_TEMPORARY, NULL);
  pkg_empty_host_folder (path);
  if (g_mkdir_with_parents (path, 0755) < 0) {
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s'", path);
    return NULL;
  }
  g_autoptr (GPtrArray) argv = pkg_argv_new ("rpmkeys", "--dbpath", path, "--import", NULL);
  for (guint i = 0; i < keys->len; i++)
    g_ptr_array_add (argv, g_strdup (g_ptr_array_index (keys, i)));
  g_ptr_array_add (argv, NULL);
  struct vmforge_program program = {.size = sizeof program, .argv = (const char *const *)argv->pdata};
  if (pkg_run (call, &program, NULL, VMFORGE_PLUGIN_FAILED, "'rpmkeys --import'") < 0)
    return NULL;
  return g_steal_pointer (&path);
}

typedef struct {
  Call *call;
  char *bad; /* path of the first that is not signed as it must be */
} Verdict;

/* "PATH: digests SIGNATURES NOT OK" */
static int
on_line (void *user, int stream, const char *line)
{
  Verdict *verdict = user;
  const char *end = strstr (line, ": ");
  if (stream == 1 && verdict->bad == NULL && end != NULL && strstr (end, "NOT OK") != NULL)
    verdict->bad = g_strndup (line, (gsize)(end - line));
  verdict->call->host->log (verdict->call, VMFORGE_LOG_DEBUG, "%s", line);
  return 0;
}

static int
explain (Call *call, const struct vmforge_package *const *packages, const Verdict *verdict, int status)
{
  for (; verdict->bad != NULL && *packages != NULL; packages++) {
    gboolean installs = ((*packages)->flags & VMFORGE_PACKAGE_REMOVE) == 0;
    if (installs && g_strcmp0 (call->host->cache_find (call, (*packages)->digest), verdict->bad) == 0)
      return pkg_fail (call, VMFORGE_PLUGIN_FAILED,
                       "package '%s' %s is not signed with a key of the profile or of its repository",
                       (*packages)->name, (*packages)->version);
  }
  return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "'rpmkeys --checksig' exited with status %d", status);
}

int
yum_verify (Call *call, const Yum *yum, GPtrArray *keys, GPtrArray *archives,
            const struct vmforge_package *const *packages)
{
  call->host->progress (call, 0, "verifying signatures");
  int lock = pkg_lock (call, yum->cache_path, "keyring");
  g_autofree char *keyring = lock < 0 ? NULL : make_keyring (call, yum->cache_path, keys);
  int status = -1;
  Verdict verdict = {.call = call};
  if (keyring != NULL) {
    g_autoptr (GPtrArray) argv =
        pkg_argv_new ("rpmkeys", "--dbpath", keyring, "--define", "_pkgverify_level all", "--checksig", NULL);
    for (guint i = 0; i < archives->len; i++)
      g_ptr_array_add (argv, g_strdup (g_ptr_array_index (archives, i)));
    g_ptr_array_add (argv, NULL);
    struct vmforge_program program = {
        .size = sizeof program, .argv = (const char *const *)argv->pdata, .line = on_line, .user = &verdict};
    status = call->host->run (call, &program);
    pkg_empty_host_folder (keyring);
    (void)rmdir (keyring);
  }
  if (lock >= 0)
    close (lock);
  int result = status > 0 ? explain (call, packages, &verdict, status) : status;
  g_free (verdict.bad);
  return result;
}
