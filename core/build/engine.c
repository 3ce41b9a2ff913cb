/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/engine.h"

#include "build/output.h"
#include "build/schedule.h"
#include "build/trim.h"
#include "support/error.h"
#include "support/fs.h"

void
vf_engine_emit (VfEngine *engine, VmforgeEvent event)
{
  if (engine->func == NULL)
    return;
  if (engine->spec != NULL)
    event.spec = engine->spec->path;
  if (engine->stage != NULL) {
    event.stage = engine->stage->kind;
    event.stage_key = engine->stage->key;
  }
  event.seconds = (double)(g_get_monotonic_time () - engine->began) / G_USEC_PER_SEC;
  engine->func (&event, engine->user_data);
}

static void
on_progress (double fraction, const char *what, gpointer user_data)
{
  VfEngine *engine = user_data;
  /* In this process a stage only fetches, which is the first part of it. */
  if (engine->stage != NULL && fraction > 0)
    fraction *= VF_ENGINE_FETCH_SHARE;
  vf_engine_emit (engine, (VmforgeEvent){.type = VMFORGE_EVENT_PROGRESS,
                                         .state = VMFORGE_STATE_BUILDING,
                                         .fraction = fraction,
                                         .message = what});
}

static void
on_log (enum vmforge_log_level level, const char *line, gpointer user_data)
{
  VfEngine *engine = user_data;
  if (level == VMFORGE_LOG_WARNING)
    vf_engine_emit (engine, (VmforgeEvent){.type = VMFORGE_EVENT_WARNING, .fraction = -1, .message = line});
  if (engine->log_fd < 0)
    return;
  g_autofree char *text = g_strconcat (line, "\n", NULL);
  /* A log that cannot be written is no reason to fail a build that can. */
  (void)vf_fs_write_all (engine->log_fd, text, strlen (text), NULL);
}

void
vf_engine_init (VfEngine *engine, VmforgeStore *store, const VmforgeBuildOptions *options,
                VmforgeEventFunc func, gpointer user_data, GCancellable *cancellable)
{
  int refresh = options->refresh_seconds == 0 ? VF_PLAN_REFRESH_SECONDS : options->refresh_seconds;
  *engine = (VfEngine){.store = store,
                       .options = options,
                       .func = func,
                       .user_data = user_data,
                       .cancellable = cancellable,
                       .began = g_get_monotonic_time (),
                       .log_fd = -1};
  engine->host = (VfHost){.cancellable = cancellable,
                          .log = on_log,
                          .progress = on_progress,
                          .user_data = engine,
                          .package_cache = g_build_filename (store->path, "cache", "packages", NULL)};
  engine->context = (VfPlanContext){
      .store = store, .host = &engine->host, .offline = options->offline, .refresh_seconds = refresh};
  engine->context.lock = options->locked ? VF_PLAN_LOCK_REQUIRED : VF_PLAN_LOCK_IF_THERE;
}

void
vf_engine_clear (VfEngine *engine)
{
  g_clear_pointer ((char **)&engine->host.package_cache, g_free);
}

static void
announce (VfEngine *engine, const VfPlan *plan)
{
  for (guint i = 0; i < plan->n_stages; i++) {
    engine->stage = plan->stages[i];
    vf_engine_emit (
        engine, (VmforgeEvent){.type = VMFORGE_EVENT_STAGE, .state = VMFORGE_STATE_WAITING, .fraction = -1});
  }
  engine->stage = NULL;
}

/* Package tools may be silent for long, on a slow mirror or a busy machine. */
static void
tell_planning (VfEngine *engine, const VmforgeSpec *spec)
{
  g_autofree char *what =
      g_strdup_printf ("reading package metadata of %s %s", spec->profile->id, spec->profile->release);
  on_progress (-1, what, engine);
}

static VfPlan *
plan_spec (VfEngine *engine, VmforgeSpec *spec, GError **error)
{
  engine->spec = spec;
  engine->stage = NULL;
  engine->began = g_get_monotonic_time ();
  tell_planning (engine, spec);
  guint n_stages = engine->options->has_until ? engine->options->until + 1u : VMFORGE_N_STAGES;
  VfPlan *plan = vf_plan_new (&engine->context, spec, n_stages, error);
  if (plan != NULL) {
    announce (engine, plan);
    return plan;
  }
  g_prefix_error (error, "%s: ", spec->path);
  vf_engine_emit (engine,
                  (VmforgeEvent){.type = VMFORGE_EVENT_SPEC, .state = VMFORGE_STATE_FAILED, .fraction = 1});
  return NULL;
}

