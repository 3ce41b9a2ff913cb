/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/spec.h"

#include "spec/merge.h"
#include "spec/schema.h"
#include "spec/snapshot.h"
#include "spec/spec-private.h"
#include "support/error.h"
#include "vmforge/plugin.h"

#include <string.h>

#define DEFAULT_ARCH    "x86_64"
#define DEFAULT_VERSION "0"
#define DEFAULT_FORMAT  "raw"

const char *
vmforge_stage_name (VmforgeStageKind stage)
{
  static const char *const names[] = {
      [VMFORGE_STAGE_CORE] = "core",
      [VMFORGE_STAGE_BASE] = "base",
      [VMFORGE_STAGE_IMAGE] = "image",
      [VMFORGE_STAGE_APPLIANCE] = "appliance",
  };
  g_return_val_if_fail ((guint)stage < G_N_ELEMENTS (names), NULL);
  return names[stage];
}

void
vmforge_spec_free (VmforgeSpec *spec)
{
  if (spec == NULL)
    return;
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    vf_spec_stage_clear (&spec->stages[i]);
  vf_profile_free (spec->profile);
  g_free (spec->path);
  g_free (spec->name);
  g_free (spec->version);
  g_free (spec->filesystem);
  g_strfreev (spec->mirrors);
  g_free (spec->hostname);
  g_free (spec->locale);
  g_free (spec->timezone);
  g_clear_pointer (&spec->network, g_ptr_array_unref);
  g_strfreev (spec->kernel_arguments);
  g_strfreev (spec->formats);
  vf_node_free (spec->root);
  g_free (spec);
}

const char *
vmforge_spec_get_name (const VmforgeSpec *spec)
{
  return spec->name;
}

static gboolean
read_disk (VmforgeSpec *spec, GError **error)
{
  const VfNode *disk = vf_node_get (spec->root, "disk");
  const VfNode *filesystem = vf_node_get (disk, "filesystem");
  const VfNode *firmware = vf_node_get (disk, "firmware");
  for (guint i = 0; i < vf_node_length (firmware); i++)
    spec->firmware |=
        strcmp (vf_node_at (firmware, i)->text, "bios") == 0 ? VMFORGE_FIRMWARE_BIOS : VMFORGE_FIRMWARE_UEFI;
  if (firmware == NULL)
    spec->firmware = VMFORGE_FIRMWARE_BIOS | VMFORGE_FIRMWARE_UEFI;
  spec->filesystem = g_strdup (filesystem == NULL ? spec->profile->default_filesystem : filesystem->text);
  return filesystem == NULL ||
         vf_profile_choose_filesystem (spec->profile, filesystem->text, filesystem, error);
}

static gboolean
read_mirrors (VmforgeSpec *spec, GError **error)
{
  const VfNode *mirrors = vf_node_get (spec->root, "mirrors");
  for (guint i = 0; i < vf_node_length (mirrors); i++)
    if (!vf_spec_check_url (vf_node_at (mirrors, i), error) ||
        !vf_snapshot_check_url (spec->profile, vf_node_at (mirrors, i), "mirror", error))
      return FALSE;
  spec->mirrors = vf_node_length (mirrors) == 0 ? NULL : vf_node_dup_texts (mirrors);
  return TRUE;
}

static void
read_formats (VmforgeSpec *spec)
{
  const VfNode *list = vf_node_get (vf_node_get (spec->root, "output"), "formats");
  g_autoptr (GPtrArray) formats = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < vf_node_length (list); i++)
    g_ptr_array_add (formats, g_strdup (vf_node_at (list, i)->text));
  if (formats->len == 0)
    g_ptr_array_add (formats, g_strdup (DEFAULT_FORMAT));
  spec->formats = vf_spec_steal_words (&formats);
}

static gboolean
read_distro (VmforgeSpec *spec, GError **error)
{
  const VfNode *distro = vf_node_get (spec->root, "distro");
  spec->profile =
      vf_profile_load (vf_node_get_text (distro, "id", NULL), vf_node_get_text (distro, "release", NULL),
                       vf_node_get_text (distro, "arch", DEFAULT_ARCH), distro, error);
  return spec->profile != NULL;
}

static gboolean
read_stages (const VfSpecLoader *loader, GError **error)
{
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    if (!vf_spec_read_stage (loader, (VmforgeStageKind)i, error))
      return FALSE;
  return TRUE;
}

VmforgeSpec *
vf_spec_from_node (VfNode *root, VfSpecFlags flags, GError **error)
{
  g_autoptr (VmforgeSpec) spec = g_new0 (VmforgeSpec, 1);
  g_autoptr (GHashTable) repositories = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const VfSpecLoader loader = {
      .spec = spec, .without_files = (flags & VF_SPEC_WITHOUT_FILES) != 0, .repositories = repositories};
  spec->root = root;
  if (!vf_schema_check (vf_schema_spec (), root, error) || !read_distro (spec, error))
    return NULL;
  spec->path = g_canonicalize_filename (root->file, NULL);
  spec->name = g_strdup (vf_node_get_text (root, "name", NULL));
  spec->version = g_strdup (vf_node_get_text (root, "version", DEFAULT_VERSION));
  read_formats (spec);
  if (!read_disk (spec, error) || !read_mirrors (spec, error) || !read_stages (&loader, error) ||
      !vf_spec_read_sizes (&loader, error) || !vf_spec_read_system (&loader, error))
    return NULL;
  return g_steal_pointer (&spec);
}

VmforgeSpec *
vmforge_spec_load (const char *path, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  VfNode *root =
      vf_error_check_utf8 ("the path of the spec", absolute, error) ? vf_merge_read (path, error) : NULL;
  return root == NULL ? NULL : vf_spec_from_node (root, 0, error);
}
