/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* One stage: found, or built by a worker, sealed and recorded. */
#include "build/engine.h"
#include "store/hints.h"

#include "build/index.h"
#include "build/job.h"
#include "build/trim.h"
#include "store/hints.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>

/* Beside the packages: file system metadata, initramfs, boot files, what scripts write. */
#define RESERVE_BYTES (G_GUINT64_CONSTANT (384) * 1024 * 1024)

/* Beside the volume: its block index, records, logs. */
#define BESIDE_BYTES (G_GUINT64_CONSTANT (64) * 1024 * 1024)

static void
emit_state (VfEngine *engine, VmforgeStageState state, const char *message, const char *path)
{
  vf_engine_emit (engine, (VmforgeEvent){.type = VMFORGE_EVENT_STAGE,
                                         .state = state,
                                         .fraction = state == VMFORGE_STATE_BUILDING ? 0 : 1,
                                         .message = message,
                                         .path = path});
}

static void
on_blocked (pid_t holder, gpointer user_data)
{
  g_autofree char *message =
      holder == 0 ? g_strdup ("another process builds this stage: waiting for it")
                  : g_strdup_printf ("process %d builds this stage: waiting for it", (int)holder);
  emit_state (user_data, VMFORGE_STATE_BLOCKED, message, NULL);
}

static void
on_job_progress (double fraction, const char *what, gpointer user_data)
{
  vf_engine_emit (user_data,
                  (VmforgeEvent){.type = VMFORGE_EVENT_PROGRESS,
                                 .state = VMFORGE_STATE_BUILDING,
                                 .fraction = VF_ENGINE_FETCH_SHARE + (1 - VF_ENGINE_FETCH_SHARE) * fraction,
                                 .message = what});
}

static void
on_job_warning (const char *message, gpointer user_data)
{
  vf_engine_emit (user_data,
                  (VmforgeEvent){.type = VMFORGE_EVENT_WARNING, .fraction = -1, .message = message});
}

static void
on_job_log (const char *line, gpointer user_data)
{
  vf_engine_emit (user_data, (VmforgeEvent){.type = VMFORGE_EVENT_LOG, .fraction = -1, .message = line});
}

/* Whoever begins a build meanwhile sees these bytes in what the storage has, not again in what we need. */
static void
on_job_written (guint64 bytes, gpointer user_data)
{
  VfEngine *engine = user_data;
  g_autoptr (GError) error = NULL;
  guint64 rest = engine->reserve > bytes ? engine->reserve - bytes : 0;
  if (!vf_store_still_needs (engine->store, engine->building, rest, &error))
    g_debug ("cannot lower a reservation: %s", error->message);
}

static void
on_job_indexed (const char *root, guint64 own_bytes, gpointer user_data)
{
  VfEngine *engine = user_data;
  g_strlcpy (engine->index.root, root, sizeof engine->index.root);
  engine->index.own_bytes = own_bytes;
}

/* A pool of volumes that runs full takes more with it than this build. Where they are files, a write that
 * fails is told of. */
static gboolean
on_job_watch (gpointer user_data, GError **error)
{
  VmforgeStore *store = ((VfEngine *)user_data)->store;
  guint64 total, available;
  g_autofree char *folder = NULL;
  if (!vf_storage_get_folder (store->storage, &folder, error))
    return FALSE;
  if (folder != NULL)
    return TRUE;
  if (!vf_storage_capacity (store->storage, &total, &available, error))
    return FALSE;
  return available > 0 ||
         vf_error_set (error, VMFORGE_ERROR_NO_SPACE,
                       "the storage (%s) is nearly full: remove images (`vmforge gc`), or give it more",
                       store->storage_name);
}

/* stage.json: the inputs, and what came of them. */
static VfJson *
describe_stage (const VfPlanStage *stage, GPtrArray *packages, gint64 epoch)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_int (json, "format", 1);
  vf_json_set_string (json, "key", stage->key);
  vf_json_set_string (json, "stage", vmforge_stage_name (stage->kind));
  if (stage->parent != NULL)
    vf_json_set_string (json, "parent", stage->parent->key);
  vf_json_set_string (json, "spec", stage->spec->name);
  vf_json_set_bool (json, "reproducible", stage->reproducible);
  vf_json_set_int (json, "source_date_epoch", epoch);
  vf_json_set (json, "inputs", json_object_get (stage->inputs));
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < packages->len; i++)
    json_object_array_add (list, vf_package_to_json (g_ptr_array_index (packages, i), FALSE));
  vf_json_set (json, "packages", list);
  return json;
}

