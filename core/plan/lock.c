/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plan/lock.h"

#include "plan/inputs.h"
#include "support/digest.h"
#include "support/error.h"

#include <string.h>

char *
vf_plan_lock_path (const VmforgeSpec *spec)
{
  return g_strconcat (spec->path, VF_LOCKFILE_ENDING, NULL);
}

gboolean
vf_plan_find_lock (const VfPlanContext *context, const VmforgeSpec *spec, VfLockfile **lock, GError **error)
{
  g_autofree char *path = vf_plan_lock_path (spec);
  *lock = NULL;
  if (context->lock == VF_PLAN_LOCK_IGNORED)
    return TRUE;
  if (!vf_lockfile_read (path, lock, error))
    return FALSE;
  if (*lock != NULL || context->lock != VF_PLAN_LOCK_REQUIRED)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_SPEC,
                       "there is no '%s', and --locked was given: make it with 'vmforge lock %s'", path,
                       spec->path);
}

VfLockedPackage *
vf_plan_lock_package (const VfPackage *package)
{
  const struct vmforge_package *pub = &package->pub;
  VfLockedPackage *locked = g_new (VfLockedPackage, 1);
  *locked = (VfLockedPackage){.id = g_strdup (pub->id),
                              .name = g_strdup (pub->name),
                              .version = g_strdup (pub->version),
                              .arch = g_strdup (pub->arch),
                              .digest = g_strdup (pub->digest),
                              .url = g_strdup (pub->url),
                              .data = g_strdup (pub->data),
                              .size = pub->download_size,
                              .installed_size = pub->installed_size,
                              .remove = (pub->flags & VMFORGE_PACKAGE_REMOVE) != 0};
  return locked;
}

VfPackage *
vf_plan_unlock_package (const VfLockedPackage *locked)
{
  const struct vmforge_package package = {.size = sizeof package,
                                          .flags = locked->remove ? VMFORGE_PACKAGE_REMOVE : 0,
                                          .id = locked->id,
                                          .name = locked->name,
                                          .version = locked->version,
                                          .arch = locked->arch,
                                          .digest = locked->digest,
                                          .url = locked->url,
                                          .data = locked->data,
                                          .download_size = locked->size,
                                          .installed_size = locked->installed_size};
  return vf_package_copy (&package);
}

/* Digest of where a stage looks for packages. Not of `mirrors`, which serve the same; nor of what the profile
 * says of other things than packages. */
static char *
digest_sources (const VfPlanStage *stage, GError **error)
{
  const VfProfile *profile = stage->spec->profile;
  g_autoptr (VfJson) whole = vf_node_to_json (profile->node);
  g_autoptr (VfJson) sources = json_object_new_object ();
  guint32 version;
  if (!vf_backend_get_facts (profile->plugin, &version, NULL, error))
    return NULL;
  vf_json_set_string (sources, "plugin", profile->plugin);
  vf_json_set_int (sources, "cache_version", version);
  static const char *const members[] = {"id", "release", "arch", "package_arch", "settings", "snapshot"};
  for (gsize i = 0; i < G_N_ELEMENTS (members); i++) {
    VfJson *value = NULL;
    if (json_object_object_get_ex (whole, members[i], &value))
      vf_json_set (sources, members[i], json_object_get (value));
  }
  vf_json_set (sources, "repositories", vf_inputs_repositories (stage->repositories, FALSE));
  g_autofree char *text = vf_json_canonical (sources);
  return vf_digest_text (text);
}

/* The first word of a that b lacks, both sorted; NULL: none. */
static const char *
find_extra (char **a, char **b)
{
  for (; a != NULL && *a != NULL; a++)
    if (!g_strv_contains ((const char *const *)b, *a))
      return *a;
  return NULL;
}

static gboolean
fail_moved (const VfLockfile *lock, const VfPlanStage *stage, const char *what, GError **error)
{
  return vf_error_set (error, VMFORGE_ERROR_SPEC,
                       "'%s' is not of this spec any more: %s; run 'vmforge lock --update %s'", lock->path,
                       what, stage->spec->path);
}

static gboolean
check_words (const VfLockfile *lock, const VfPlanStage *stage, char **wanted, char **locked, const char *verb,
             GError **error)
{
  g_auto (GStrv) sorted = vf_lockfile_sort_words (wanted);
  const char *extra = find_extra (sorted, locked), *gone = find_extra (locked, sorted);
  if (extra == NULL && gone == NULL)
    return TRUE;
  g_autofree char *what = g_strdup_printf ("stage '%s' asks to %s other packages than its lock: '%s' is %s",
                                           vmforge_stage_name (stage->kind), verb,
                                           extra != NULL ? extra : gone, extra != NULL ? "new" : "gone");
  return fail_moved (lock, stage, what, error);
}

