/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/filesystem.h"

#include "support/error.h"
#include "support/process.h"

#include <string.h>

/* mke2fs reads defaults from the host's /etc/mke2fs.conf; a build must not depend on them. */
static void
add_epoch (VfProcess *process, gint64 epoch)
{
  g_autofree char *e2fsprogs = g_strdup_printf ("E2FSPROGS_FAKE_TIME=%" G_GINT64_FORMAT, epoch);
  g_autofree char *standard = g_strdup_printf ("SOURCE_DATE_EPOCH=%" G_GINT64_FORMAT, epoch);
  vf_process_add_env (process, e2fsprogs);
  vf_process_add_env (process, standard);
  vf_process_add_env (process, "MKE2FS_CONFIG=/dev/null");
}

/* Identity and speed; features, sizes and ratios are the profile's, which knows what its GRUB reads, and part
 * of the key. */
static VfProcess *
make_ext4 (const VfDiskIds *ids)
{
  /* A new volume reads as zeros. Told so, mke2fs marks inode tables as zeroed without writing them: it takes
   * milliseconds, and no first boot finds anything left to initialise. */
  g_autofree char *extended =
      g_strdup_printf ("hash_seed=%s,root_owner=0:0,assume_storage_prezeroed=1,nodiscard", ids->hash_seed);
  return vf_process_new_args ("mkfs.ext4", "-q", "-F", "-U", ids->filesystem, "-E", extended, NULL);
}

static VfProcess *
make_xfs (const VfDiskIds *ids)
{
  g_autofree char *metadata = g_strdup_printf ("uuid=%s", ids->filesystem);
  return vf_process_new_args ("mkfs.xfs", "-q", "-f", "-K", "-m", metadata, NULL);
}

/* The filesystem was unmounted cleanly by us, hence -f: it saves a check of everything. New inode tables are
 * zeroed here (a hole is punched), so that the guest's kernel has nothing to do. */
static VfProcess *
grow_ext4 (const char *device, const char *target)
{
  VfProcess *process = vf_process_new_args ("resize2fs", "-f", device, NULL);
  vf_process_add_env (process, "RESIZE2FS_FORCE_ITABLE_INIT=1");
  return process;
}

static VfProcess *
grow_xfs (const char *device, const char *target)
{
  return vf_process_new_args ("xfs_growfs", target, NULL);
}

/* Nothing has to be durable before the volume is sealed, which writes everything back: no barriers, rare
 * commits, data not held back for them, no background initialisation. */
static const VfFilesystemType types[] = {
    {"ext4", "nobarrier,data=writeback,commit=600,noauto_da_alloc,noinit_itable", make_ext4, grow_ext4, FALSE,
     TRUE},
    {"xfs", "nouuid,noquota", make_xfs, grow_xfs, TRUE, FALSE},
};

const VfFilesystemType *
vf_filesystem_type (const char *name, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_strcmp0 (types[i].name, name) == 0)
      return &types[i];
  vf_error_set (error, VMFORGE_ERROR_SPEC, "unknown filesystem '%s' (known: ext4, xfs)", name);
  return NULL;
}

gboolean
vf_filesystem_make (const VfFilesystem *filesystem, const char *path, const VfDiskRange *range,
                    const VfDiskIds *ids, GCancellable *cancellable, GError **error)
{
  const VfFilesystemType *type = vf_filesystem_type (filesystem->type, error);
  if (!type)
    return FALSE;
  if (type->needs_arguments && !filesystem->mkfs[0])
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "the profile does not say how to make %s: add its features to disk.filesystems.%s.mkfs", type->name,
        type->name);
  g_autoptr (VfLoop) loop = vf_loop_attach (path, range->offset, range->length, error);
  if (!loop)
    return FALSE;
  g_autoptr (VfProcess) process = type->make (ids);
  for (const char *const *word = filesystem->mkfs; *word; word++)
    vf_process_add_argument (process, *word);
  vf_process_add_argument (process, loop->path);
  add_epoch (process, filesystem->epoch);
  return vf_process_run (process, NULL, cancellable, error);
}

gboolean
vf_filesystem_grow (const VfFilesystemType *type, gint64 epoch, const char *device, const char *target,
                    GCancellable *cancellable, GError **error)
{
  g_autoptr (VfProcess) process = type->grow (device, target);
  add_epoch (process, epoch);
  return vf_process_run (process, NULL, cancellable, error);
}
