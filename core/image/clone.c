/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/clone.h"

#include "support/error.h"
#include "support/units.h"

#include <string.h>

static gboolean
grow (VmforgeStore *store, const VfImage *image, const char *volume, guint64 size, GError **error)
{
  if (size == 0 || size == image->bytes)
    return TRUE;
  g_autofree char *now = vf_units_format_size (image->bytes);
  if (size < image->bytes)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "a disk can only be grown: the image has %s already",
                         now);
  return vf_storage_grow (store->storage, volume, size, error);
}

VfClone *
vf_clone_new (VmforgeStore *store, const VfImage *image, guint64 size, GError **error)
{
  if (!vf_image_check_volume (store, image, error))
    return NULL;
  VfBuilding *building = vf_store_begin_clone (store, image->key, 0, error);
  if (building == NULL)
    return NULL;
  VfClone *clone = g_new0 (VfClone, 1);
  clone->store = store;
  clone->building = building;
  if (vf_storage_clone (store->storage, building->volume, image->volume, error) &&
      grow (store, image, building->volume, size, error) &&
      vf_storage_map (store->storage, building->volume, FALSE, &clone->path, error))
    return clone;
  vf_clone_close (clone, NULL);
  return NULL;
}

gboolean
vf_clone_close (VfClone *clone, GError **error)
{
  VmforgeStore *store = clone->store;
  GCancellable *cancellable = store->host.cancellable;
  store->host.cancellable = NULL;
  gboolean unmapped =
      clone->path == NULL || vf_storage_unmap (store->storage, clone->building->volume, error);
  gboolean removed = vf_store_end (store, clone->building, TRUE, FALSE, unmapped ? error : NULL);
  store->host.cancellable = cancellable;
  g_free (clone->path);
  g_free (clone);
  return unmapped && removed;
}