static gboolean
fetch (VfEngine *engine, const VfPlanStage *stage, GError **error)
{
  if (stage->packages->len == 0)
    return vf_engine_date_stage (engine, stage, NULL, error);
  g_autoptr (VfBackend) backend = vf_plan_open_backend (&engine->context, stage->spec, error);
  return backend != NULL && vf_backend_fetch (backend, stage->packages, error) &&
         vf_engine_date_stage (engine, stage, backend, error);
}

static gboolean
run_worker (VfEngine *engine, const VfPlan *plan, const VfPlanStage *stage, const VfBuilding *building,
            GPtrArray **packages, GError **error)
{
  g_autoptr (VfStage) parent = NULL;
  if (stage->parent != NULL) {
    parent = vf_store_find_stage (engine->store, stage->parent->key, error);
    if (parent == NULL) {
      if (error != NULL && *error == NULL)
        vf_error_set (error, VMFORGE_ERROR_FAILED, "stage '%s' was removed while it was needed",
                      vmforge_stage_name (stage->parent->kind));
      return FALSE;
    }
  }
  g_autoptr (VfJson) job = vf_engine_make_job (engine, plan, stage, building->volume,
                                               parent == NULL ? NULL : parent->volume, error);
  if (job == NULL)
    return FALSE;
  if (parent != NULL)
    vf_index_tell_parent (job, parent);
  vf_json_set_bool (job, "paranoid", engine->options->paranoid);
  VfJobWatcher watcher = {.progress = on_job_progress,
                          .warning = on_job_warning,
                          .log = on_job_log,
                          .written = on_job_written,
                          .indexed = on_job_indexed,
                          .watch = on_job_watch,
                          .user_data = engine};
  return vf_job_run (job, engine->log_fd, vf_lock_get_fd (building->lock), &watcher, packages,
                     engine->cancellable, error);
}

static gboolean
record (VfEngine *engine, const VfPlanStage *stage, const char *volume, GPtrArray *packages,
        const char *log_path, GError **error)
{
  g_autoptr (VfJson) json = describe_stage (stage, packages, engine->epoch);
  double seconds = (double)(g_get_monotonic_time () - engine->began) / G_USEC_PER_SEC;
  if (!vf_store_record_indexed (engine->store, stage->key, json, volume, stage->bytes, seconds, log_path,
                                &engine->index, error))
    return FALSE;
  /* That its blocks are found is good for transfers alone: what is not learnt now is with the next stage. */
  g_autoptr (GError) failure = NULL;
  if (!vf_store_learn_blocks (engine->store, stage->key, NULL, &failure))
    g_debug ("%s", failure->message);
  return TRUE;
}

/* What failed is removed, or kept where the user asked for it and did not stop the build himself. */
static gboolean
end_building (VfEngine *engine, VfBuilding *building, gboolean built, GError **error)
{
  g_autofree char *volume = g_strdup (building->volume);
  gboolean keep = !built && engine->options->keep_failed && !g_cancellable_is_cancelled (engine->cancellable);
  if (!vf_store_end (engine->store, building, !built && !keep, keep, error))
    return FALSE;
  if (keep) {
    g_autofree char *hint =
        g_strdup_printf ("the failed volume is kept: enter it with 'vmforge shell %s'", volume);
    on_job_warning (hint, engine);
  }
  return TRUE;
}

/* Where space is lacking, what was not used for longest makes room. */
static VfBuilding *
begin (VfEngine *engine, const VfBuildingStage *what, GError **error)
{
  GError *failure = NULL;
  VfBuilding *building = vf_store_begin_stage (engine->store, what, &failure);
  /* Again: what a volume has of its own says little of what its removal frees where others share its blocks.
   */
  while (g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE) &&
         vf_engine_make_room (engine, what->reserve)) {
    g_clear_error (&failure);
    building = vf_store_begin_stage (engine->store, what, &failure);
  }
  if (failure != NULL)
    g_propagate_error (error, failure);
  return building;
}

