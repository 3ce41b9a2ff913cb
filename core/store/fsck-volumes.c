/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes against their block indexes, and those against the roots in the records. */
#include "store/fsck.h"

#include "blocks/verify.h"
#include "store/records.h"
#include "store/stage-index.h"
#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>

/* So many faults of one file are told one by one. */
#define TOLD 8

typedef struct {
  VfFsck *fsck;
  const char *kind;   /* "index" or "volume" */
  const char *object; /* path of the index, or the volume's id */
  const char *key;
  guint count;
} Faults;

static void
on_fault (const VfBlockFault *fault, gpointer user_data)
{
  Faults *faults = user_data;
  g_autofree char *text = vf_block_fault_text (fault);
  if (++faults->count <= TOLD)
    vf_fsck_found (faults->fsck, faults->kind, faults->object, VF_CURE_STAGE, faults->key,
                   "of stage %.12s: %s", faults->key, text);
}

static void
tell_rest (const Faults *faults)
{
  if (faults->count > TOLD)
    vf_fsck_found (faults->fsck, faults->kind, faults->object, VF_CURE_STAGE, faults->key,
                   "of stage %.12s: %u more faults like these", faults->key, faults->count - TOLD);
}

static gboolean
verify_mapped (VfFsck *fsck, const VfStage *stage, const VfBlockIndex *index, const char *path,
               Faults *faults, GError **error)
{
  const VfBlockWatcher watcher = {.fault = on_fault, .user_data = faults};
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return vf_error_set_errno (error, "cannot open '%s'", path);
  g_autoptr (GArray) extents = vf_storage_extents (fsck->store->storage, stage->volume, stage->bytes, error);
  const VfBlockVolume volume = {.fd = fd, .bytes = stage->bytes};
  return extents != NULL &&
         vf_block_index_verify_volume (index, &volume, extents, 0, &watcher, fsck->cancellable, error);
}

static gboolean
verify_volume (VfFsck *fsck, const VfStage *stage, const VfBlockIndex *index, GError **error)
{
  g_autofree char *path = NULL;
  Faults faults = {fsck, "volume", stage->volume, stage->key, 0};
  if (!vf_storage_map (fsck->store->storage, stage->volume, TRUE, &path, error))
    return FALSE;
  gboolean done = verify_mapped (fsck, stage, index, path, &faults, error);
  tell_rest (&faults);
  return vf_storage_unmap (fsck->store->storage, stage->volume, done ? error : NULL) && done;
}

static gboolean
verify_stage (VfFsck *fsck, const VfStage *stage, GError **error)
{
  g_autofree char *path = vf_stage_index_path (stage->key, stage->storage);
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfBlockIndex) index = vf_stage_index_open (fsck->store, stage, &failure);
  Faults faults = {fsck, "index", path, stage->key, 0};
  const VfBlockWatcher watcher = {.fault = on_fault, .user_data = &faults};
  if (index == NULL) {
    vf_fsck_found (fsck, "index", path, VF_CURE_STAGE, stage->key, "of stage %.12s: %s", stage->key,
                   failure->message);
    return TRUE;
  }
  if (!vf_block_index_verify (index, &watcher, fsck->cancellable, error))
    return FALSE;
  tell_rest (&faults);
  return verify_volume (fsck, stage, index, error);
}

/* What cannot be looked at is a fault, unless the stage was removed meanwhile: nobody holds the gate for
 * this. */
static gboolean
check_stage (VfFsck *fsck, const VfFsckStage *known, GError **error)
{
  g_autoptr (VfStage) stage = vf_store_find_stage (fsck->store, known->key, NULL);
  g_autoptr (GError) failure = NULL;
  guint before = fsck->faults->len;
  if (stage == NULL || stage->index == NULL || !g_hash_table_contains (fsck->volumes, stage->volume))
    return TRUE; /* an older vmforge made no index; what else is wrong has been told */
  gboolean looked = verify_stage (fsck, stage, &failure);
  if (vf_error_set_if_cancelled (fsck->cancellable, error))
    return FALSE;
  if (!looked)
    vf_fsck_found (fsck, "volume", stage->volume, VF_CURE_STAGE, stage->key, "of stage %.12s: %s", stage->key,
                   failure->message);
  g_autoptr (VfStage) still = vf_store_find_stage (fsck->store, known->key, NULL);
  if (still == NULL || g_strcmp0 (still->volume, stage->volume) != 0)
    g_ptr_array_set_size (fsck->faults, (gint)before);
  return TRUE;
}

gboolean
vf_fsck_volumes (VfFsck *fsck, GError **error)
{
  for (guint i = 0; i < fsck->stages->len; i++)
    if (!check_stage (fsck, g_ptr_array_index (fsck->stages, i), error))
      return FALSE;
  return TRUE;
}
