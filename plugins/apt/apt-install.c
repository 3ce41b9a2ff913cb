/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Installs what was resolved, from the cache, with the root filesystem's own dpkg. */
#include "apt.h"

#define STATES      "var/lib/apt/extended_states"
#define MAX_STATES  (16 * 1024 * 1024)
#define ENABLE_GRUB "etc/grub.d/enable_cloud"

/* Packages that only came along are marked so, for a later `apt autoremove` in the guest. */
static int
mark_automatic (Call *call, const Apt *apt, const struct vmforge_root *root,
                const struct vmforge_package_request *request, const struct vmforge_package *const *packages)
{
  g_autoptr (GString) text = g_string_new (NULL);
  if (pkg_read (call, root, STATES, MAX_STATES, text) < 0)
    return -1;
  for (; *packages != NULL; packages++) {
    const struct vmforge_package *package = *packages;
    g_autofree char *essential = package->data == NULL ? NULL : apt_stanza_get (package->data, "Essential");
    if (apt_names_contain (request->install, package->name) || essential != NULL ||
        (package->flags & VMFORGE_PACKAGE_REMOVE) != 0)
      continue;
    g_autofree char *head =
        g_strdup_printf ("Package: %s\nArchitecture: %s\n", package->name, apt->package_arch);
    if (strstr (text->str, head) == NULL)
      g_string_append_printf (text, "%sAuto-Installed: 1\n\n", head);
  }
  return text->len == 0 ? 0 : pkg_write (call, root, STATES, text->str, text->len, 0644);
}

static int
install_group (AptDpkg *dpkg, GPtrArray *group, gboolean essential)
{
  if (group->len == 0)
    return 0;
  /* Nothing is configured yet when the essential packages come, so they cannot wait for each other. */
  static const char *const first[] = {"--force-depends", "--install", NULL};
  /* What a new package breaks is deconfigured until its own new version is unpacked, maybe in a later group:
   * so each group configures its own packages alone. */
  static const char *const unpack[] = {"--no-triggers", "--auto-deconfigure", "--unpack", NULL};
  static const char *const configure[] = {"--no-triggers", "--configure", NULL};
  g_autoptr (GPtrArray) archives = apt_dpkg_archives (dpkg, group), names = apt_dpkg_names (group);
  if (archives == NULL)
    return -1;
  if (essential)
    return apt_dpkg (dpkg, first, archives);
  return apt_dpkg (dpkg, unpack, archives) < 0 ? -1 : apt_dpkg (dpkg, configure, names);
}

static int
install_groups (AptDpkg *dpkg, GPtrArray *groups)
{
  for (guint i = 0; i < groups->len; i++) {
    if (dpkg->call->host->cancelled (dpkg->call) ||
        install_group (dpkg, g_ptr_array_index (groups, i), i == 0) < 0)
      return -1;
  }
  /* Triggers that were put off run once, now. */
  static const char *const triggers[] = {"--triggers-only", "--pending", NULL};
  static const char *const rest[] = {"--configure", "--pending", NULL};
  return apt_dpkg (dpkg, triggers, NULL) < 0 ? -1 : apt_dpkg (dpkg, rest, NULL);
}

static int
remove_packages (AptDpkg *dpkg, GPtrArray *gone, gboolean before)
{
  /* What needs a package that goes first either goes with it or gets a replacement now. */
  static const char *const first[] = {"--no-triggers", "--force-depends", "--purge", NULL};
  static const char *const last[] = {"--purge", NULL};
  g_autoptr (GPtrArray) names = apt_dpkg_names (gone);
  return gone->len == 0 ? 0 : apt_dpkg (dpkg, before ? first : last, names);
}

/* What a build leaves behind and no image needs. */
static void
clean (const struct vmforge_root *root)
{
  static const char *const files[] = {
      "var/log/dpkg.log",
      "var/log/bootstrap.log",
      "var/log/alternatives.log",
      "var/lib/dpkg/status-old",
      "var/lib/dpkg/available-old",
      "var/lib/dpkg/diversions-old",
      "var/lib/dpkg/statoverride-old",
      "var/cache/debconf/config.dat-old",
      "var/cache/debconf/templates.dat-old",
      "var/cache/apt/pkgcache.bin",
      "var/cache/apt/srcpkgcache.bin",
      "var/cache/ldconfig/aux-cache",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    pkg_remove (root, files[i]);
  static const char *const folders[] = {"var/log/apt", "var/cache/apt/archives", "var/lib/apt/lists"};
  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
    pkg_empty_folder (root, folders[i]);
}

static int
install (AptDpkg *dpkg, const Apt *apt, GPtrArray *groups, const struct vmforge_package_request *request,
         const struct vmforge_package *const *packages)
{
  GPtrArray *essential = g_ptr_array_index (groups, 0);
  gboolean bootstrap = (request->flags & VMFORGE_REQUEST_BOOTSTRAP) != 0;
  if (bootstrap && apt_bootstrap (dpkg->call, apt, dpkg->root, essential) < 0)
    return -1;
  /* grub-cloud would run grub-install, which needs the guest's own disk; apt_boot puts the file back. */
  pkg_remove (dpkg->root, ENABLE_GRUB);
  g_autoptr (GPtrArray) before = g_ptr_array_new (), after = g_ptr_array_new ();
  apt_order_removals (packages, request->remove, before, after);
  if (apt_initramfs_defer (dpkg) < 0 || remove_packages (dpkg, before, TRUE) < 0 ||
      install_groups (dpkg, groups) < 0 || remove_packages (dpkg, after, FALSE) < 0)
    return -1;
  return apt_initramfs_make (dpkg);
}

int
apt_install (void *handle, Call *call, const struct vmforge_root *root,
             const struct vmforge_package_request *request, const struct vmforge_package *const *packages)
{
  const Apt *apt = handle;
  g_autofree char *cache = g_path_get_dirname (apt->cache_path);
  AptDpkg dpkg = {.call = call, .root = root, .cache = cache};
  g_autoptr (GPtrArray) groups = apt_order_groups (packages);
  for (guint i = 0; i < groups->len; i++)
    dpkg.steps += 2 * ((GPtrArray *)g_ptr_array_index (groups, i))->len;
  int result = dpkg.steps == 0 && packages[0] == NULL ? 0 : install (&dpkg, apt, groups, request, packages);
  if (result == 0)
    result = mark_automatic (call, apt, root, request, packages);
  if (result == 0)
    result = apt_sources_for_image (call, apt, root, request);
  clean (root);
  return result;
}

static int
emit_installed (void *user, int stream, const char *line)
{
  Call *call = user;
  if (stream != 1)
    return 0;
  g_auto (GStrv) words = g_strsplit (line, "\t", 5);
  if (g_strv_length (words) < 5 || !g_str_equal (words[0], "installed"))
    return 0;
  struct vmforge_package package = {.size = sizeof package,
                                    .id = words[1],
                                    .name = words[1],
                                    .version = words[2],
                                    .arch = words[3],
                                    .installed_size = g_ascii_strtoull (words[4], NULL, 10) * 1024};
  return call->host->emit_package (call, &package);
}

int
apt_manifest (void *handle, Call *call, const struct vmforge_root *root)
{
  const char *argv[] = {
      "dpkg-query", "--show",
      "--showformat=${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\t${Installed-Size}\\n",
      NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .line = emit_installed, .user = call};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox};
  return pkg_run (call, &program, &sandbox, VMFORGE_PLUGIN_FAILED, "'dpkg-query' in the image");
}
