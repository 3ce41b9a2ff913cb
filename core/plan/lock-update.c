/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Some packages of a lock as new as the sources have them. The package tool is asked to install them where
 * all that is locked is installed already: so it moves them and what they drag along, and leaves the rest
 * alone. First over the finished root filesystem, which tells what moves; then stage upon stage, each over
 * the renewed ones below it. */
#include "plan/lock.h"

#include "plan/resolve.h"
#include "support/error.h"
#include "support/suggest.h"

#include <string.h>

typedef struct {
  VfResolver *resolver;
  const VfPlan *plan; /* of the lock as it is */
  GHashTable *moving; /* ids, borrowed from the plan and from `held` */
  GPtrArray *held;    /* lists that `moving` borrows from */
} Update;

static void
update_clear (Update *update)
{
  g_clear_pointer (&update->resolver, vf_resolver_free);
  g_clear_pointer (&update->moving, g_hash_table_unref);
  g_clear_pointer (&update->held, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Update, update_clear)

static gboolean
goes (const VfPackage *package)
{
  return (package->pub.flags & VMFORGE_PACKAGE_REMOVE) != 0;
}

static VfPackage *
find (GPtrArray *packages, const char *id)
{
  for (guint i = 0; packages != NULL && i < packages->len; i++) {
    VfPackage *package = g_ptr_array_index (packages, i);
    if (strcmp (package->pub.id, id) == 0)
      return package;
  }
  return NULL;
}

/* Marks every package of this name that a stage installs. */
static gboolean
mark (Update *update, const char *name, GPtrArray *known)
{
  gboolean found = FALSE;
  for (guint i = 0; i < update->plan->n_stages; i++) {
    GPtrArray *packages = update->plan->stages[i]->packages;
    for (guint j = 0; j < packages->len; j++) {
      const VfPackage *package = g_ptr_array_index (packages, j);
      if (goes (package))
        continue;
      g_ptr_array_add (known, (gpointer)package->pub.name);
      if (strcmp (package->pub.name, name) != 0)
        continue;
      g_hash_table_add (update->moving, (gpointer)package->pub.id);
      found = TRUE;
    }
  }
  return found;
}

static gboolean
mark_names (Update *update, const char *const *names, GError **error)
{
  for (; *names != NULL; names++) {
    g_autoptr (GPtrArray) known = g_ptr_array_new ();
    if (mark (update, *names, known))
      continue;
    g_ptr_array_add (known, NULL);
    g_autofree char *hint = vf_suggest_hint (*names, (const char *const *)known->pdata);
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' has no package '%s'%s", update->plan->lock->path,
                         *names, hint);
  }
  return TRUE;
}

/* What moves of these packages once those that are marked do. */
static GPtrArray *
move (const Update *update, const VfPlanStage *stage, GPtrArray *from, GPtrArray *installed, GError **error)
{
  static const char *const nothing[] = {NULL};
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; i < from->len; i++) {
    const VfPackage *package = g_ptr_array_index (from, i);
    if (!goes (package) && g_hash_table_contains (update->moving, package->pub.id))
      g_ptr_array_add (names, (gpointer)package->pub.name);
  }
  g_ptr_array_add (names, NULL);
  const VfBackendRequest request = {.repositories = stage->repositories,
                                    .install = (const char *const *)names->pdata,
                                    .remove = nothing,
                                    .installed = installed};
  g_autoptr (GPtrArray) moved = vf_resolver_resolve (update->resolver, &request, error);
  for (guint i = 0; moved != NULL && i < moved->len; i++) {
    const VfPackage *package = g_ptr_array_index (moved, i);
    if (!goes (package))
      continue;
    vf_error_set (error, VMFORGE_ERROR_SPEC,
                  "'%s' would go away if these packages moved: move all with 'vmforge lock --update %s'",
                  package->pub.name, stage->spec->path);
    return NULL;
  }
  return g_steal_pointer (&moved);
}

/* What the names drag along moves too, in whatever stage it lives. */
static gboolean
mark_dragged (Update *update, GError **error)
{
  const VfPlanStage *last = update->plan->stages[VMFORGE_N_STAGES - 1];
  GPtrArray *moved = move (update, last, last->installed, last->installed, error);
  if (moved == NULL)
    return FALSE;
  g_ptr_array_add (update->held, moved);
  for (guint i = 0; i < moved->len; i++)
    g_hash_table_add (update->moving, (gpointer)((const VfPackage *)g_ptr_array_index (moved, i))->pub.id);
  return TRUE;
}

