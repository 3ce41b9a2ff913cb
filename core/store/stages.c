/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The stage catalogue: finding, listing, recording. */
#include "store/records.h"
#include "store/stage-index.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void
vf_stage_free (VfStage *stage)
{
  if (stage == NULL)
    return;
  g_free (stage->key);
  g_free (stage->stage);
  g_free (stage->parent);
  g_free (stage->spec_name);
  g_free (stage->volume);
  g_free (stage->storage);
  g_free (stage->index);
  json_object_put (stage->json);
  g_free (stage);
}

static char *
storage_path (const char *key, const char *storage)
{
  return g_strdup_printf ("stages/%s/%s.json", key, storage);
}

static gboolean
check_key (const char *key, GError **error)
{
  if (strlen (key) == VF_DIGEST_HEX && vf_digest_is_hex (key, VF_DIGEST_HEX))
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is no stage key (64 hexadecimal characters)", key);
}

static gint64
last_use (VmforgeStore *store, const char *path, gint64 built)
{
  struct stat st;
  return fstatat (store->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? MAX ((gint64)st.st_mtime, built) : built;
}

/* stages/KEY/ holds this; NULL without error if absent. */
static VfStage *
read_stage (VmforgeStore *store, const char *key, const char *storage, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autofree char *path = storage_path (key, storage);
  g_autofree char *inputs_path = g_strdup_printf ("stages/%s/stage.json", key);
  g_autoptr (VfJson) record = vf_records_read (store, path, &failure);
  g_autoptr (VfJson) inputs = record == NULL ? NULL : vf_records_read (store, inputs_path, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  /* Where STORAGE.json is, stage.json is, unless both are being removed right now. */
  if (record == NULL || (inputs == NULL && !vf_fs_exists (store->fd, path)))
    return NULL;
  const char *volume = vf_json_string (record, "volume", "");
  if (inputs == NULL || strlen (volume) != VF_VOLUME_HEX || !vf_digest_is_hex (volume, VF_VOLUME_HEX)) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s/stages/%s' is damaged: %s", store->path, key,
                  inputs == NULL ? "it has no stage.json" : "it names no volume");
    return NULL;
  }
  VfStage *stage = g_new0 (VfStage, 1);
  stage->key = g_strdup (key);
  stage->stage = g_strdup (vf_json_string (inputs, "stage", ""));
  stage->parent = g_strdup (vf_json_string (inputs, "parent", NULL));
  stage->spec_name = g_strdup (vf_json_string (inputs, "spec", NULL));
  stage->volume = g_strdup (volume);
  stage->storage = g_strdup (storage);
  stage->bytes = (guint64)vf_json_int (record, "bytes", 0);
  gint64 own = vf_json_int (record, "own_bytes", -1);
  stage->own = own < 0 ? G_MAXUINT64 : (guint64)own;
  stage->built = vf_json_int (record, "built", 0);
  stage->used = last_use (store, path, stage->built);
  stage->seconds = (double)vf_json_int (record, "milliseconds", 0) / 1000.0;
  stage->index = g_strdup (vf_json_string (record, "index", NULL));
  stage->json = g_steal_pointer (&inputs);
  return stage;
}

VfStage *
vf_store_find_stage (VmforgeStore *store, const char *key, GError **error)
{
  if (!check_key (key, error))
    return NULL;
  return read_stage (store, key, store->storage_name, error);
}

char **
vf_stage_storages (VmforgeStore *store, const char *key, GError **error)
{
  g_autofree char *folder = g_strdup_printf ("stages/%s", key);
  g_auto (GStrv) names = vf_records_names (store, folder, ".json", error);
  if (names == NULL)
    return NULL;
  g_autoptr (GStrvBuilder) storages = g_strv_builder_new ();
  for (char **name = names; *name != NULL; name++)
    if (strcmp (*name, "stage") != 0)
      g_strv_builder_add (storages, *name);
  return g_strv_builder_end (storages);
}

