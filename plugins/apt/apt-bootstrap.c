/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The first files of a root filesystem, so that its own dpkg can run. */
#include "apt.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folders that became links when /usr was merged; base-files alone does not make them in all releases. */
static int
merge_usr (Call *call, const Apt *apt, const struct vmforge_root *root)
{
  static const char *const always[] = {"bin", "sbin", "lib", NULL}, *const amd64[] = {"lib64", NULL};
  const char *const *sets[] = {always, g_str_equal (apt->package_arch, "amd64") ? amd64 : always + 3};
  if (mkdirat (root->fd, "usr", 0755) < 0 && errno != EEXIST)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot make '/usr' in the image: %s", g_strerror (errno));
  for (gsize k = 0; k < G_N_ELEMENTS (sets); k++) {
    for (const char *const *name = sets[k]; *name != NULL; name++) {
      g_autofree char *target = g_strconcat ("usr/", *name, NULL);
      if (mkdirat (root->fd, target, 0755) < 0 && errno != EEXIST)
        return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot make '/%s' in the image: %s", target,
                         g_strerror (errno));
      if (symlinkat (target, root->fd, *name) < 0 && errno != EEXIST)
        return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot make '/%s' in the image: %s", *name,
                         g_strerror (errno));
    }
  }
  return 0;
}

/* xargs does not say which program it could not run. */
static int
check_tools (Call *call)
{
  const char *argv[] = {"dpkg-deb", "--version", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  return call->host->run (call, &program) < 0 ? -1 : 0;
}

/* Unpacks the archives side by side. */
static int
extract (Call *call, const struct vmforge_root *root, GPtrArray *packages)
{
  g_autoptr (GString) paths = g_string_new (NULL);
  for (guint i = 0; i < packages->len; i++) {
    const struct vmforge_package *package = g_ptr_array_index (packages, i);
    const char *path = call->host->cache_find (call, package->digest);
    if (path == NULL)
      return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "package '%s' is not in the cache", package->name);
    g_string_append_printf (paths, "%s\n", path);
  }
  g_autofree char *jobs = g_strdup_printf ("-P%ld", sysconf (_SC_NPROCESSORS_ONLN));
  const char *argv[] = {"xargs",    jobs,        "-d", "\n",       "-I", "{}",
                        "dpkg-deb", "--extract", "{}", root->path, NULL};
  /* Folders in the archives must not replace the links of the merged /usr. */
  const char *env[] = {"TAR_OPTIONS=--keep-directory-symlink", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv, .env = env, .input = paths->str};
  return pkg_run (call, &program, NULL, VMFORGE_PLUGIN_FAILED, "unpacking the essential packages");
}

int
apt_bootstrap (Call *call, const Apt *apt, const struct vmforge_root *root, GPtrArray *essential)
{
  call->host->progress (call, 0, "unpacking the essential packages");
  if (check_tools (call) < 0 || merge_usr (call, apt, root) < 0 || extract (call, root, essential) < 0)
    return -1;
  static const char *const files[] = {"var/lib/dpkg/status", "var/lib/dpkg/available"};
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    if (pkg_write (call, root, files[i], "", 0, 0644) < 0)
      return -1;
  /* dpkg wants its folders; the architecture file names the first one for dpkg without --add-architecture. */
  static const char *const folders[] = {"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"};
  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++) {
    int fd = pkg_make_folder (root, folders[i]);
    if (fd < 0)
      return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot make '/%s' in the image: %s", folders[i],
                       g_strerror (errno));
    close (fd);
  }
  return 0;
}
