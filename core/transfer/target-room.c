/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Nobody knows beforehand how much comes. A disk that runs full below a pool loses what the pool has taken
 * for written, so it is not let come to that. */
#include "support/error.h"
#include "transfer/target-private.h"

#include <unistd.h>

static gboolean
look (VfTarget *target, GError **error)
{
  /* What waits in memory is not missing from the disk yet. */
  if (fdatasync (target->fd) < 0)
    return vf_error_set_errno (error, "cannot write the volume of image %s", target->name);
  g_autoptr (GMutexLocker) locker = vf_contents_lock_storage (target->contents);
  return vf_store_take_room (target->store, VF_IMPORT_RESERVE, &target->room, error);
}

gboolean
vf_target_take_room (VfTarget *target, guint64 bytes, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&target->room_lock);
  if (target->room < bytes && !look (target, error))
    return FALSE;
  if (target->room < bytes)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "more is written at once than there is room for");
  target->room -= target->room == G_MAXUINT64 ? 0 : bytes;
  return TRUE;
}