/* Core first: stages of one second are shown in the order they were built in. */
static int
stage_rank (const VfStage *stage)
{
  int rank = 0;
  while (rank < VMFORGE_N_STAGES && strcmp (vmforge_stage_name ((VmforgeStageKind)rank), stage->stage) != 0)
    rank++;
  return rank;
}

static int
compare_stages (gconstpointer a, gconstpointer b)
{
  const VfStage *x = *(const VfStage *const *)a, *y = *(const VfStage *const *)b;
  if (x->built != y->built)
    return x->built < y->built ? -1 : 1;
  if (stage_rank (x) != stage_rank (y))
    return stage_rank (x) - stage_rank (y);
  int order = strcmp (x->key, y->key);
  return order != 0 ? order : strcmp (x->storage, y->storage);
}

static gboolean
list_storages (VmforgeStore *store, const char *key, GPtrArray *stages, GError **error)
{
  g_auto (GStrv) storages = vf_stage_storages (store, key, error);
  if (storages == NULL)
    return FALSE;
  for (char **storage = storages; *storage != NULL; storage++) {
    g_autoptr (GError) failure = NULL;
    VfStage *stage = read_stage (store, key, *storage, &failure);
    if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    if (stage != NULL)
      g_ptr_array_add (stages, stage);
  }
  return TRUE;
}

GPtrArray *
vf_store_list_stages (VmforgeStore *store, GError **error)
{
  g_auto (GStrv) keys = vf_records_names (store, "stages", NULL, error);
  if (keys == NULL)
    return NULL;
  g_autoptr (GPtrArray) stages = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_stage_free);
  for (char **key = keys; *key != NULL; key++)
    if (!list_storages (store, *key, stages, error))
      return NULL;
  g_ptr_array_sort (stages, compare_stages);
  return g_steal_pointer (&stages);
}

char *
vf_store_complete_key (VmforgeStore *store, const char *prefix, GError **error)
{
  g_auto (GStrv) keys = vf_records_names (store, "stages", NULL, error);
  if (keys == NULL)
    return NULL;
  g_autoptr (GError) failure = NULL;
  const char *key = vf_records_complete (keys, prefix, "stage key", &failure);
  g_auto (GStrv) storages = key == NULL || failure != NULL ? NULL : vf_stage_storages (store, key, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  /* A folder without a STORAGE.json is what a crash left: no stage. */
  if (storages != NULL && storages[0] != NULL)
    return g_strdup (key);
  vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "no stage '%s' (`vmforge stages list` shows them%s)", prefix,
                strlen (prefix) < VF_STORE_MIN_PREFIX ? "; a key needs at least 6 characters" : "");
  return NULL;
}

VfLock *
vf_store_lock_key (VmforgeStore *store, const char *key, VfLockWaitFunc func, gpointer user_data,
                   GCancellable *cancellable, GError **error)
{
  if (!check_key (key, error))
    return NULL;
  g_autofree char *path = g_strdup_printf ("locks/" VF_KEY_LOCK "%s", key);
  for (;;) {
    g_autoptr (VfLock) lock =
        vf_lock_acquire (store->fd, path, VF_LOCK_EXCLUSIVE, func, user_data, cancellable, error);
    /* A recovery may have removed the file between its opening and its locking. */
    if (lock == NULL || vf_lock_is_at (lock, store->fd, path))
      return g_steal_pointer (&lock);
  }
}

static gboolean
write_inputs (VmforgeStore *store, const char *key, VfJson *stage, GError **error)
{
  g_autofree char *path = g_strdup_printf ("stages/%s/stage.json", key);
  /* The same key has the same inputs; the first spec that built it stays named. */
  g_auto (GStrv) storages = vf_stage_storages (store, key, error);
  if (storages == NULL)
    return FALSE;
  if (storages[0] != NULL && vf_fs_exists (store->fd, path))
    return TRUE;
  if (vf_json_int (stage, "format", 0) == VF_STORE_FORMAT)
    return vf_checked_write (store->fd, path, stage, error);
  VfJson *copy = NULL;
  if (json_object_deep_copy (stage, &copy, NULL) < 0)
    return vf_error_set_errno (error, "cannot copy the record of stage %s", key);
  vf_json_set_int (copy, "format", VF_STORE_FORMAT);
  gboolean written = vf_checked_write (store->fd, path, copy, error);
  json_object_put (copy);
  return written;
}

