/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plan/plan.h"

#include "plan/inputs.h"
#include "plan/lock.h"
#include "plan/resolve.h"
#include "plan/tools.h"
#include "support/digest.h"
#include "support/error.h"

static void
stage_free (VfPlanStage *stage)
{
  if (stage == NULL)
    return;
  g_free (stage->key);
  g_clear_pointer (&stage->inputs, vf_json_unref);
  g_clear_pointer (&stage->packages, g_ptr_array_unref);
  g_clear_pointer (&stage->installed, g_ptr_array_unref);
  g_clear_pointer (&stage->repositories, g_ptr_array_unref);
  g_free (stage);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPlanStage, stage_free)

void
vf_plan_free (VfPlan *plan)
{
  if (plan == NULL)
    return;
  for (guint i = 0; i < plan->n_stages; i++)
    stage_free (plan->stages[i]);
  vf_lockfile_free (plan->lock);
  g_free (plan);
}

guint64
vf_plan_installed_size (GPtrArray *packages)
{
  guint64 sum = 0;
  for (guint i = 0; i < packages->len; i++) {
    const VfPackage *package = g_ptr_array_index (packages, i);
    if ((package->pub.flags & VMFORGE_PACKAGE_REMOVE) == 0)
      sum += MIN (package->pub.installed_size, G_MAXUINT64 - sum); /* a lock may say anything */
  }
  return sum;
}

GPtrArray *
vf_plan_apply_packages (GPtrArray *before, GPtrArray *packages)
{
  g_autoptr (GHashTable) changed = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *after = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  for (guint i = 0; i < packages->len; i++) {
    const VfPackage *package = g_ptr_array_index (packages, i);
    g_hash_table_add (changed, (gpointer)package->pub.id);
    if ((package->pub.flags & VMFORGE_PACKAGE_REMOVE) == 0)
      g_ptr_array_add (after, vf_package_copy (&package->pub));
  }
  for (guint i = 0; before != NULL && i < before->len; i++) {
    const VfPackage *package = g_ptr_array_index (before, i);
    if (!g_hash_table_contains (changed, package->pub.id))
      g_ptr_array_add (after, vf_package_copy (&package->pub));
  }
  return after;
}

gboolean
vf_plan_explain_fetch (const VfPlan *plan, GError **error)
{
  if (plan->lock == NULL || error == NULL || !g_error_matches (*error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED))
    return FALSE;
  g_autofree char *said = g_steal_pointer (&(*error)->message);
  (*error)->message =
      g_strdup_printf ("%s; '%s' asks for it: find a mirror that has it, or run 'vmforge lock --update %s'",
                       said, plan->lock->path, plan->spec->path);
  return FALSE;
}

static void
repository_free (gpointer data)
{
  struct vmforge_repository *repository = data;
  g_free ((char *)repository->key_digest);
  g_free (repository);
}

GPtrArray *
vf_plan_collect_repositories (const VmforgeSpec *spec, VmforgeStageKind kind, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (repository_free);
  for (guint i = 0; i <= kind; i++) {
    GPtrArray *own = spec->stages[i].repositories;
    for (guint j = 0; j < own->len; j++) {
      const VfSpecRepository *from = g_ptr_array_index (own, j);
      char *digest = vf_digest_file (-1, from->key_path, error);
      if (digest == NULL)
        return NULL;
      struct vmforge_repository *to = g_new0 (struct vmforge_repository, 1);
      *to = (struct vmforge_repository){.size = sizeof *to,
                                        .url = from->url,
                                        .suite = from->suite,
                                        .components = (const char *const *)from->components,
                                        .key_path = from->key_path,
                                        .key_digest = digest,
                                        .name = from->name};
      g_ptr_array_add (all, to);
    }
  }
  return g_steal_pointer (&all);
}