/* Whether the stage asks for what it asked for when the lock was made. */
static gboolean
check_request (const VfLockfile *lock, const VfPlanStage *stage, GError **error)
{
  const VfSpecStage *wanted = &stage->spec->stages[stage->kind];
  const VfLockedStage *locked = &lock->stages[stage->kind];
  if (!check_words (lock, stage, wanted->packages, locked->install, "install", error) ||
      !check_words (lock, stage, wanted->remove, locked->remove, "remove", error))
    return FALSE;
  g_autofree char *sources = digest_sources (stage, error);
  if (sources == NULL)
    return FALSE;
  if (strcmp (sources, locked->sources) == 0)
    return TRUE;
  g_autofree char *what = g_strdup_printf (
      "stage '%s' takes packages from other sources than its lock (distribution, settings, repositories, "
      "snapshot or package plugin)",
      vmforge_stage_name (stage->kind));
  return fail_moved (lock, stage, what, error);
}

GPtrArray *
vf_plan_locked_packages (const VfLockfile *lock, const VfPlanStage *stage, GError **error)
{
  const VfProfile *profile = stage->spec->profile;
  if (strcmp (lock->distro, profile->id) != 0 || strcmp (lock->release, profile->release) != 0 ||
      strcmp (lock->arch, profile->arch) != 0) {
    g_autofree char *what = g_strdup_printf ("it is of %s %s on %s", lock->distro, lock->release, lock->arch);
    fail_moved (lock, stage, what, error);
    return NULL;
  }
  if (!check_request (lock, stage, error))
    return NULL;
  GPtrArray *locked = lock->stages[stage->kind].packages;
  GPtrArray *packages = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  for (guint i = 0; i < locked->len; i++)
    g_ptr_array_add (packages, vf_plan_unlock_package (g_ptr_array_index (locked, i)));
  return packages;
}

/* Of the sources of one stage, which are brought if they are gone meanwhile. */
static gboolean
read_date (const VfPlanContext *context, VfBackend *backend, const VfPlanStage *stage, gint64 *date,
           GError **error)
{
  static const char *const nothing[] = {NULL};
  g_autoptr (GPtrArray) installed = g_ptr_array_new ();
  g_autofree char *snapshot = NULL;
  const VfBackendRequest request = {.recent = TRUE,
                                    .repositories = stage->repositories,
                                    .install = nothing,
                                    .remove = nothing,
                                    .installed = installed};
  return (context->offline || vf_backend_refresh (backend, &request, &snapshot, error)) &&
         vf_backend_metadata_date (backend, &request, date, error);
}

gboolean
vf_plan_metadata_date (const VfPlanContext *context, const VfPlan *plan, gint64 *date, GError **error)
{
  g_autoptr (VfBackend) backend = vf_plan_open_backend (context, plan->spec, error);
  *date = 0;
  for (guint i = 0; backend != NULL && i < plan->n_stages; i++) {
    gint64 own = 0;
    if (plan->stages[i]->packages->len > 0 && !read_date (context, backend, plan->stages[i], &own, error))
      return FALSE;
    *date = MAX (*date, own);
  }
  return backend != NULL;
}

static gboolean
lock_stage (const VfPlanStage *stage, VfLockedStage *locked, GError **error)
{
  const VfSpecStage *wanted = &stage->spec->stages[stage->kind];
  locked->install = vf_lockfile_sort_words (wanted->packages);
  locked->remove = vf_lockfile_sort_words (wanted->remove);
  locked->sources = digest_sources (stage, error);
  for (guint i = 0; i < stage->packages->len; i++)
    g_ptr_array_add (locked->packages, vf_plan_lock_package (g_ptr_array_index (stage->packages, i)));
  return locked->sources != NULL;
}

VfLockfile *
vf_plan_make_lock (const VfPlanContext *context, const VfPlan *plan, GError **error)
{
  g_autofree char *path = vf_plan_lock_path (plan->spec);
  g_autoptr (VfLockfile) lock = vf_lockfile_new (path);
  lock->distro = g_strdup (plan->spec->profile->id);
  lock->release = g_strdup (plan->spec->profile->release);
  lock->arch = g_strdup (plan->spec->profile->arch);
  g_return_val_if_fail (plan->n_stages == VMFORGE_N_STAGES, NULL);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    if (!lock_stage (plan->stages[i], &lock->stages[i], error))
      return NULL;
  if (!vf_plan_metadata_date (context, plan, &lock->date, error))
    return NULL;
  return g_steal_pointer (&lock);
}
