/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What dnf is told: the repositories of the profile and of the spec, and keys for each. */
#include "yum.h"

#include <errno.h>
#include <unistd.h>

#define HOOK "hook"
static const char hook[] =
#include "hook.h"
    ;

void
yum_config_free (YumConfig *config)
{
  if (config->fd >= 0)
    close (config->fd);
  g_free (config->path);
  g_free (config->identity);
  g_free (config->root);
  g_ptr_array_unref (config->ids);
  g_ptr_array_unref (config->keys);
  g_free (config);
}

/* The command that resolves is a plugin of dnf's. */
static char *
place_hook (Call *call, const Yum *yum)
{
  g_autofree char *folder = g_build_filename (yum->cache_path, HOOK, NULL);
  g_autofree char *path = g_build_filename (folder, "vmforge.py", NULL), *there = NULL;
  g_autoptr (GError) failure = NULL;
  if (g_file_get_contents (path, &there, NULL, NULL) && g_str_equal (there, hook))
    return g_steal_pointer (&folder);
  if (g_mkdir_with_parents (folder, 0755) == 0 && g_file_set_contents (path, hook, -1, &failure))
    return g_steal_pointer (&folder);
  pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot write '%s': %s", path,
            failure == NULL ? g_strerror (errno) : failure->message);
  return NULL;
}

/* ---- repositories */

/* A line of the configuration ends where the text does. */
static gboolean
is_clean (const char *text)
{
  return text != NULL && *text != '\0' && strpbrk (text, "\n\r\t ") == NULL;
}

static void
add_keys (GString *text, GPtrArray *keys)
{
  g_string_append (text, "gpgkey=");
  for (guint i = 0; i < keys->len; i++)
    g_string_append_printf (text, "%sfile://%s", i == 0 ? "" : " ", (char *)g_ptr_array_index (keys, i));
  g_string_append_c (text, '\n');
}

/* The user's mirrors, or else the profile's, stand for its `mirror`; a repository is a path below it. */
static void
add_bases (GString *text, const Yum *yum, const char *mirror, const char *path)
{
  const char *const own[] = {mirror, NULL};
  g_string_append (text, "baseurl=");
  for (const char *const *base = yum->mirrors == NULL ? own : (const char *const *)yum->mirrors;
       *base != NULL; base++)
    g_string_append_printf (text, "%s%s%s ", *base, g_str_has_suffix (*base, "/") ? "" : "/", path);
  g_string_append_c (text, '\n');
}

static int
add_origin (Call *call, const Yum *yum, GString *text, struct json_object *repository)
{
  static const char *const lists[] = {"metalink", "mirrorlist"};
  const char *mirror = yum_setting_text (yum, "mirror", NULL), *path = yum_text (repository, "path");
  for (gsize i = 0; yum->mirrors == NULL && i < G_N_ELEMENTS (lists); i++) {
    const char *url = yum_text (repository, lists[i]);
    if (is_clean (url)) {
      g_string_append_printf (text, "%s=%s\n", lists[i], url);
      return 0;
    }
  }
  if (path == NULL || (mirror == NULL && yum->mirrors == NULL))
    return pkg_fail (
        call, VMFORGE_PLUGIN_INVALID,
        "repository '%s' of the profile needs 'path' and a 'mirror' in the settings, 'metalink' or "
        "'mirrorlist'",
        yum_text (repository, "id"));
  add_bases (text, yum, mirror, path);
  return 0;
}

static int
add_of_profile (Call *call, const Yum *yum, GString *text, YumConfig *config)
{
  struct json_object *all = yum_setting (yum, "repositories"),
                     *signed_too = yum_setting (yum, "repo_gpgcheck");
  for (gsize i = 0; i < json_object_array_length (all); i++) {
    struct json_object *repository = json_object_array_get_idx (all, i);
    const char *id = yum_text (repository, "id"), *excluded = yum_text (repository, "exclude");
    if (!is_clean (id))
      return pkg_fail (call, VMFORGE_PLUGIN_INVALID, "a repository of the profile has no 'id'");
    g_string_append_printf (text, "[%s]\nname=%s\nrepo_gpgcheck=%d\n", id, id,
                            signed_too != NULL && json_object_get_boolean (signed_too));
    if (excluded != NULL)
      g_string_append_printf (text, "excludepkgs=%s\n", excluded);
    if (add_origin (call, yum, text, repository) < 0)
      return -1;
    add_keys (text, config->keys);
    g_ptr_array_add (config->ids, g_strdup (id));
  }
  return 0;
}

