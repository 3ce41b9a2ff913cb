/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/work.h"

#include "support/error.h"
#include "support/units.h"

#include <sys/stat.h>

/* Sizes of packages are estimates, and scripts make files of their own (an initial ramdisk, caches). */
#define MARGIN_PERCENT 5
#define MARGIN_BYTES   (32 * 1024 * 1024)

/* More than any volume has. */
#define MAX_NEEDED (G_MAXUINT64 / 4)

/* Less than this is as good as nothing: what failed, failed for the lack of it. */
#define FULL_BYTES (4 * 1024 * 1024)

/* What the user has to raise: the Appliance has the size of the disk, lower stages one of their own. */
static char *
size_key (const VfWork *work)
{
  return g_str_equal (work->stage, "appliance") ? g_strdup ("`disk.size`")
                                                : g_strdup_printf ("`size` of stage '%s'", work->stage);
}

gboolean
vf_work_check_space (VfWork *work, GError **error)
{
  guint64 total, available, needed = 0;
  for (guint i = 0; i < work->packages->len; i++) {
    const struct vmforge_package *package = &((VfPackage *)work->packages->pdata[i])->pub;
    if (!(package->flags & VMFORGE_PACKAGE_REMOVE))
      needed += MIN (package->installed_size, MAX_NEEDED - needed); /* a lock may say anything */
  }
  if (needed == 0)
    return TRUE;
  needed += needed * MARGIN_PERCENT / 100 + MARGIN_BYTES;
  if (!vf_mount_get_space (work->mount, &total, &available, error))
    return FALSE;
  if (needed <= available)
    return TRUE;
  g_autofree char *need = vf_units_format_size (work->bytes - available + needed);
  g_autofree char *have = vf_units_format_size (work->bytes);
  g_autofree char *key = size_key (work);
  return vf_error_set (error, VMFORGE_ERROR_NO_SPACE, "stage '%s' needs %s in a volume of %s: raise %s",
                       work->stage, need, have, key);
}

/* Less is not worth a record of the store. */
#define WRITTEN_STEP (64 * 1024 * 1024)

/* Of a file, which is what most storages map; of a device nothing is known, and all of it stays reserved. Not
 * what the filesystem inside has in use, which reaches the storage much later. */
static guint64
taken_bytes (const VfWork *work)
{
  struct stat info;
  return work->volume_path && stat (work->volume_path, &info) == 0 && S_ISREG (info.st_mode)
             ? (guint64)info.st_blocks * 512
             : 0;
}

void
vf_work_tell_written (VfWork *work)
{
  const guint64 taken = taken_bytes (work);
  if (work->bytes_before == 0)
    work->bytes_before = MAX (taken, 1);
  if (taken < work->bytes_before + work->bytes_told + WRITTEN_STEP)
    return;
  work->bytes_told = taken - work->bytes_before;
  vf_events_written (work->events, work->bytes_told);
}

void
vf_work_explain_full (VfWork *work, GError **error)
{
  guint64 total, available;
  if (!work->mount || !vf_mount_get_space (work->mount, &total, &available, NULL))
    return;
  if (g_str_has_prefix ((*error)->message, "stage '"))
    return; /* vf_work_check_space has said it better */
  /* Who ran out of space may have cleaned up behind itself, and only says so. */
  if (available > FULL_BYTES && !g_error_matches (*error, VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE))
    return;
  g_autofree char *have = vf_units_format_size (work->bytes);
  g_autofree char *key = size_key (work);
  vf_events_logf (work->events, "vmforge: %s", (*error)->message);
  g_clear_error (error);
  vf_error_set (error, VMFORGE_ERROR_NO_SPACE, "stage '%s' needs more than the %s of its volume: raise %s",
                work->stage, have, key);
}
