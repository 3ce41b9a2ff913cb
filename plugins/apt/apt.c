/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "apt.h"

struct json_object *
apt_setting (const Apt *apt, const char *key)
{
  struct json_object *section, *value;
  if (json_object_object_get_ex (apt->profile, "settings", &section) &&
      json_object_object_get_ex (section, key, &value))
    return value;
  return NULL;
}

const char *
apt_setting_text (const Apt *apt, const char *key, const char *fallback)
{
  struct json_object *value = apt_setting (apt, key);
  return value == NULL ? fallback : json_object_get_string (value);
}

static void
apt_close (void *handle)
{
  Apt *apt = handle;
  json_object_put (apt->profile);
  apt_host_free (apt->host);
  g_free (apt->release_copy);
  g_free (apt->arch);
  g_free (apt->package_arch);
  g_free (apt->cache_path);
  g_strfreev (apt->mirrors);
  g_free (apt);
}

static int
apt_open (Call *call, const struct vmforge_package_config *config, void **handle)
{
  Apt *apt = g_new0 (Apt, 1);
  apt->host = apt_host_new ();
  apt->profile = json_tokener_parse (config->profile);
  apt->release = apt->release_copy = g_strdup (config->release);
  apt->arch = g_strdup (config->arch);
  apt->cache_path = g_strdup (config->cache_path);
  apt->mirrors = g_strdupv ((char **)config->mirrors);
  apt->offline = (config->flags & VMFORGE_CONFIG_OFFLINE) != 0;
  struct json_object *arch = NULL;
  if (apt->profile != NULL && json_object_object_get_ex (apt->profile, "package_arch", &arch))
    apt->package_arch = g_strdup (json_object_get_string (arch));
  struct json_object *snapshot = NULL;
  if (apt->profile != NULL && json_object_object_get_ex (apt->profile, "snapshot", &snapshot))
    apt->snapshot = json_object_get_string (snapshot);
  if (apt->package_arch == NULL || apt_setting (apt, "mirror") == NULL) {
    apt_close (apt);
    return pkg_fail (call, VMFORGE_PLUGIN_INVALID,
                     "the profile lacks 'package_arch' or 'settings: {mirror: …}'");
  }
  pkg_sweep_cache (apt->cache_path);
  *handle = apt;
  return 0;
}

static const struct vmforge_package_backend backend = {
    .size = sizeof backend,
    .cache_version = 2,
    .open = apt_open,
    .close = apt_close,
    .refresh = apt_refresh,
    .resolve = apt_resolve,
    .fetch = apt_fetch,
    .install = apt_install,
    .manifest = apt_manifest,
    .boot = apt_boot,
    .build_time = apt_build_time,
    .metadata_date = apt_metadata_date,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_PACKAGE, sizeof (struct vmforge_package_backend), .name = "apt",
                .version = APT_VERSION,
                .description = "Debian and derivatives: apt resolves and fetches, dpkg installs",
                .license = "LGPL-2.1-or-later", .package = &backend);