static VfJson *
packages_to_json (GPtrArray *packages)
{
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < packages->len; i++) {
    VfPackage *package = g_ptr_array_index (packages, i);
    VfJson *item = json_object_new_object ();
    vf_json_set_string (item, "id", package->pub.id);
    vf_json_set_string (item, "version", package->pub.version);
    if (package->pub.digest != NULL)
      vf_json_set_string (item, "digest", package->pub.digest);
    /* The plugin acts on it; it follows from the archive, if nobody has changed it in a lock. */
    g_autofree char *data = package->pub.data == NULL ? NULL : vf_digest_text (package->pub.data);
    if (data != NULL)
      vf_json_set_string (item, "data", data);
    if ((package->pub.flags & VMFORGE_PACKAGE_REMOVE) != 0)
      vf_json_set_bool (item, "remove", TRUE);
    json_object_array_add (list, item);
  }
  return list;
}

static gboolean
add_plugin (VfJson *inputs, const VmforgeSpec *spec, GError **error)
{
  guint32 version;
  if (!vf_backend_get_facts (spec->profile->plugin, &version, NULL, error))
    return FALSE;
  VfJson *plugin = json_object_new_object ();
  vf_json_set_string (plugin, "name", spec->profile->plugin);
  vf_json_set_int (plugin, "cache_version", version);
  vf_json_set (inputs, "plugin", plugin);
  return TRUE;
}

/* Core alone: what the whole image inherits. */
static gboolean
add_core (VfJson *inputs, VfPlanContext const *context, const VmforgeSpec *spec, GError **error)
{
  const char *const *programs;
  if (!vf_backend_get_facts (spec->profile->plugin, NULL, &programs, error))
    return FALSE;
  VfJson *tools = vf_tools_versions (context->store, spec->filesystem, programs, error);
  if (tools == NULL)
    return FALSE;
  vf_json_set (inputs, "tools", tools);
  vf_json_set (inputs, "profile", vf_inputs_profile (spec->profile));
  if (spec->mirrors != NULL)
    vf_json_set (inputs, "mirrors", vf_json_from_strv ((const char *const *)spec->mirrors));
  const char *epoch = g_getenv ("SOURCE_DATE_EPOCH");
  if (epoch != NULL)
    vf_json_set_string (inputs, "source_date_epoch", epoch);
  return TRUE;
}

static VfJson *
describe_inputs (const VfPlanContext *context, const VfPlanStage *stage, GError **error)
{
  const VmforgeSpec *spec = stage->spec;
  const VfSpecStage *wanted = &spec->stages[stage->kind];
  g_autoptr (VfJson) inputs = json_object_new_object ();
  vf_json_set_int (inputs, "format", VF_PLAN_FORMAT);
  vf_json_set_string (inputs, "stage", vmforge_stage_name (stage->kind));
  if (stage->parent != NULL)
    vf_json_set_string (inputs, "parent", stage->parent->key);
  else if (!add_core (inputs, context, spec, error))
    return NULL;
  if (!add_plugin (inputs, spec, error))
    return NULL;
  vf_json_set (inputs, "disk", vf_inputs_disk (spec, stage->kind, stage->bytes));
  /* Names as well as packages: the distribution's tools remember what was asked for and what came along. */
  vf_json_set (inputs, "install", vf_json_from_strv ((const char *const *)wanted->packages));
  vf_json_set (inputs, "remove", vf_json_from_strv ((const char *const *)wanted->remove));
  vf_json_set (inputs, "packages", packages_to_json (stage->packages));
  vf_json_set (inputs, "repositories", vf_inputs_repositories (stage->repositories, FALSE));
  vf_json_set (inputs, "users", vf_inputs_users (wanted));
  VfJson *files = vf_inputs_files (wanted, error);
  if (files == NULL)
    return NULL;
  vf_json_set (inputs, "files", files);
  vf_json_set (inputs, "run", vf_inputs_run (wanted, FALSE));
  vf_json_set (inputs, "system", vf_inputs_system (spec, stage->kind));
  if (stage->kind == VMFORGE_STAGE_APPLIANCE)
    vf_json_set (inputs, "kernel_arguments", vf_json_from_strv ((const char *const *)spec->kernel_arguments));
  return g_steal_pointer (&inputs);
}

