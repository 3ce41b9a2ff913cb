/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/engine.h"

#include "build/job.h"
#include "plan/inputs.h"
#include "support/error.h"

static void
add_distribution (VfJson *job, const VfEngine *engine, const VmforgeSpec *spec)
{
  const VfProfile *profile = spec->profile;
  g_autofree char *cache = g_build_filename (engine->store->path, "cache", profile->plugin, NULL);
  vf_json_set_string (job, "plugin", profile->plugin);
  vf_json_set (job, "profile", vf_node_to_json (profile->node));
  vf_json_set_string (job, "release", profile->release);
  vf_json_set_string (job, "arch", profile->arch);
  vf_json_set_string (job, "cache", cache);
  if (spec->mirrors != NULL)
    vf_json_set (job, "mirrors", vf_json_from_strv ((const char *const *)spec->mirrors));
}

static void
add_disk (VfJson *job, const VfPlan *plan, const VfPlanStage *stage)
{
  const VmforgeSpec *spec = stage->spec;
  vf_json_set_string (job, "core_key", plan->stages[0]->key);
  vf_json_set_int (job, "bytes", (gint64)stage->bytes);
  vf_json_set_string (job, "filesystem", spec->filesystem);
  vf_json_set (job, "mkfs", vf_inputs_mkfs (spec));
  vf_json_set_int (job, "firmware", spec->firmware);
}

static void
add_packages (VfJson *job, const VfPlanStage *stage)
{
  const VfSpecStage *wanted = &stage->spec->stages[stage->kind];
  VfJson *packages = json_object_new_array ();
  for (guint i = 0; i < stage->packages->len; i++)
    json_object_array_add (packages, vf_package_to_json (g_ptr_array_index (stage->packages, i), TRUE));
  vf_json_set (job, "packages", packages);
  vf_json_set (job, "repositories", vf_inputs_repositories (stage->repositories, TRUE));
  vf_json_set (job, "install", vf_json_from_strv ((const char *const *)wanted->packages));
  vf_json_set (job, "remove", vf_json_from_strv ((const char *const *)wanted->remove));
  guint64 before = stage->parent == NULL ? 0 : vf_plan_installed_size (stage->parent->installed);
  vf_json_set_int (job, "installed_size", (gint64)before);
}

/* The command line of the kernel: the profile's, then the spec's. */
static VfJson *
kernel_arguments (const VfPlanStage *stage)
{
  const VmforgeSpec *spec = stage->spec;
  VfJson *list = vf_json_from_strv ((const char *const *)spec->profile->kernel_arguments);
  for (char **argument = spec->kernel_arguments;
       stage->kind == VMFORGE_STAGE_APPLIANCE && argument != NULL && *argument != NULL; argument++)
    json_object_array_add (list, json_object_new_string (*argument));
  return list;
}

/* With the digests that the key was made of, however long ago: the worker refuses a file that changed since.
 */
static VfJson *
planned_files (const VfPlanStage *stage, GError **error)
{
  GPtrArray *wanted = stage->spec->stages[stage->kind].files;
  VfJson *files = NULL;
  if (json_object_deep_copy (vf_json_array (stage->inputs, "files"), &files, NULL) < 0) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "cannot copy the list of files");
    return NULL;
  }
  for (guint i = 0; i < wanted->len; i++) {
    const VfSpecFile *file = g_ptr_array_index (wanted, i);
    if (file->from != NULL)
      vf_json_set_string (json_object_array_get_idx (files, i), "from", file->from);
  }
  return files;
}

VfJson *
vf_engine_make_job (VfEngine *engine, const VfPlan *plan, const VfPlanStage *stage, const char *volume,
                    const char *parent_volume, GError **error)
{
  const VfSpecStage *wanted = &stage->spec->stages[stage->kind];
  g_autoptr (VfJson) job = json_object_new_object ();
  vf_json_set_int (job, "format", 1);
  vf_json_set_string (job, "store", engine->store->path);
  vf_json_set_string (job, "storage", vf_storage_get_setting (engine->store->storage));
  vf_json_set_string (job, "stage", vmforge_stage_name (stage->kind));
  vf_json_set_string (job, "key", stage->key);
  vf_json_set_string (job, "volume", volume);
  if (parent_volume != NULL)
    vf_json_set_string (job, "parent_volume", parent_volume);
  add_disk (job, plan, stage);
  add_distribution (job, engine, stage->spec);
  add_packages (job, stage);
  vf_json_set (job, "kernel_arguments", kernel_arguments (stage));
  vf_json_set_bool (job, "boot", vf_engine_needs_boot (stage));
  vf_json_set_bool (job, "initramfs", vf_engine_needs_initramfs (stage));
  vf_json_set (job, "system", vf_inputs_system (stage->spec, stage->kind));
  vf_json_set (job, "users", vf_inputs_users (wanted));
  VfJson *files = planned_files (stage, error);
  if (files == NULL)
    return NULL;
  vf_json_set (job, "files", files);
  vf_json_set (job, "run", vf_inputs_run (wanted, TRUE));
  vf_json_set_int (job, "source_date_epoch", engine->epoch);
  return g_steal_pointer (&job);
}