static void
plan_free (gpointer plan)
{
  vf_plan_free (plan);
}

/* All of them before anything is built: what cannot be had is told within seconds. */
static GPtrArray *
plan_specs (VfEngine *engine, VmforgeSpec *const *specs, gsize n_specs, GError **error)
{
  g_autoptr (GPtrArray) plans = g_ptr_array_new_with_free_func (plan_free);
  for (gsize i = 0; i < n_specs; i++) {
    VfPlan *plan =
        vf_error_set_if_cancelled (engine->cancellable, error) ? NULL : plan_spec (engine, specs[i], error);
    if (plan == NULL)
      return NULL;
    g_ptr_array_add (plans, plan);
  }
  return g_steal_pointer (&plans);
}

/* Before anybody looks whether they are there: from now on they stay. */
static VfUse *
use_stages (VmforgeStore *store, GPtrArray *plans, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  for (guint i = 0; i < plans->len; i++) {
    const VfPlan *plan = g_ptr_array_index (plans, i);
    for (guint j = 0; j < plan->n_stages; j++)
      g_ptr_array_add (keys, plan->stages[j]->key);
  }
  g_ptr_array_add (keys, NULL);
  return vf_store_use (store, (const char *const *)keys->pdata, error);
}

/* The stages of a lock file stay as long as it is there unchanged. Not to know that is no reason to fail. */
static void
keep_locked (VfEngine *engine, const VfPlan *plan)
{
  const char *keys[VMFORGE_N_STAGES + 1] = {NULL};
  g_autoptr (GError) error = NULL;
  for (guint i = 0; i < plan->n_stages; i++)
    keys[i] = plan->stages[i]->key;
  if (plan->lock == NULL ||
      vf_store_add_root (engine->store, plan->lock->path, plan->lock->digest, keys, &error))
    return;
  vf_engine_emit (engine,
                  (VmforgeEvent){.type = VMFORGE_EVENT_WARNING, .fraction = -1, .message = error->message});
}

/* Which of two images has the name in the end is chance. */
static void
warn_same_names (VfEngine *engine, VmforgeSpec *const *specs, gsize n_specs)
{
  for (gsize i = 1; i < n_specs; i++)
    for (gsize j = 0; j < i; j++) {
      const VmforgeSpec *a = specs[j], *b = specs[i];
      if (g_str_equal (a->path, b->path) || !g_str_equal (a->name, b->name) ||
          !g_str_equal (a->version, b->version) || !g_str_equal (a->profile->arch, b->profile->arch))
        continue;
      g_autofree char *text =
          g_strdup_printf ("'%s' and '%s' both make image %s:%s@%s: the one that ends last has the name",
                           a->path, b->path, a->name, a->version, a->profile->arch);
      vf_engine_emit (engine, (VmforgeEvent){.type = VMFORGE_EVENT_WARNING, .fraction = -1, .message = text});
    }
}

gboolean
vmforge_build (VmforgeStore *store, VmforgeSpec *const *specs, gsize n_specs,
               const VmforgeBuildOptions *options, VmforgeEventFunc func, gpointer user_data,
               GCancellable *cancellable, GError **error)
{
  static const VmforgeBuildOptions defaults = {0};
  static const char *const no_keys[] = {NULL};
  g_auto (VfEngine) engine = {0};
  vf_engine_init (&engine, store, options == NULL ? &defaults : options, func, user_data, cancellable);
  if (!vf_fs_mkdir_p (-1, engine.host.package_cache, 0755, error))
    return FALSE;
  for (gsize i = 0; i < n_specs; i++)
    if (!vf_output_check (specs[i], engine.options, error))
      return FALSE;
  /* Planning needs the caches as building does. */
  g_autoptr (VfUse) presence = vf_store_use (store, no_keys, error);
  if (presence == NULL || !vf_output_check_apart (specs, n_specs, engine.options, error))
    return FALSE;
  warn_same_names (&engine, specs, n_specs);
  g_autoptr (GPtrArray) plans = plan_specs (&engine, specs, n_specs, error);
  g_autoptr (VfUse) use = plans == NULL ? NULL : use_stages (store, plans, error);
  if (use == NULL)
    return FALSE;
  gboolean built = vf_schedule_run (&engine, plans, error);
  for (guint i = 0; built && i < plans->len; i++)
    keep_locked (&engine, g_ptr_array_index (plans, i));
  if (engine.has_built)
    vf_engine_trim (&engine);
  return built;
}
