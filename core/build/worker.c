/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/worker.h"

#include "build/work.h"
#include "store/store.h"
#include "support/error.h"

static gboolean
has_items (const VfWork *work, const char *key)
{
  VfJson *array = vf_json_array (work->job, key);
  return array && json_object_array_length (array) > 0;
}

static gboolean
needs_install (const VfWork *work)
{
  return vf_work_is_core (work) || has_items (work, "packages") || has_items (work, "remove") ||
         has_items (work, "install") || has_items (work, "repositories");
}

/* The engine knows why (job-boot.c). */
static gboolean
needs_boot (const VfWork *work)
{
  return vf_json_bool (work->job, "boot", FALSE);
}

static gboolean
needs_users (const VfWork *work)
{
  return has_items (work, "users");
}

static gboolean
needs_files (const VfWork *work)
{
  return has_items (work, "files");
}

static gboolean
needs_run (const VfWork *work)
{
  return has_items (work, "run");
}

/* The steps of a stage, in this order. Weights are about what they take, relative to each other. */
static const struct {
  const char *what;
  guint weight;
  gboolean (*needed) (const VfWork *work); /* NULL: always */
  gboolean (*func) (VfWork *work, GError **error);
} steps[] = {
    {"preparing the volume", 3, NULL, vf_work_prepare},
    {"reading the job's packages", 1, NULL, vf_work_open_backend},
    {"installing packages", 80, needs_install, vf_work_install},
    {"configuring the system", 2, NULL, vf_work_configure},
    {"making users", 2, needs_users, vf_work_users},
    {"placing files", 2, needs_files, vf_work_files},
    {"running scripts", 10, needs_run, vf_work_run},
    {"making boot files", 12, needs_boot, vf_work_boot},
    {"listing packages", 1, NULL, vf_work_read_manifest},
    {"cleaning up", 1, NULL, vf_work_clean},
    {"sealing the volume", 5, NULL, vf_work_finish},
    {"indexing the volume", 2, NULL, vf_work_index},
};

static gboolean
is_needed (const VfWork *work, guint step)
{
  return !steps[step].needed || steps[step].needed (work);
}

static void
on_plugin_log (enum vmforge_log_level level, const char *line, gpointer user_data)
{
  VfWork *work = user_data;
  vf_events_log (work->events, line);
  if (level == VMFORGE_LOG_WARNING)
    vf_events_warning (work->events, line);
}

static void
on_plugin_progress (double fraction, const char *what, gpointer user_data)
{
  VfWork *work = user_data;
  vf_progress_set (&work->progress, fraction, what);
  vf_work_tell_written (work);
}

static void
on_sandbox_line (const char *line, gpointer user_data)
{
  VfWork *work = user_data;
  vf_events_log (work->events, line);
}

static gboolean
open_store (VfWork *work, GError **error)
{
  const char *path = vf_json_string (work->job, "store", "");
  work->store = vf_store_open_plain (path, error);
  if (!work->store)
    return FALSE;
  work->host = (VfHost){
      .log = on_plugin_log,
      .progress = on_plugin_progress,
      .user_data = work,
      .package_cache = g_build_filename (work->store->path, "cache", "packages", NULL),
      .run_in_root = vf_sandbox_run_in_root,
      .root_data = &work->sandbox,
  };
  work->storage = vf_storage_open (vf_json_string (work->job, "storage", ""), work->store->path,
                                   work->store->id, &work->host, error);
  return work->storage != NULL;
}

static void
work_clear (VfWork *work)
{
  g_clear_pointer (&work->backend, vf_backend_close);
  g_clear_pointer (&work->changes, vf_changes_free);
  g_clear_pointer (&work->root, vf_rootfs_close);
  g_clear_pointer (&work->mount, vf_mount_free);
  g_clear_pointer (&work->storage, vf_storage_close);
  g_clear_pointer (&work->store, vmforge_store_free);
  g_clear_pointer (&work->ids, vf_disk_ids_free);
  g_clear_pointer (&work->host_keys, g_hash_table_unref);
  g_clear_pointer (&work->packages, g_ptr_array_unref);
  g_clear_pointer (&work->manifest, g_ptr_array_unref);
  g_free (work->volume_path);
  g_free (work->index_root);
  g_strfreev (work->mkfs);
  g_free ((char *)work->host.package_cache);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VfWork, work_clear)

static gboolean
run_steps (VfWork *work, GError **error)
{
  guint total = 0;
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    total += is_needed (work, i) ? steps[i].weight : 0;
  vf_progress_init (&work->progress, total, vf_events_progress, work->events);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    if (!is_needed (work, i))
      continue;
    gint64 start = g_get_monotonic_time ();
    vf_progress_step (&work->progress, steps[i].weight, steps[i].what);
    vf_events_logf (work->events, "vmforge: %s", steps[i].what);
    if (!steps[i].func (work, error))
      return FALSE;
    vf_work_tell_written (work);
    vf_events_logf (work->events, "vmforge: %s took %.2f s", steps[i].what,
                    (g_get_monotonic_time () - start) / 1e6);
  }
  return TRUE;
}

/* Says once which stage it was. */
static void
prefix_stage (const char *stage, GError **error)
{
  if (!g_str_has_prefix ((*error)->message, "stage '"))
    g_prefix_error (error, "stage '%s': ", stage);
}

gboolean
vf_worker_build (VfJson *job, VfEvents *events)
{
  g_autoptr (GError) error = NULL;
  g_auto (VfWork) work = {
      .job = job,
      .stage = vf_json_string (job, "stage", ""),
      .epoch = vf_json_int (job, "source_date_epoch", 0),
      .bytes = vf_json_int (job, "bytes", 0),
      .events = events,
      .ids = vf_disk_ids_new (vf_json_string (job, "core_key", "")),
      .mkfs = vf_json_strv (job, "mkfs"),
  };
  work.sandbox = (VfSandbox){.epoch = work.epoch, .log = on_sandbox_line, .user_data = &work};
  gboolean ok = open_store (&work, &error) && run_steps (&work, &error);
  if (ok) {
    vf_events_done (events, work.manifest, work.index_root, work.own_bytes);
    return TRUE;
  }
  vf_work_explain_full (&work, &error);
  prefix_stage (work.stage, &error);
  vf_events_logf (events, "vmforge: %s", error->message);
  vf_events_failed (events, error);
  return FALSE;
}
