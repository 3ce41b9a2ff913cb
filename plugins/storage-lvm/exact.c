/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* LVM rounds sizes up to its extents, but a disk ends where it ends: a partition table has its copy there. */
#include "storage-lvm.h"

#include <errno.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTOR 512

void
exact_path (const char *id, char *path)
{
  snprintf (path, VMFORGE_PATH_MAX, "/dev/mapper/" LV_PREFIX "%s", id);
}

/* Runs the task, and waits for udev to be done with the device where there is one. */
static gboolean
run (struct dm_task *task)
{
  uint32_t cookie = 0;
  gboolean udev = access ("/run/udev/control", F_OK) == 0;
  dm_udev_set_sync_support (udev);
  gboolean done = dm_task_set_cookie (task, &cookie, 0) && dm_task_run (task);
  return dm_udev_wait (cookie) && done;
}

static struct dm_task *
new_task (int type, const char *id)
{
  char name[NAME_BYTES];
  report_name (name, id);
  struct dm_task *task = dm_task_create (type);
  if (task == NULL || dm_task_set_name (task, name))
    return task;
  dm_task_destroy (task);
  return NULL;
}

static gboolean
exists (const char *id)
{
  struct dm_info info = {0};
  struct dm_task *task = new_task (DM_DEVICE_INFO, id);
  gboolean asked =
      task != NULL && dm_task_no_open_count (task) && dm_task_run (task) && dm_task_get_info (task, &info);
  if (task != NULL)
    dm_task_destroy (task);
  return asked && info.exists;
}

int
exact_make (Call *call, const Volume *volume, const char *node)
{
  struct stat info;
  if (exists (volume->id))
    return 0;
  if (stat (node, &info) < 0)
    return fail_errno (call, "cannot look at '%s'", node);
  g_autofree char *target = g_strdup_printf ("%u:%u 0", major (info.st_rdev), minor (info.st_rdev));
  struct dm_task *task = new_task (DM_DEVICE_CREATE, volume->id);
  gboolean made = task != NULL && (!volume->sealed || dm_task_set_ro (task)) &&
                  dm_task_add_target (task, 0, volume->bytes / SECTOR, "linear", target) && run (task);
  if (task != NULL)
    dm_task_destroy (task);
  if (!made)
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "cannot map '%s' with %" G_GUINT64_FORMAT " bytes", node,
                       volume->bytes);
  return made ? 0 : -1;
}

int
exact_remove (Call *call, const char *id, gboolean quiet)
{
  if (!exists (id))
    return 0;
  struct dm_task *task = new_task (DM_DEVICE_REMOVE, id);
  gboolean removed = task != NULL && dm_task_retry_remove (task) && run (task);
  if (task != NULL)
    dm_task_destroy (task);
  if (!removed && !quiet)
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume %s is still in use", id);
  return removed ? 0 : -1;
}
