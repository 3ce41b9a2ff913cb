/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "yum.h"

struct json_object *
yum_setting (const Yum *yum, const char *key)
{
  struct json_object *section, *value;
  if (json_object_object_get_ex (yum->profile, "settings", &section) &&
      json_object_object_get_ex (section, key, &value))
    return value;
  return NULL;
}

const char *
yum_text (struct json_object *object, const char *key)
{
  struct json_object *value;
  if (!json_object_object_get_ex (object, key, &value) || !json_object_is_type (value, json_type_string))
    return NULL;
  return json_object_get_string (value);
}

const char *
yum_setting_text (const Yum *yum, const char *key, const char *fallback)
{
  struct json_object *value = yum_setting (yum, key);
  return value == NULL ? fallback : json_object_get_string (value);
}

static void
yum_close (void *handle)
{
  Yum *yum = handle;
  json_object_put (yum->profile);
  g_free (yum->release);
  g_free (yum->arch);
  g_free (yum->package_arch);
  g_free (yum->cache_path);
  g_strfreev (yum->mirrors);
  g_free (yum);
}

/* Without keys nothing can be verified, and nothing is taken unverified. */
static int
check_profile (Call *call, const Yum *yum)
{
  struct json_object *keys = yum_setting (yum, "keys"), *repositories = yum_setting (yum, "repositories");
  if (yum->package_arch == NULL || !json_object_is_type (repositories, json_type_array) ||
      json_object_array_length (repositories) == 0)
    return pkg_fail (call, VMFORGE_PLUGIN_INVALID,
                     "the profile lacks 'package_arch' or 'settings: {repositories: […]}'");
  if (!json_object_is_type (keys, json_type_array) || json_object_array_length (keys) == 0)
    return pkg_fail (call, VMFORGE_PLUGIN_INVALID,
                     "the profile has no keys for release '%s', and unsigned packages are not installed: put "
                     "'settings: {keys: [{path: FILE, fingerprint: …}]}' into a profile of your own",
                     yum->release);
  return 0;
}

static int
yum_open (Call *call, const struct vmforge_package_config *config, void **handle)
{
  Yum *yum = g_new0 (Yum, 1);
  yum->profile = json_tokener_parse (config->profile);
  yum->release = g_strdup (config->release);
  yum->package_arch = g_strdup (yum_text (yum->profile, "package_arch"));
  yum->arch = g_strdup (config->arch);
  yum->cache_path = g_strdup (config->cache_path);
  yum->mirrors = g_strdupv ((char **)config->mirrors);
  yum->offline = (config->flags & VMFORGE_CONFIG_OFFLINE) != 0;
  if (check_profile (call, yum) < 0) {
    yum_close (yum);
    return -1;
  }
  pkg_sweep_cache (yum->cache_path);
  *handle = yum;
  return 0;
}

/* What unpacks the first root filesystem. */
static const char *const tools[] = {"bsdtar", NULL};

static const struct vmforge_package_backend backend = {
    .size = sizeof backend,
    .cache_version = 1,
    .open = yum_open,
    .close = yum_close,
    .refresh = yum_refresh,
    .resolve = yum_resolve,
    .fetch = yum_fetch,
    .install = yum_install,
    .manifest = yum_manifest,
    .boot = yum_boot,
    .tools = tools,
    .build_time = yum_build_time,
    .metadata_date = yum_metadata_date,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_PACKAGE, sizeof (struct vmforge_package_backend), .name = "yum",
                .version = YUM_VERSION, .description = "the RPM family: dnf resolves, rpm installs",
                .license = "LGPL-2.1-or-later", .package = &backend);
