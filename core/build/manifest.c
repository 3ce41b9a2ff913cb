/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/manifest.h"

#include "plugin/call.h"
#include "support/digest.h"

/* The package that was planned, if it is the one that is there: a step of the spec may have changed it. */
static const VfPackage *
find_planned (GHashTable *planned, VfJson *package)
{
  const VfPackage *found = g_hash_table_lookup (planned, vf_json_string (package, "id", ""));
  return found != NULL && g_str_equal (found->pub.version, vf_json_string (package, "version", "")) &&
                 g_str_equal (found->pub.arch, vf_json_string (package, "arch", ""))
             ? found
             : NULL;
}

/* What the root filesystem itself says is installed knows nothing of the archives that it came from: their
 * digests are those of the plan, and of the stages' keys. */
static VfJson *
list_packages (VfJson *there, GPtrArray *installed)
{
  g_autoptr (GHashTable) planned = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < installed->len; i++) {
    const VfPackage *package = g_ptr_array_index (installed, i);
    g_hash_table_insert (planned, (gpointer)package->pub.id, (gpointer)package);
  }
  VfJson *list = json_object_new_array ();
  for (gsize i = 0; i < json_object_array_length (there); i++) {
    VfJson *package = NULL;
    json_object_deep_copy (json_object_array_get_idx (there, i), &package, NULL);
    const VfPackage *found = find_planned (planned, package);
    if (found != NULL && found->pub.digest != NULL)
      vf_json_set_string (package, "digest", found->pub.digest);
    json_object_array_add (list, package);
  }
  return list;
}

VfJson *
vf_manifest_make (const VfPlan *plan, const VfStage *last)
{
  const VmforgeSpec *spec = plan->spec;
  VfJson *manifest = json_object_new_object ();
  vf_json_set_int (manifest, "format", 1);
  vf_json_set_string (manifest, "name", spec->name);
  vf_json_set_string (manifest, "version", spec->version);
  vf_json_set_string (manifest, "arch", spec->profile->arch);
  VfJson *distro = json_object_new_object ();
  vf_json_set_string (distro, "id", spec->profile->id);
  vf_json_set_string (distro, "release", spec->profile->release);
  if (spec->profile->purl != NULL)
    vf_json_set_string (distro, "purl", spec->profile->purl);
  vf_json_set (manifest, "distro", distro);
  g_autoptr (VfJson) written = vf_node_to_json (spec->root);
  g_autofree char *text = vf_json_canonical (written);
  g_autofree char *digest = vf_digest_text (text);
  vf_json_set_string (manifest, "spec_digest", digest);
  VfJson *stages = json_object_new_object ();
  for (guint i = 0; i < plan->n_stages; i++)
    vf_json_set_string (stages, vmforge_stage_name (plan->stages[i]->kind), plan->stages[i]->key);
  vf_json_set (manifest, "stages", stages);
  vf_json_set_string (manifest, "stage", last->key);
  vf_json_set_int (manifest, "bytes", (gint64)last->bytes);
  if (last->index != NULL)
    vf_json_set_string (manifest, "root", last->index);
  if (plan->lock != NULL)
    vf_json_set_string (manifest, "lock_digest", plan->lock->digest);
  vf_json_set_string (manifest, "builder", "vmforge " VMFORGE_VERSION);
  /* The stage's time, not this moment's: publishing the same image again is the same image. */
  vf_json_set_int (manifest, "created", last->built);
  vf_json_set_bool (manifest, "reproducible", plan->stages[plan->n_stages - 1]->reproducible);
  VfJson *packages = vf_json_array (last->json, "packages");
  if (packages != NULL)
    vf_json_set (manifest, "packages", list_packages (packages, plan->stages[plan->n_stages - 1]->installed));
  return manifest;
}