/* No more than the volume can hold: packages that do not fit into it are refused by the worker. */
static guint64
reserve_of (const VfPlanStage *stage)
{
  guint64 wanted = vf_plan_installed_size (stage->packages), most = stage->bytes + BESIDE_BYTES;
  return wanted > most ? most : MIN (wanted + RESERVE_BYTES, most);
}

static gboolean
build_volume (VfEngine *engine, const VfPlan *plan, const VfPlanStage *stage, const char *log_path,
              GError **error)
{
  if (!fetch (engine, stage, error)) {
    vf_plan_explain_fetch (plan, error);
    g_prefix_error (error, "stage '%s': ", vmforge_stage_name (stage->kind));
    return FALSE;
  }
  VfBuildingStage what = {.key = stage->key,
                          .parent = stage->parent == NULL ? NULL : stage->parent->key,
                          .stage = vmforge_stage_name (stage->kind),
                          .spec = stage->spec->name,
                          .reserve = reserve_of (stage)};
  VfBuilding *building = begin (engine, &what, error);
  if (building == NULL)
    return FALSE;
  g_autoptr (GPtrArray) packages = NULL;
  engine->building = building;
  engine->reserve = what.reserve;
  gboolean built = run_worker (engine, plan, stage, building, &packages, error);
  engine->building = NULL;
  built = built && record (engine, stage, building->volume, packages, log_path, error);
  g_autoptr (GError) ending = NULL;
  if (end_building (engine, building, built, &ending))
    return built;
  if (!built) { /* the first error is the one to tell */
    on_job_warning (ending->message, engine);
    return FALSE;
  }
  g_propagate_error (error, g_steal_pointer (&ending));
  return FALSE;
}

/* logs/STAGE-KEY.log while the stage is built; a failed one's stays there. */
static char *
open_log (VfEngine *engine, const VfPlanStage *stage, GError **error)
{
  if (!vf_fs_mkdir_p (engine->store->fd, "logs", 0755, error))
    return NULL;
  g_autofree char *name = g_strdup_printf ("logs/%s-%.12s.log", vmforge_stage_name (stage->kind), stage->key);
  engine->log_fd = openat (engine->store->fd, name,
                           O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (engine->log_fd < 0) {
    vf_error_set_errno (error, "cannot write '%s/%s'", engine->store->path, name);
    return NULL;
  }
  return g_build_filename (engine->store->path, name, NULL);
}

static gboolean
build_logged (VfEngine *engine, const VfPlan *plan, const VfPlanStage *stage, GError **error)
{
  g_autofree char *log_path = open_log (engine, stage, error);
  if (log_path == NULL)
    return FALSE;
  emit_state (engine, VMFORGE_STATE_BUILDING, NULL, NULL);
  gboolean built = build_volume (engine, plan, stage, log_path, error);
  vf_fd_clear (&engine->log_fd);
  emit_state (engine, built ? VMFORGE_STATE_BUILT : VMFORGE_STATE_FAILED, NULL, built ? NULL : log_path);
  return built;
}

/* TRUE with *found set where the stage is recorded. */
static gboolean
look_up (VfEngine *engine, const VfPlanStage *stage, gboolean *found, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VfStage) known = vf_store_find_stage (engine->store, stage->key, &failure);
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  *found = known != NULL;
  return TRUE;
}

gboolean
vf_engine_reuse_stage (VfEngine *engine, const VfPlanStage *stage, gboolean *reused, GError **error)
{
  engine->stage = stage;
  engine->began = g_get_monotonic_time ();
  if (!look_up (engine, stage, reused, error))
    return FALSE;
  if (*reused) {
    vf_store_touch (engine->store, stage->key);
    emit_state (engine, VMFORGE_STATE_REUSED, NULL, NULL);
  }
  return TRUE;
}

gboolean
vf_engine_build_stage (VfEngine *engine, const VfPlan *plan, const VfPlanStage *stage, GError **error)
{
  engine->stage = stage;
  engine->began = g_get_monotonic_time ();
  g_autoptr (VfLock) lock =
      vf_store_lock_key (engine->store, stage->key, on_blocked, engine, engine->cancellable, error);
  gboolean reused;
  /* Whoever held it may have built the stage. */
  if (lock == NULL || !vf_engine_reuse_stage (engine, stage, &reused, error))
    return FALSE;
  return reused || build_logged (engine, plan, stage, error);
}