static int
add_of_spec (Call *call, const Yum *yum, GString *text, YumConfig *config,
             const struct vmforge_repository *const *repositories)
{
  for (; repositories != NULL && *repositories != NULL; repositories++) {
    const struct vmforge_repository *repository = *repositories;
    if (!is_clean (repository->url) || !is_clean (repository->name))
      return pkg_fail (call, VMFORGE_PLUGIN_INVALID, "'%s' is no URL of a repository", repository->url);
    char *key = yum_key_copy (call, yum, repository->key_path, repository->key_digest);
    if (key == NULL)
      return -1;
    char *id = g_strconcat ("spec-", repository->name, NULL);
    g_ptr_array_add (config->ids, id);
    g_ptr_array_add (config->keys, key);
    g_string_append_printf (text, "[%s]\nname=%s\nbaseurl=%s\ngpgkey=file://%s\n", id, repository->name,
                            repository->url, key);
  }
  return 0;
}

static char *
make_main (const Yum *yum, const char *hooks)
{
  struct json_object *weak = yum_setting (yum, "weak_dependencies");
  const char *excluded = yum_setting_text (yum, "exclude", "");
  return g_strdup_printf ("[main]\n"
                          "gpgcheck=1\n"
                          "localpkg_gpgcheck=1\n"
                          "best=1\n"
                          "skip_if_unavailable=0\n"
                          "install_weak_deps=%d\n"
                          "excludepkgs=%s\n"
                          "tsflags=\n"
                          "plugins=1\n"
                          "pluginpath=%s\n"
                          "pluginconfpath=/dev/null\n"
                          "reposdir=/dev/null\n"
                          "varsdir=/dev/null\n"
                          "logfilelevel=0\n"
                          "countme=0\n"
                          "fastestmirror=0\n"
                          "metadata_expire=-1\n", /* only a refresh asks */
                          weak != NULL && json_object_get_boolean (weak), excluded, hooks);
}

static YumConfig *
fill (Call *call, const Yum *yum, YumConfig *config, const struct vmforge_repository *const *repositories)
{
  g_autofree char *hooks = place_hook (call, yum);
  config->keys = yum_keys (call, yum);
  if (hooks == NULL || config->keys == NULL) {
    config->keys = config->keys == NULL ? g_ptr_array_new () : config->keys;
    return NULL;
  }
  g_autofree char *start = make_main (yum, hooks);
  g_autoptr (GString) text = g_string_new (NULL);
  if (add_of_profile (call, yum, text, config) < 0 || add_of_spec (call, yum, text, config, repositories) < 0)
    return NULL;
  config->identity = g_strdup (text->str);
  /* Other repositories are another sack: dnf keeps solved files of each beside the metadata. */
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text->str, -1);
  config->root = g_strdup_printf ("%s/metadata-%s-%.16s", yum->cache_path, yum->package_arch, digest);
  g_string_prepend (text, start);
  config->fd = pkg_memfd ("dnf.conf", text->str);
  if (config->fd < 0 || g_mkdir_with_parents (config->root, 0755) < 0) {
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s': %s", config->root, g_strerror (errno));
    return NULL;
  }
  config->path = pkg_memfd_path (config->fd);
  return config;
}

YumConfig *
yum_config_new (Call *call, const Yum *yum, const struct vmforge_repository *const *repositories)
{
  g_autoptr (YumConfig) config = g_new0 (YumConfig, 1);
  config->fd = -1;
  config->ids = g_ptr_array_new_with_free_func (g_free);
  return fill (call, yum, config, repositories) == NULL ? NULL : g_steal_pointer (&config);
}
