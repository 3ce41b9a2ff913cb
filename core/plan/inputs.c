/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plan/inputs.h"

#include "support/digest.h"
#include "support/error.h"

#include <sys/stat.h>

static VfJson *
strv_to_json (char **strings)
{
  return vf_json_from_strv ((const char *const *)strings);
}

static void
set_optional (VfJson *object, const char *key, const char *value)
{
  if (value != NULL)
    vf_json_set_string (object, key, value);
}

VfJson *
vf_inputs_repositories (GPtrArray *repositories, gboolean with_paths)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < repositories->len; i++) {
    const struct vmforge_repository *repository = g_ptr_array_index (repositories, i);
    VfJson *item = json_object_new_object ();
    vf_json_set_string (item, "url", repository->url);
    set_optional (item, "suite", repository->suite);
    if (repository->components != NULL)
      vf_json_set (item, "components", vf_json_from_strv (repository->components));
    vf_json_set_string (item, "key_digest", repository->key_digest);
    vf_json_set_string (item, "name", repository->name);
    if (with_paths)
      vf_json_set_string (item, "key_path", repository->key_path);
    json_object_array_add (list, item);
  }
  return list;
}

VfJson *
vf_inputs_users (const VfSpecStage *stage)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < stage->users->len; i++) {
    const VfSpecUser *user = g_ptr_array_index (stage->users, i);
    VfJson *item = json_object_new_object ();
    vf_json_set_string (item, "name", user->name);
    set_optional (item, "password", user->password);
    vf_json_set (item, "groups", strv_to_json (user->groups));
    vf_json_set (item, "ssh_keys", strv_to_json (user->ssh_keys));
    set_optional (item, "shell", user->shell);
    set_optional (item, "home", user->home);
    set_optional (item, "gecos", user->gecos);
    vf_json_set_int (item, "uid", user->uid);
    vf_json_set_bool (item, "system", user->system);
    json_object_array_add (list, item);
  }
  return list;
}

/* Content and, unless the spec sets it, mode; of a folder both are in the digest of its tree. */
static gboolean
add_source (VfJson *item, const VfSpecFile *file, GError **error)
{
  struct stat st;
  if (stat (file->from, &st) < 0)
    return vf_error_set_errno (error, "cannot read '%s'", file->from);
  gboolean folder = S_ISDIR (st.st_mode);
  g_autofree char *digest = folder ? vf_inputs_tree_digest (file->from, file->mode < 0, error)
                                   : vf_digest_file (-1, file->from, error);
  if (digest == NULL)
    return FALSE;
  vf_json_set_string (item, folder ? "tree" : "digest", digest);
  if (!folder && file->mode < 0)
    vf_json_set_int (item, "mode", st.st_mode & 07777);
  return TRUE;
}

static VfJson *
file_to_json (const VfSpecFile *file, GError **error)
{
  g_autoptr (VfJson) item = json_object_new_object ();
  vf_json_set_int (item, "mode", file->mode);
  if (file->from != NULL && !add_source (item, file, error))
    return NULL;
  set_optional (item, "content", file->content);
  set_optional (item, "link", file->link);
  vf_json_set_string (item, "to", file->to);
  set_optional (item, "owner", file->owner);
  return g_steal_pointer (&item);
}

VfJson *
vf_inputs_files (const VfSpecStage *stage, GError **error)
{
  g_autoptr (VfJson) list = json_object_new_array ();
  for (guint i = 0; i < stage->files->len; i++) {
    VfJson *item = file_to_json (g_ptr_array_index (stage->files, i), error);
    if (item == NULL)
      return NULL;
    json_object_array_add (list, item);
  }
  return g_steal_pointer (&list);
}

VfJson *
vf_inputs_run (const VfSpecStage *stage, gboolean with_label)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < stage->run->len; i++) {
    const VfSpecRun *run = g_ptr_array_index (stage->run, i);
    VfJson *item = json_object_new_object ();
    set_optional (item, "command", run->command);
    if (run->script_text != NULL)
      json_object_object_add (item, "script",
                              json_object_new_string_len (run->script_text, (int)run->script_length));
    vf_json_set_bool (item, "network", run->network);
    if (with_label) {
      g_autofree char *label =
          g_strdup_printf ("run[%u] (%s:%d:%d)", i, run->node->file, run->node->line, run->node->column);
      vf_json_set_string (item, "label", label);
    }
    json_object_array_add (list, item);
  }
  return list;
}

static VfJson *
network_to_json (GPtrArray *network)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < network->len; i++) {
    const VfSpecInterface *interface = g_ptr_array_index (network, i);
    VfJson *item = json_object_new_object ();
    set_optional (item, "match", interface->match);
    vf_json_set_bool (item, "dhcp", interface->dhcp);
    vf_json_set (item, "addresses", strv_to_json (interface->addresses));
    set_optional (item, "gateway", interface->gateway);
    vf_json_set (item, "dns", strv_to_json (interface->dns));
    json_object_array_add (list, item);
  }
  return list;
}

VfJson *
vf_inputs_system (const VmforgeSpec *spec, VmforgeStageKind kind)
{
  VfJson *system = json_object_new_object ();
  /* Core is bootable and reachable by itself; what the spec says of this one machine comes last, where a
   * change is cheap. */
  if (kind == VMFORGE_STAGE_CORE) {
    vf_json_set_string (system, "hostname", spec->profile->default_hostname);
    vf_json_set (system, "network", json_object_new_array ());
    vf_json_set_string (system, "network_backend", spec->profile->network_backend);
  }
  if (kind != VMFORGE_STAGE_APPLIANCE)
    return system;
  set_optional (system, "hostname", spec->hostname);
  set_optional (system, "locale", spec->locale);
  set_optional (system, "timezone", spec->timezone);
  if (spec->network->len > 0) {
    vf_json_set (system, "network", network_to_json (spec->network));
    vf_json_set_string (system, "network_backend", spec->profile->network_backend);
  }
  return system;
}

VfJson *
vf_inputs_profile (const VfProfile *profile)
{
  VfJson *json = vf_node_to_json (profile->node);
  /* Roles and bootstrap packages act through the resolved packages, names and disk through members of their
   * own, URLs of snapshots as mirrors do: by what they serve. Package URLs are in manifests alone. What is
   * left (kernel arguments, sources, the plugin's settings) is written into the image. */
  static const char *const elsewhere[] = {"roles",    "bootstrap_packages", "name",      "disk",
                                          "hostname", "network_backend",    "snapshots", "purl"};
  for (gsize i = 0; i < G_N_ELEMENTS (elsewhere); i++)
    json_object_object_del (json, elsewhere[i]);
  return json;
}

VfJson *
vf_inputs_mkfs (const VmforgeSpec *spec)
{
  return strv_to_json (spec->profile->filesystem_features);
}

VfJson *
vf_inputs_disk (const VmforgeSpec *spec, VmforgeStageKind kind, guint64 bytes)
{
  VfJson *disk = json_object_new_object ();
  vf_json_set_int (disk, "bytes", (gint64)bytes);
  if (kind == VMFORGE_STAGE_CORE) {
    vf_json_set_string (disk, "filesystem", spec->filesystem);
    vf_json_set (disk, "mkfs", vf_inputs_mkfs (spec));
    vf_json_set_int (disk, "firmware", spec->firmware);
  }
  return disk;
}
