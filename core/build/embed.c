/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/embed.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/process.h"

#include <fcntl.h>
#include <string.h>

#define SECTOR 512

/* Offsets in GRUB's boot.img and core.img (docs: grub's boot.h, diskboot.h). */
#define BOOT_CODE_BYTES  440   /* the rest of the sector is disk signature and partition table */
#define BOOT_CORE_SECTOR 0x5c  /* 64 bit: where core.img begins */
#define BOOT_DRIVE       0x64  /* 0xff: the drive that the BIOS booted from */
#define BOOT_DRIVE_CHECK 0x66  /* two no-operations in place of a jump that only floppies need */
#define CORE_LIST_SECTOR 0x1f4 /* 64 bit: where the rest of core.img begins */
#define CORE_LIST_LENGTH 0x1fc /* 16 bit: sectors of the rest */
#define CORE_MAX_SECTORS 0xffff

static gboolean
write_at (int fd, const char *path, const guint8 *data, gsize length, guint64 offset, GError **error)
{
  while (length > 0) {
    ssize_t written = pwrite (fd, data, length, offset);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return vf_error_set_errno (error, "cannot write '%s'", path);
    data += written;
    length -= written;
    offset += written;
  }
  return TRUE;
}

static void
put_sector (guint8 *at, guint64 sector)
{
  guint64 little = GUINT64_TO_LE (sector);
  memcpy (at, &little, sizeof little);
}

static gboolean
check_bios_images (const VfDiskLayout *layout, gsize boot_length, gsize core_length, GError **error)
{
  if (boot_length < BOOT_CODE_BYTES || boot_length > SECTOR)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the boot sector has %" G_GSIZE_FORMAT " bytes: it is no boot.img of GRUB",
                         boot_length);
  if (core_length <= SECTOR)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the core image has %" G_GSIZE_FORMAT " bytes: it is no core.img of GRUB",
                         core_length);
  if (core_length > layout->bios.length || core_length > (gsize)CORE_MAX_SECTORS * SECTOR)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "GRUB's core image has %" G_GSIZE_FORMAT
                         " bytes, the BIOS boot partition holds %" G_GUINT64_FORMAT,
                         core_length, layout->bios.length);
  return TRUE;
}

gboolean
vf_embed_bios (const char *path, const VfDiskLayout *layout, const guint8 *boot, gsize boot_length,
               const guint8 *core, gsize core_length, GError **error)
{
  if (!check_bios_images (layout, boot_length, core_length, error))
    return FALSE;
  const guint64 start = layout->bios.offset / SECTOR;
  const gsize sectors = (core_length + SECTOR - 1) / SECTOR;

  guint8 sector[SECTOR] = {0};
  memcpy (sector, boot, BOOT_CODE_BYTES);
  put_sector (sector + BOOT_CORE_SECTOR, start);
  sector[BOOT_DRIVE] = 0xff;
  memset (sector + BOOT_DRIVE_CHECK, 0x90, 2);

  /* The whole partition is written, so that nothing of a longer image of an earlier stage stays. */
  g_autofree guint8 *area = g_malloc0 (layout->bios.length);
  memcpy (area, core, core_length);
  put_sector (area + CORE_LIST_SECTOR, start + 1);
  guint16 rest = GUINT16_TO_LE ((guint16)(sectors - 1));
  memcpy (area + CORE_LIST_LENGTH, &rest, sizeof rest);

  vf_autofd int fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return vf_error_set_errno (error, "cannot open '%s'", path);
  return write_at (fd, path, area, layout->bios.length, layout->bios.offset, error) &&
         write_at (fd, path, sector, BOOT_CODE_BYTES, 0, error);
}

static gboolean
run_mtool (const VfDiskLayout *layout, const char *path, gint64 epoch, const char *tool,
           const char *const *words, GCancellable *cancellable, GError **error)
{
  g_autofree char *image = g_strdup_printf ("%s@@%" G_GUINT64_FORMAT, path, layout->esp.offset);
  g_autofree char *epoch_env = g_strdup_printf ("SOURCE_DATE_EPOCH=%" G_GINT64_FORMAT, epoch);
  g_autoptr (VfProcess) process = vf_process_new_args (tool, "-i", image, NULL);
  for (; *words; words++)
    vf_process_add_argument (process, *words);
  vf_process_add_env (process, epoch_env);
  vf_process_add_env (process, "MTOOLSRC=/dev/null");
  vf_process_add_env (process, "MTOOLS_SKIP_CHECK=1");
  return vf_process_run (process, NULL, cancellable, error);
}

/* Makes the folders above target; those that are there are skipped. */
static gboolean
make_folders (const char *path, const VfDiskLayout *layout, const char *target, gint64 epoch,
              GCancellable *cancellable, GError **error)
{
  for (const char *slash = strchr (target, '/'); slash; slash = strchr (slash + 1, '/')) {
    g_autofree char *folder = g_strdup_printf ("::%.*s", (int)(slash - target), target);
    const char *const probe[] = {"-b", folder, NULL};
    if (run_mtool (layout, path, epoch, "mdir", probe, cancellable, NULL))
      continue;
    const char *const make[] = {folder, NULL};
    if (!run_mtool (layout, path, epoch, "mmd", make, cancellable, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_embed_efi (const char *path, const VfDiskLayout *layout, const char *source, const char *target,
              gint64 epoch, GCancellable *cancellable, GError **error)
{
  while (*target == '/')
    target++;
  if (*target == '\0' || strstr (target, "..") || g_str_has_suffix (target, "/"))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' names no file of the EFI system partition",
                         target);
  g_autofree char *place = g_strdup_printf ("::%s", target);
  const char *const words[] = {"-o", "-D", "o", source, place, NULL};
  return make_folders (path, layout, target, epoch, cancellable, error) &&
         run_mtool (layout, path, epoch, "mcopy", words, cancellable, error);
}