static VfPackage *
copy_removed (const VfPackage *installed)
{
  struct vmforge_package gone = installed->pub;
  gone.flags |= VMFORGE_PACKAGE_REMOVE;
  gone.digest = gone.url = NULL;
  gone.download_size = gone.installed_size = 0;
  return vf_package_copy (&gone);
}

/* What the lock has for a stage, over the renewed stages below: some of it may have come with them, and what
 * goes away goes in the version that it now has. */
static GPtrArray *
rebase (GPtrArray *packages, GPtrArray *below)
{
  GPtrArray *own = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  for (guint i = 0; i < packages->len; i++) {
    const VfPackage *package = g_ptr_array_index (packages, i);
    const VfPackage *under = find (below, package->pub.id);
    if (!goes (package) && (under == NULL || g_strcmp0 (under->pub.digest, package->pub.digest) != 0))
      g_ptr_array_add (own, vf_package_copy (&package->pub));
    else if (goes (package) && under != NULL)
      g_ptr_array_add (own, copy_removed (under));
  }
  return own;
}

static gboolean
replace (GPtrArray *own, const VfPackage *package, const VfPlanStage *stage, GError **error)
{
  VfPackage *before = find (own, package->pub.id);
  if (before != NULL && goes (before))
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "stage '%s' removes '%s', which would come back: move all with 'vmforge lock "
                         "--update %s'",
                         vmforge_stage_name (stage->kind), package->pub.name, stage->spec->path);
  if (before != NULL)
    g_ptr_array_remove (own, before);
  g_ptr_array_add (own, vf_package_copy (&package->pub));
  return TRUE;
}

static gint
compare_ids (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const VfPackage *const *)a)->pub.id, (*(const VfPackage *const *)b)->pub.id);
}

/* below: what the renewed stages below hold; replaced by what this one holds. */
static gboolean
update_stage (const Update *update, VmforgeStageKind kind, VfLockedStage *locked, GPtrArray **below,
              GError **error)
{
  const VfPlanStage *stage = update->plan->stages[kind];
  g_autoptr (GPtrArray) own = rebase (stage->packages, *below);
  g_autoptr (GPtrArray) state = vf_plan_apply_packages (*below, own);
  g_autoptr (GPtrArray) moved = move (update, stage, own, state, error);
  if (moved == NULL)
    return FALSE;
  for (guint i = 0; i < moved->len; i++)
    if (!replace (own, g_ptr_array_index (moved, i), stage, error))
      return FALSE;
  g_ptr_array_sort (own, compare_ids);
  const VfLockedStage *before = &update->plan->lock->stages[kind];
  locked->install = g_strdupv (before->install);
  locked->remove = g_strdupv (before->remove);
  locked->sources = g_strdup (before->sources);
  for (guint i = 0; i < own->len; i++)
    g_ptr_array_add (locked->packages, vf_plan_lock_package (g_ptr_array_index (own, i)));
  GPtrArray *after = vf_plan_apply_packages (*below, own);
  g_clear_pointer (below, g_ptr_array_unref);
  *below = after;
  return TRUE;
}

VfLockfile *
vf_plan_update_lock (const VfPlanContext *context, VmforgeSpec *spec, const char *const *names,
                     GError **error)
{
  VfPlanContext locked = *context;
  locked.lock = VF_PLAN_LOCK_REQUIRED;
  g_autoptr (VfPlan) plan = vf_plan_new (&locked, spec, VMFORGE_N_STAGES, error);
  if (plan == NULL)
    return NULL;
  g_auto (Update) update = {.resolver = vf_resolver_new (context, spec),
                            .plan = plan,
                            .moving = g_hash_table_new (g_str_hash, g_str_equal),
                            .held = g_ptr_array_new_with_free_func ((GDestroyNotify)g_ptr_array_unref)};
  if (!mark_names (&update, names, error) || !mark_dragged (&update, error))
    return NULL;
  g_autoptr (VfLockfile) lock = vf_lockfile_new (plan->lock->path);
  lock->distro = g_strdup (plan->lock->distro);
  lock->release = g_strdup (plan->lock->release);
  lock->arch = g_strdup (plan->lock->arch);
  g_autoptr (GPtrArray) below = NULL;
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    if (!update_stage (&update, i, &lock->stages[i], &below, error))
      return NULL;
  if (!vf_plan_metadata_date (context, plan, &lock->date, error))
    return NULL;
  lock->date = MAX (lock->date, plan->lock->date);
  return g_steal_pointer (&lock);
}
