/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "store/stage-index.h"

#include "store/records.h"
#include "support/error.h"
#include "support/fs.h"

#include <stdio.h>
#include <unistd.h>

#define INDEX ".index"
#define PART  ".index.part"

char *
vf_stage_index_path (const char *key, const char *storage)
{
  return g_strdup_printf ("stages/%s/%s" INDEX, key, storage);
}

char *
vf_building_index_path (const char *volume)
{
  return g_strdup_printf ("building/%s" INDEX, volume);
}

char *
vf_building_part_path (const char *volume)
{
  return g_strdup_printf ("building/%s" PART, volume);
}

VfBlockIndex *
vf_stage_index_open (VmforgeStore *store, const VfStage *stage, GError **error)
{
  g_autofree char *path = vf_stage_index_path (stage->key, stage->storage);
  return vf_block_index_open (store->fd, path, stage->index, error);
}

VfBlockIndex *
vf_image_index_open (VmforgeStore *store, const VfImage *image, GError **error)
{
  g_autoptr (GError) failure = NULL;
  if (!vf_image_check_volume (store, image, error))
    return NULL;
  g_autoptr (VfStage) stage = vf_store_find_stage (store, image->key, &failure);
  if (stage != NULL && stage->index != NULL)
    return vf_stage_index_open (store, stage, error);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                  "stage %.12s has no block index: remove it and build it again", image->key);
  return NULL;
}

gboolean
vf_stage_index_record (VmforgeStore *store, const char *key, const char *volume, const VfStageIndex *index,
                       GError **error)
{
  g_autofree char *from = vf_building_index_path (volume);
  g_autofree char *to = vf_stage_index_path (key, store->storage_name);
  g_autofree char *folder = g_path_get_dirname (to);
  /* That it is the one which the worker spoke of costs a look at its header. */
  g_autoptr (VfBlockIndex) opened = vf_block_index_open (store->fd, from, index->root, error);
  if (opened == NULL)
    return FALSE;
  if (renameat (store->fd, from, store->fd, to) < 0)
    return vf_error_set_errno (error, "cannot move '%s/%s' to '%s'", store->path, from, to);
  return vf_records_sync_dir (store, folder, error);
}

gboolean
vf_stage_index_remove (VmforgeStore *store, const char *key, GError **error)
{
  g_autofree char *path = vf_stage_index_path (key, store->storage_name);
  return !vf_fs_exists (store->fd, path) || vf_records_remove (store, path, error);
}

gboolean
vf_stage_index_sweep (VmforgeStore *store, const char *key, char **storages, GError **error)
{
  g_autofree char *folder = g_strdup_printf ("stages/%s", key);
  g_auto (GStrv) names = vf_records_names (store, folder, INDEX, error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *path = vf_stage_index_path (key, *name);
    if (!g_strv_contains ((const char *const *)storages, *name) && !vf_records_remove (store, path, error))
      return FALSE;
  }
  return TRUE;
}

static void
remove_building (VmforgeStore *store, const char *volume, const char *suffix)
{
  g_autofree char *path = g_strdup_printf ("building/%s%s", volume, suffix);
  (void)unlinkat (store->fd, path, 0);
}

void
vf_building_index_remove (VmforgeStore *store, const char *volume)
{
  remove_building (store, volume, PART);
  remove_building (store, volume, INDEX);
}

gboolean
vf_building_index_sweep (VmforgeStore *store, GError **error)
{
  static const char *const suffixes[] = {INDEX, PART};
  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++) {
    g_auto (GStrv) volumes = vf_records_names (store, "building", suffixes[i], error);
    if (volumes == NULL)
      return FALSE;
    for (char **volume = volumes; *volume != NULL; volume++) {
      g_autofree char *record = g_strdup_printf ("building/%s.json", *volume);
      if (!vf_fs_exists (store->fd, record))
        remove_building (store, *volume, suffixes[i]);
    }
  }
  return TRUE;
}
