/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/target.h"

#include "blocks/index-writer.h"
#include "store/stage-index.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "transfer/target-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

VfTarget *
vf_target_new (VmforgeStore *store, VfContents *contents, const char *root, guint64 bytes, const char *name,
               GError **error)
{
  g_autoptr (VfTarget) target = g_new0 (VfTarget, 1);
  target->store = store;
  target->contents = contents;
  target->root = g_strdup (root);
  target->name = g_strdup (name);
  target->bytes = bytes;
  target->fd = -1;
  g_mutex_init (&target->room_lock);
  target->base = target->begun = VMFORGE_NO_CONTENT;
  target->started = g_get_monotonic_time ();
  g_autofree char *base = NULL;
  target->building = vf_store_resume_import (store, root, &base);
  guint8 bytes_of_root[VMFORGE_HASH_BYTES];
  if (base != NULL && vf_digest_from_hex (base, bytes_of_root, sizeof bytes_of_root))
    target->begun = vf_contents_find_root (contents, bytes_of_root);
  /* Without the base nobody can say what of it is right. */
  if (target->building != NULL && base != NULL && target->begun == VMFORGE_NO_CONTENT)
    vf_target_abandon (target);
  return g_steal_pointer (&target);
}

void
vf_target_abandon (VfTarget *target)
{
  g_clear_pointer (&target->writer, vf_block_writer_free);
  vf_fd_clear (&target->fd);
  if (target->building == NULL)
    return;
  if (target->mapped)
    vf_storage_unmap (target->store->storage, target->building->volume, NULL);
  target->mapped = FALSE;
  /* Else whoever kills us in between leaves a record that is kept, of a volume that is not. */
  vf_store_finish_import (target->store, target->building, target->root, NULL);
  vf_store_end (target->store, g_steal_pointer (&target->building), TRUE, FALSE, NULL);
}

void
vf_target_free (VfTarget *target)
{
  if (target == NULL)
    return;
  g_clear_pointer (&target->writer, vf_block_writer_free);
  vf_fd_clear (&target->fd);
  if (target->mapped)
    vf_storage_unmap (target->store->storage, target->building->volume, NULL);
  if (target->building != NULL)
    vf_store_end (target->store, target->building, FALSE, TRUE, NULL);
  g_mutex_clear (&target->room_lock);
  g_free (target->root);
  g_free (target->name);
  g_free (target);
}

gboolean
vf_target_begun (const VfTarget *target, guint32 *base)
{
  *base = target->begun;
  return target->building != NULL;
}

static gboolean
check_base (const VfTarget *target, guint32 base, GError **error)
{
  guint32 count;
  const struct vmforge_content *list = vf_contents_list (target->contents, &count);
  if (base == VMFORGE_NO_CONTENT || (base < count && list[base].bytes <= target->bytes))
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "the peer names a base that cannot be one");
}

static gboolean
make_volume (VfTarget *target, guint32 base, GError **error)
{
  const VfStage *stage = base == VMFORGE_NO_CONTENT ? NULL : vf_contents_stage (target->contents, base);
  VfStorage *storage = target->store->storage;
  target->building = vf_store_begin_import (target->store, target->root, target->name,
                                            stage == NULL ? NULL : stage->key, error);
  if (target->building == NULL)
    return FALSE;
  const char *id = target->building->volume;
  if (stage == NULL)
    return vf_storage_create (storage, id, target->bytes, error);
  return vf_storage_clone (storage, id, stage->volume, error) &&
         (stage->bytes == target->bytes || vf_storage_grow (storage, id, target->bytes, error));
}

static gboolean
map_volume (VfTarget *target, GError **error)
{
  g_autofree char *path = NULL;
  if (!vf_storage_map (target->store->storage, target->building->volume, FALSE, &path, error))
    return FALSE;
  target->mapped = TRUE;
  target->fd = open (path, O_RDWR | O_CLOEXEC);
  return target->fd >= 0 || vf_error_set_errno (error, "cannot open '%s'", path);
}

static gboolean
open_index (VfTarget *target, gboolean resumes, GError **error)
{
  const VfBlockIndex *parent = NULL;
  if (target->base != VMFORGE_NO_CONTENT) {
    parent = vf_contents_index (target->contents, target->base, error);
    if (parent == NULL)
      return FALSE;
  }
  g_autofree char *path = vf_building_part_path (target->building->volume);
  target->writer = resumes
                       ? vf_block_writer_reopen (target->store->fd, path, target->bytes, parent, error)
                       : vf_block_writer_new (target->store->fd, path, target->bytes, parent, NULL, error);
  return target->writer != NULL;
}