static gboolean
keep_log (VmforgeStore *store, const char *key, const char *log_path, GError **error)
{
  g_autofree char *path = g_strdup_printf ("stages/%s/log", key);
  if (renameat (AT_FDCWD, log_path, store->fd, path) == 0)
    return TRUE;
  if (errno != EXDEV)
    return vf_error_set_errno (error, "cannot move the log '%s' into the store", log_path);
  vf_autofd int from = open (log_path, O_RDONLY | O_CLOEXEC);
  vf_autofd int to = openat (store->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (from < 0 || to < 0)
    return vf_error_set_errno (error, "cannot copy the log '%s' into the store", log_path);
  if (!vf_fs_copy_data (from, to, NULL, error))
    return FALSE;
  unlink (log_path);
  return TRUE;
}

static gboolean
write_storage (VmforgeStore *store, const char *key, const char *volume, guint64 bytes, double seconds,
               const VfStageIndex *index, GError **error)
{
  g_autofree char *path = storage_path (key, store->storage_name);
  g_autoptr (VfJson) record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set_string (record, "volume", volume);
  vf_json_set_int (record, "bytes", (gint64)bytes);
  vf_json_set_int (record, "built", g_get_real_time () / G_USEC_PER_SEC);
  vf_json_set_int (record, "milliseconds", (gint64)(seconds * 1000.0 + 0.5));
  if (index != NULL) {
    vf_json_set_string (record, "index", index->root);
    vf_json_set_int (record, "own_bytes", (gint64)index->own_bytes);
  }
  return vf_checked_write (store->fd, path, record, error);
}

static gboolean
write_stage (VmforgeStore *store, const char *key, VfJson *stage, const char *volume, guint64 bytes,
             double seconds, const char *log_path, const VfStageIndex *index, GError **error)
{
  g_autofree char *folder = g_strdup_printf ("stages/%s", key);
  if (mkdirat (store->fd, folder, 0755) < 0 && errno != EEXIST)
    return vf_error_set_errno (error, "cannot make '%s/%s'", store->path, folder);
  return vf_records_sync_dir (store, "stages", error) && write_inputs (store, key, stage, error) &&
         (index == NULL || vf_stage_index_record (store, key, volume, index, error)) &&
         write_storage (store, key, volume, bytes, seconds, index, error) &&
         /* Last: where anything fails, the user is told of the log at the place that it had. */
         (log_path == NULL || keep_log (store, key, log_path, error));
}

gboolean
vf_store_record_stage (VmforgeStore *store, const char *key, VfJson *stage, const char *volume, guint64 bytes,
                       double seconds, const char *log_path, GError **error)
{
  return vf_store_record_indexed (store, key, stage, volume, bytes, seconds, log_path, NULL, error);
}

gboolean
vf_store_record_indexed (VmforgeStore *store, const char *key, VfJson *stage, const char *volume,
                         guint64 bytes, double seconds, const char *log_path, const VfStageIndex *index,
                         GError **error)
{
  if (!check_key (key, error))
    return FALSE;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL)
    return FALSE;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) present = read_stage (store, key, store->storage_name, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (present != NULL && strcmp (present->volume, volume) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "stage %s is recorded already, with volume %s", key,
                         present->volume);
  if (write_stage (store, key, stage, volume, bytes, seconds, log_path, index, error))
    return TRUE;
  /* The rename may have happened before what failed: nothing may name a volume that the caller removes now.
   */
  vf_stage_forget (store, key, volume, NULL);
  g_prefix_error (error, "cannot record stage %s: ", key);
  return FALSE;
}
