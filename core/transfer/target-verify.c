/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A volume that was received in several turns. Between two of them the machine may have gone down, and kept
 * of the last writes what it liked; so the root is made from what the storage says that differs from the
 * base. */
#include "blocks/index-build.h"
#include "store/stage-index.h"
#include "support/error.h"
#include "support/fd.h"
#include "transfer/target-private.h"

#include <fcntl.h>

static gboolean
build (VfTarget *target, int fd, char **root, GError **error)
{
  VfStorage *storage = target->store->storage;
  const char *id = target->building->volume;
  g_autofree char *path = vf_building_index_path (id);
  VfBlockSource source = {.volume = {fd, target->bytes}, .cancellable = target->store->host.cancellable};
  g_autoptr (GArray) extents = vf_storage_extents (storage, id, target->bytes, error), differences = NULL;
  guint64 own_bytes;
  if (extents == NULL)
    return FALSE;
  source.extents = extents;
  if (target->base != VMFORGE_NO_CONTENT) {
    const VfStage *base = vf_contents_stage (target->contents, target->base);
    source.parent = vf_contents_index (target->contents, target->base, error);
    differences = source.parent == NULL
                      ? NULL
                      : vf_storage_differences (storage, base->volume, id, target->bytes, error);
    if (differences == NULL)
      return FALSE;
    source.differences = differences;
  }
  return vf_block_index_build (&source, target->store->fd, path, root, &own_bytes, error);
}

gboolean
vf_target_verify (VfTarget *target, GError **error)
{
  VfStorage *storage = target->store->storage;
  const char *id = target->building->volume;
  g_autofree char *path = NULL, *root = NULL;
  if (!vf_storage_map (storage, id, TRUE, &path, error))
    return FALSE;
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  gboolean done =
      fd >= 0 ? build (target, fd, &root, error) : vf_error_set_errno (error, "cannot read '%s'", path);
  vf_fd_clear (&fd);
  if (!vf_storage_unmap (storage, id, done ? error : NULL) || !done)
    return FALSE;
  return g_str_equal (root, target->root) ||
         vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "what was received of image %s is damaged: run the command again", target->name);
}
