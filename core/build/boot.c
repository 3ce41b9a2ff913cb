/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Boot files: the package plugin makes them inside the root filesystem, here they are placed. */

#include "build/work.h"

#include "build/embed.h"
#include "support/error.h"
#include "support/fd.h"

#include <unistd.h>

#define ARTEFACT_LIMIT (16 * 1024 * 1024)

static gboolean
read_artefact (VfWork *work, const VfArtefact *artefact, char **data, gsize *length, GError **error)
{
  *data = vf_rootfs_read_data (work->root, artefact->path, ARTEFACT_LIMIT, length, error);
  return *data != NULL;
}

static const VfArtefact *
find_artefact (GPtrArray *artefacts, enum vmforge_artefact_kind kind)
{
  for (guint i = 0; i < artefacts->len; i++) {
    const VfArtefact *artefact = artefacts->pdata[i];
    if (artefact->kind == kind)
      return artefact;
  }
  return NULL;
}

static gboolean
place_bios (VfWork *work, GPtrArray *artefacts, GError **error)
{
  const VfArtefact *boot = find_artefact (artefacts, VMFORGE_ARTEFACT_BIOS_BOOT);
  const VfArtefact *core = find_artefact (artefacts, VMFORGE_ARTEFACT_BIOS_CORE);
  if (!boot && !core)
    return TRUE;
  if (!boot || !core)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the package plugin made only one of boot sector and core image");
  g_autofree char *boot_data = NULL, *core_data = NULL;
  gsize boot_length, core_length;
  return read_artefact (work, boot, &boot_data, &boot_length, error) &&
         read_artefact (work, core, &core_data, &core_length, error) &&
         vf_embed_bios (work->volume_path, &work->layout, (guint8 *)boot_data, boot_length,
                        (guint8 *)core_data, core_length, error);
}

static gboolean
place_efi (VfWork *work, const VfArtefact *artefact, GError **error)
{
  gsize length;
  vf_autofd int fd =
      vf_rootfs_open_file (work->root, artefact->path, work->layout.esp.length, &length, error);
  if (fd < 0)
    return FALSE;
  /* The file that was looked at, not the path: mcopy would follow it anywhere. */
  g_autofree char *source = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), fd);
  return vf_embed_efi (work->volume_path, &work->layout, source, artefact->target, work->epoch, NULL, error);
}

gboolean
vf_work_boot (VfWork *work, GError **error)
{
  g_auto (GStrv) arguments = vf_json_strv (work->job, "kernel_arguments");
  const struct vmforge_boot_request request = {
      .size = sizeof request,
      .firmware = vf_json_int (work->job, "firmware", 0),
      .filesystem = vf_json_string (work->job, "filesystem", "ext4"),
      .root_uuid = work->ids->filesystem,
      .esp_uuid = work->ids->esp_uuid,
      .kernel_arguments = (const char *const *)arguments,
      .flags = vf_json_bool (work->job, "initramfs", FALSE) ? VMFORGE_BOOT_INITRAMFS : 0,
  };
  g_autoptr (GPtrArray) artefacts =
      vf_backend_boot (work->backend, work->root->path, work->root->fd, &request, error);
  if (!artefacts || !place_bios (work, artefacts, error))
    return FALSE;
  for (guint i = 0; i < artefacts->len; i++) {
    const VfArtefact *artefact = artefacts->pdata[i];
    if (artefact->kind == VMFORGE_ARTEFACT_EFI_FILE && !place_efi (work, artefact, error))
      return FALSE;
  }
  return TRUE;
}
