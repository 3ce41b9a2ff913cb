/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/config.h"

#include "spec/node.h"
#include "spec/schema.h"
#include "support/paths.h"
#include "support/units.h"

#define DEFAULT_STORE       "/var/lib/vmforge"
#define DEFAULT_KEEP_IMAGES 3
#define DEFAULT_EXPIRES     (30 * 24 * 60 * 60) /* seconds */
#define MIN_EXPIRES         (60 * 60)
#define MAX_EXPIRES         (10 * 366 * 24 * 60 * 60)

void
vf_config_free (VfConfig *config)
{
  if (config == NULL)
    return;
  g_free (config->store);
  g_free (config->storage);
  g_free (config->transport);
  g_strfreev (config->policy_roles);
  g_strfreev (config->policy_keys);
  g_free (config);
}

static void
read_policy (const VfNode *policy, VfConfig *config)
{
  static const char *const usual[] = {"service", NULL};
  const VfNode *require = vf_node_get (policy, "require"), *keys = vf_node_get (policy, "keys");
  config->policy_roles = require == NULL ? g_strdupv ((char **)usual) : vf_node_dup_texts (require);
  config->policy_keys = keys == NULL ? NULL : vf_node_dup_texts (keys);
}

static gboolean
read_repository (const VfNode *repository, VfConfig *config, GError **error)
{
  const VfNode *expires = vf_node_get (repository, "expires");
  guint64 seconds = DEFAULT_EXPIRES;
  if (expires != NULL &&
      (!vf_units_parse_duration (expires->text, &seconds) || seconds < MIN_EXPIRES || seconds > MAX_EXPIRES))
    return vf_node_error (expires, VMFORGE_ERROR_SPEC, error,
                          "'expires' is no time between one hour and ten years: '%s' (write one such as 30d)",
                          expires->text);
  config->repository_expires = (gint64)seconds;
  config->repository_packs = vf_node_get_bool (repository, "packs", TRUE);
  return TRUE;
}

static VfConfig *
config_from_node (const VfNode *root, GError **error)
{
  g_autoptr (VfConfig) config = g_new0 (VfConfig, 1);
  config->store = g_strdup (vf_node_get_text (root, "store", DEFAULT_STORE));
  config->storage = g_strdup (vf_node_get_text (root, "storage", vf_paths_default_storage ()));
  config->transport = g_strdup (vf_node_get_text (root, "transport", vf_paths_default_transport ()));
  config->keep_images = (int)vf_node_get_int (root, "keep_images", DEFAULT_KEEP_IMAGES);
  read_policy (vf_node_get (root, "policy"), config);
  if (!read_repository (vf_node_get (root, "repository"), config, error))
    return NULL;
  const VfNode *limit = vf_node_get (root, "store_limit");
  if (limit != NULL && !vf_units_parse_limit (limit->text, &config->store_limit)) {
    vf_node_error (limit, VMFORGE_ERROR_SPEC, error,
                   "'store_limit' is no size: '%s' (write one such as 200GiB)", limit->text);
    return NULL;
  }
  return g_steal_pointer (&config);
}

VfConfig *
vf_config_load (const char *path, GError **error)
{
  const char *file = path == NULL ? vf_paths_config_file () : path;
  if (!g_file_test (file, G_FILE_TEST_EXISTS))
    return config_from_node (NULL, error);
  g_autoptr (VfNode) root = vf_node_read (file, error);
  if (root == NULL || !vf_schema_check (vf_schema_config (), root, error))
    return NULL;
  return config_from_node (root, error);
}