/* What is left of an earlier time, if it began the same. */
static gboolean
take_up (VfTarget *target)
{
  g_autoptr (GError) error = NULL;
  if (target->building == NULL)
    return FALSE;
  if (target->base == target->begun && map_volume (target, &error) && open_index (target, TRUE, &error) &&
      vf_target_recheck (target, &error)) {
    target->resumed = TRUE;
    return TRUE;
  }
  if (error != NULL)
    g_debug ("a transfer begins anew: %s", error->message);
  vf_target_abandon (target);
  return FALSE;
}

static gboolean
keep (const VfTarget *target, GError **error)
{
  const VfStage *base =
      target->base == VMFORGE_NO_CONTENT ? NULL : vf_contents_stage (target->contents, target->base);
  return vf_store_keep_import (target->store, target->building, target->root,
                               base == NULL ? NULL : base->index, error);
}

gboolean
vf_target_open (VfTarget *target, guint32 base, GError **error)
{
  if (target->writer != NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the target is open already");
  if (!check_base (target, base, error))
    return FALSE;
  g_autoptr (GMutexLocker) locker = vf_contents_lock_storage (target->contents);
  target->base = base;
  if (take_up (target))
    return TRUE;
  if (make_volume (target, base, error) && map_volume (target, error) && open_index (target, FALSE, error) &&
      keep (target, error))
    return TRUE;
  vf_target_abandon (target);
  return FALSE;
}

static gboolean
place_index (const VfTarget *target, GError **error)
{
  VmforgeStore *store = target->store;
  g_autofree char *part = vf_building_part_path (target->building->volume);
  g_autofree char *path = vf_building_index_path (target->building->volume);
  return renameat (store->fd, part, store->fd, path) == 0 ||
         vf_error_set_errno (error, "cannot rename '%s/%s'", store->path, part);
}

static gboolean
record (VfTarget *target, const char *root, GError **error)
{
  VmforgeStore *store = target->store;
  VfBuilding *building = target->building;
  VfStageIndex index = {.own_bytes = target->own_blocks * VF_BLOCK_BYTES};
  g_strlcpy (index.root, root, sizeof index.root);
  g_autoptr (VfJson) inputs = vf_import_record (root, target->name);
  return vf_store_record_indexed (store, building->key, inputs, building->volume, target->bytes,
                                  (double)(g_get_monotonic_time () - target->started) / G_USEC_PER_SEC, NULL,
                                  &index, error);
}

/* So that its blocks are found. What is not learnt now is when the next stage is. */
static void
learn (const VfTarget *target)
{
  const char *base =
      target->base == VMFORGE_NO_CONTENT ? NULL : vf_contents_stage (target->contents, target->base)->key;
  g_autoptr (GError) error = NULL;
  if (!vf_store_learn_blocks (target->store, target->building->key, base, &error))
    g_debug ("%s", error->message);
}

static gboolean
seal (VfTarget *target, GError **error)
{
  VfStorage *storage = target->store->storage;
  const char *id = target->building->volume;
  vf_fd_clear (&target->fd);
  target->mapped = FALSE;
  return vf_storage_unmap (storage, id, error) && vf_storage_seal (storage, id, error);
}

gboolean
vf_target_finish (VfTarget *target, GError **error)
{
  g_autofree char *root = NULL;
  if (target->writer == NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "nothing was received");
  if (!vf_block_writer_finish (target->writer, &root, error))
    return FALSE;
  g_autoptr (GMutexLocker) locker = vf_contents_lock_storage (target->contents);
  if (strcmp (root, target->root) != 0) {
    vf_target_abandon (target);
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "what was received is not image %s: its index has the root %.12s, not %.12s "
                         "(`vmforge verify %s` tells whether it is good where it comes from)",
                         target->name, root, target->root, target->name);
  }
  g_clear_pointer (&target->writer, vf_block_writer_free);
  if (!vf_store_finish_import (target->store, target->building, root, error) || !seal (target, error) ||
      (target->resumed ? !vf_target_verify (target, error) : !place_index (target, error)) ||
      !record (target, root, error)) {
    vf_target_abandon (target);
    return FALSE;
  }
  learn (target);
  return vf_store_end (target->store, g_steal_pointer (&target->building), FALSE, FALSE, error);
}
