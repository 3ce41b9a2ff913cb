/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The last step of a stage: the block index of its sealed volume, from the parent's where there is one. */
#include "build/index.h"

#include "blocks/index-build.h"
#include "build/work.h"
#include "store/stage-index.h"
#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <string.h>

void
vf_index_tell_parent (VfJson *job, const VfStage *parent)
{
  if (parent->index == NULL)
    return;
  g_autofree char *path = vf_stage_index_path (parent->key, parent->storage);
  VfJson *index = json_object_new_object ();
  vf_json_set_string (index, "path", path);
  vf_json_set_string (index, "root", parent->index);
  vf_json_set (job, "parent_index", index);
}

static void
on_progress (double fraction, gpointer user_data)
{
  VfWork *work = user_data;
  vf_progress_set (&work->progress, fraction, NULL);
}

/* Of a parent without one, or whose own is damaged, nothing is taken over. */
static VfBlockIndex *
open_parent (VfWork *work)
{
  VfJson *json = vf_json_object (work->job, "parent_index");
  g_autoptr (GError) failure = NULL;
  if (json == NULL)
    return NULL;
  VfBlockIndex *index = vf_block_index_open (work->store->fd, vf_json_string (json, "path", ""),
                                             vf_json_string (json, "root", ""), &failure);
  if (index == NULL)
    vf_events_logf (work->events, "vmforge: %s: all of the volume is indexed", failure->message);
  return index;
}

static gboolean
build_whole (VfWork *work, VfBlockSource *source, const char *path, GError **error)
{
  source->parent = NULL;
  source->differences = NULL;
  return vf_block_index_build (source, work->store->fd, path, &work->index_root, &work->own_bytes, error);
}

static gboolean
build_from_parent (VfWork *work, VfBlockSource *source, const char *path, GError **error)
{
  const char *volume = vf_json_string (work->job, "volume", "");
  g_autoptr (VfBlockIndex) parent = open_parent (work);
  if (parent == NULL)
    return build_whole (work, source, path, error);
  g_autoptr (GArray) differences = vf_storage_differences (
      work->storage, vf_json_string (work->job, "parent_volume", ""), volume, source->volume.bytes, error);
  if (differences == NULL)
    return FALSE;
  g_autoptr (GError) failure = NULL;
  source->parent = parent;
  source->differences = differences;
  if (vf_block_index_build (source, work->store->fd, path, &work->index_root, &work->own_bytes, &failure))
    return TRUE;
  if (!g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_FAILED)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  /* A page of the parent's has rotted: fsck will tell of that one, this volume is sound. */
  vf_events_logf (work->events, "vmforge: %s: all of the volume is indexed", failure->message);
  return build_whole (work, source, path, error);
}

/* What the storage said to be holes, or the same as the parent's, is read as well. */
static gboolean
compare_whole (VfWork *work, VfBlockSource *source, const char *path, GError **error)
{
  g_autofree char *made = g_steal_pointer (&work->index_root);
  guint64 own_bytes = work->own_bytes;
  source->extents = NULL;
  if (!build_whole (work, source, path, error))
    return FALSE;
  work->own_bytes = own_bytes;
  return strcmp (made, work->index_root) == 0 ||
         vf_error_set (
             error, VMFORGE_ERROR_FAILED,
             "the storage says of some blocks that they are holes, or the same as in the stage below, "
             "and they are not: its plugin is wrong (`vmforge plugins check`)");
}

static gboolean
index_mapped (VfWork *work, const char *volume, const char *mapped, GError **error)
{
  g_autofree char *path = vf_building_index_path (volume);
  vf_autofd int fd = open (mapped, O_RDONLY | O_CLOEXEC);
  off_t end = fd < 0 ? -1 : lseek (fd, 0, SEEK_END); /* of a block device as well */
  if (end < 0)
    return vf_error_set_errno (error, "cannot read volume %s at '%s'", volume, mapped);
  VfBlockSource source = {
      .volume = {fd, (guint64)end},
      .progress = on_progress,
      .user_data = work,
  };
  g_autoptr (GArray) extents = vf_storage_extents (work->storage, volume, source.volume.bytes, error);
  if (extents == NULL)
    return FALSE;
  source.extents = extents;
  if (!build_from_parent (work, &source, path, error))
    return FALSE;
  return !vf_json_bool (work->job, "paranoid", FALSE) || compare_whole (work, &source, path, error);
}

gboolean
vf_work_index (VfWork *work, GError **error)
{
  const char *volume = vf_json_string (work->job, "volume", "");
  g_autofree char *mapped = NULL;
  if (!vf_storage_map (work->storage, volume, TRUE, &mapped, error))
    return FALSE;
  gboolean done = index_mapped (work, volume, mapped, error);
  if (!done)
    g_prefix_error (error, "cannot index the volume: ");
  /* The first error is the one to tell. */
  return vf_storage_unmap (work->storage, volume, done ? error : NULL) && done;
}