static guint64
stage_bytes (const VmforgeSpec *spec, VmforgeStageKind kind, const VfPlanStage *parent)
{
  guint64 bytes = spec->stages[kind].size != 0 ? spec->stages[kind].size : spec->profile->nominal_size;
  if (kind == VMFORGE_STAGE_APPLIANCE)
    bytes = spec->disk_size;
  /* A volume never shrinks. */
  return parent == NULL ? bytes : MAX (bytes, parent->bytes);
}

static gboolean
uses_network (const VfSpecStage *stage)
{
  for (guint i = 0; i < stage->run->len; i++)
    if (((const VfSpecRun *)g_ptr_array_index (stage->run, i))->network)
      return TRUE;
  return FALSE;
}

static gboolean
resolve_stage (VfResolver *resolver, const VfLockfile *lock, VfPlanStage *stage, GError **error)
{
  const VfSpecStage *wanted = &stage->spec->stages[stage->kind];
  g_autoptr (GPtrArray) nothing = g_ptr_array_new ();
  VfBackendRequest request = {.bootstrap = stage->parent == NULL,
                              .repositories = stage->repositories,
                              .install = (const char *const *)wanted->packages,
                              .remove = (const char *const *)wanted->remove,
                              .installed = stage->parent == NULL ? nothing : stage->parent->installed};
  stage->packages = lock != NULL ? vf_plan_locked_packages (lock, stage, error)
                                 : vf_resolver_resolve (resolver, &request, error);
  if (stage->packages == NULL)
    return FALSE;
  stage->installed = vf_plan_apply_packages (request.installed, stage->packages);
  return TRUE;
}

static VfPlanStage *
plan_stage (const VfPlanContext *context, VfResolver *resolver, const VfPlan *plan, VmforgeStageKind kind,
            GError **error)
{
  VmforgeSpec *spec = plan->spec;
  VfPlanStage *parent = kind == VMFORGE_STAGE_CORE ? NULL : plan->stages[kind - 1];
  g_autoptr (VfPlanStage) stage = g_new0 (VfPlanStage, 1);
  stage->kind = kind;
  stage->spec = spec;
  stage->parent = parent;
  stage->bytes = stage_bytes (spec, kind, parent);
  stage->reproducible = (parent == NULL || parent->reproducible) && !uses_network (&spec->stages[kind]);
  stage->repositories = vf_plan_collect_repositories (spec, kind, error);
  if (stage->repositories == NULL)
    return NULL;
  if (!resolve_stage (resolver, plan->lock, stage, error)) {
    g_prefix_error (error, "stage '%s': ", vmforge_stage_name (kind));
    return NULL;
  }
  stage->inputs = describe_inputs (context, stage, error);
  if (stage->inputs == NULL)
    return NULL;
  g_autofree char *text = vf_json_canonical (stage->inputs);
  stage->key = vf_digest_text (text);
  return g_steal_pointer (&stage);
}

VfPlan *
vf_plan_new (const VfPlanContext *context, VmforgeSpec *spec, guint n_stages, GError **error)
{
  g_autoptr (VfPlan) plan = g_new0 (VfPlan, 1);
  g_autoptr (VfResolver) resolver = vf_resolver_new (context, spec);
  plan->spec = spec;
  if (!vf_plan_find_lock (context, spec, &plan->lock, error))
    return NULL;
  for (guint kind = 0; kind < n_stages; kind++) {
    plan->stages[kind] = plan_stage (context, resolver, plan, (VmforgeStageKind)kind, error);
    if (plan->stages[kind] == NULL)
      return NULL;
    plan->n_stages = kind + 1;
  }
  return g_steal_pointer (&plan);
}
