/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/disk.h"

#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/process.h"
#include "support/units.h"

#include <fcntl.h>
#include <libfdisk.h>
#include <string.h>

#define SECTOR     512
#define ALIGNMENT  (1024 * 1024)
#define BIOS_START (2048 * SECTOR)
#define BIOS_BYTES (1024 * 1024)
#define ESP_BYTES  (64 * 1024 * 1024)
#define N_PARTS    3

/* Boot code and disk signature of the protective MBR: libfdisk zeroes them when it makes a table. */
#define MBR_CODE_BYTES 446

#define TYPE_BIOS "21686148-6449-6E6F-744E-656564454649"
#define TYPE_ESP  "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"

typedef struct fdisk_context Context;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Context, fdisk_unref_context)
typedef struct fdisk_partition Partition;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Partition, fdisk_unref_partition)
typedef struct fdisk_parttype PartType;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PartType, fdisk_unref_parttype)

/* A partition as it is written. */
typedef struct {
  const char *type, *name;
  char *guid;
  VfDiskRange range;
} Part;

/* A whole table: what create and grow write by the same code. */
typedef struct {
  char *disk_guid;
  char *types[N_PARTS];
  Part parts[N_PARTS];
} Table;

static void
table_clear (Table *table)
{
  g_free (table->disk_guid);
  for (guint i = 0; i < N_PARTS; i++) {
    g_free (table->types[i]);
    g_free (table->parts[i].guid);
  }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Table, table_clear)

static const char *const part_names[N_PARTS] = {"bios", "esp", "root"};

/* The discoverable partition types, so that tools which know them find the root filesystem. */
static const struct {
  const char *arch, *type;
} root_types[] = {
    {"x86_64", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"},
    {"i386", "44479540-F297-41B2-9AF7-D131D5F0458A"},
    {"aarch64", "B921B045-1DF0-41C3-AF44-4C6F280D3FAE"},
};

static const char *
root_type (const char *arch, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (root_types); i++)
    if (g_strcmp0 (root_types[i].arch, arch) == 0)
      return root_types[i].type;
  vf_error_set (error, VMFORGE_ERROR_SPEC, "no root partition type is known for the architecture '%s'", arch);
  return NULL;
}

VfDiskIds *
vf_disk_ids_new (const char *core_key)
{
  VfDiskIds *ids = g_new0 (VfDiskIds, 1);
  ids->disk = vf_digest_uuid (core_key, "disk");
  ids->bios = vf_digest_uuid (core_key, "partition bios");
  ids->esp = vf_digest_uuid (core_key, "partition esp");
  ids->root = vf_digest_uuid (core_key, "partition root");
  ids->filesystem = vf_digest_uuid (core_key, "filesystem root");
  ids->hash_seed = vf_digest_uuid (core_key, "hash seed");
  ids->fat_id = vf_digest_number (core_key, "fat");
  ids->esp_uuid = g_strdup_printf ("%04X-%04X", ids->fat_id >> 16, ids->fat_id & 0xffff);
  return ids;
}

void
vf_disk_ids_free (VfDiskIds *ids)
{
  if (!ids)
    return;
  g_free (ids->disk);
  g_free (ids->bios);
  g_free (ids->esp);
  g_free (ids->root);
  g_free (ids->filesystem);
  g_free (ids->hash_seed);
  g_free (ids->esp_uuid);
  g_free (ids);
}

/* libfdisk speaks through questions; its last words are the reason of a failure. */
static int
on_ask (Context *context, struct fdisk_ask *ask, void *data)
{
  GString *words = data;
  switch (fdisk_ask_get_type (ask)) {
  case FDISK_ASKTYPE_WARN:
  case FDISK_ASKTYPE_WARNX:
    g_string_assign (words, fdisk_ask_print_get_mesg (ask));
    return 0;
  case FDISK_ASKTYPE_INFO:
    return 0;
  case FDISK_ASKTYPE_YESNO:
    return fdisk_ask_yesno_set_result (ask, 1);
  default:
    return -EINVAL;
  }
}

static gboolean
set_fdisk_error (GError **error, int result, const GString *words, const char *path, const char *what)
{
  if (words->len > 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "%s of '%s': %s", what, path, words->str);
  errno = result < 0 ? -result : EINVAL;
  return vf_error_set_errno (error, "%s of '%s'", what, path);
}

static Context *
open_context (const char *path, gboolean read_only, GString *words, GError **error)
{
  g_autoptr (Context) context = fdisk_new_context ();
  fdisk_set_ask (context, on_ask, words);
  /* A virtual machine sees sectors of 512 bytes, whatever the disk below a logical volume has. */
  fdisk_save_user_sector_size (context, SECTOR, SECTOR);
  fdisk_save_user_grain (context, ALIGNMENT);
  int result = fdisk_assign_device (context, path, read_only);
  if (result != 0) {
    set_fdisk_error (error, result, words, path, "cannot read the partition table");
    return NULL;
  }
  fdisk_enable_wipe (context, 0);
  return g_steal_pointer (&context);
}

static int
add_part (Context *context, guint index, const Part *part)
{
  g_autoptr (Partition) partition = fdisk_new_partition ();
  g_autoptr (PartType) type =
      fdisk_label_get_parttype_from_string (fdisk_get_label (context, NULL), part->type);
  if (!type)
    return -EINVAL;
  fdisk_partition_set_type (partition, type);
  fdisk_partition_set_partno (partition, index);
  fdisk_partition_set_start (partition, part->range.offset / SECTOR);
  fdisk_partition_set_size (partition, part->range.length / SECTOR);
  fdisk_partition_set_uuid (partition, part->guid);
  fdisk_partition_set_name (partition, part->name);
  return fdisk_add_partition (context, partition, NULL);
}

/* The protective MBR's own part of the first sector stays: BIOS boot code is there. */
static gboolean
read_boot_code (const char *path, guint8 *code, GError **error)
{
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || pread (fd, code, MBR_CODE_BYTES, 0) != MBR_CODE_BYTES)
    return vf_error_set_errno (error, "cannot read '%s'", path);
  return TRUE;
}

static gboolean
write_boot_code (const char *path, const guint8 *code, GError **error)
{
  vf_autofd int fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || pwrite (fd, code, MBR_CODE_BYTES, 0) != MBR_CODE_BYTES)
    return vf_error_set_errno (error, "cannot write '%s'", path);
  return TRUE;
}

static gboolean
write_table (const char *path, const Table *table, GError **error)
{
  g_autoptr (GString) words = g_string_new (NULL);
  guint8 code[MBR_CODE_BYTES];
  if (!read_boot_code (path, code, error))
    return FALSE;
  g_autoptr (Context) context = open_context (path, FALSE, words, error);
  if (!context)
    return FALSE;
  int result = fdisk_create_disklabel (context, "gpt");
  if (result == 0)
    result = fdisk_set_disklabel_id_from_string (context, table->disk_guid);
  for (guint i = 0; i < N_PARTS && result == 0; i++)
    result = add_part (context, i, &table->parts[i]);
  if (result == 0)
    result = fdisk_write_disklabel (context);
  if (result == 0)
    result = fdisk_deassign_device (context, TRUE); /* without sync(): sealing syncs once */
  if (result != 0)
    return set_fdisk_error (error, result, words, path, "cannot write the partition table");
  return write_boot_code (path, code, error);
}

/* Where the root partition ends: before the backup table (33 sectors), on an alignment boundary. */
static guint64
root_end (guint64 bytes)
{
  return (bytes - 33 * SECTOR) / ALIGNMENT * ALIGNMENT;
}

static gboolean
make_esp (const char *path, const VfDiskRange *esp, guint32 fat_id, GCancellable *cancellable, GError **error)
{
  g_autofree char *offset = g_strdup_printf ("%" G_GUINT64_FORMAT, esp->offset / SECTOR);
  g_autofree char *blocks = g_strdup_printf ("%" G_GUINT64_FORMAT, esp->length / 1024);
  g_autofree char *id = g_strdup_printf ("%08x", fat_id);
  g_autoptr (VfProcess) process =
      vf_process_new_args ("mkfs.fat", "--invariant", "-F", "32", "-s", "1", "-S", "512", "-I", "-n", "ESP",
                           "-i", id, "-h", offset, "--offset", offset, path, blocks, NULL);
  return vf_process_run (process, NULL, cancellable, error);
}

gboolean
vf_disk_create (const char *path, guint64 bytes, const char *arch, const VfDiskIds *ids,
                GCancellable *cancellable, GError **error)
{
  if (bytes < VF_DISK_MIN_BYTES) {
    g_autofree char *size = vf_units_format_size (bytes), *least = vf_units_format_size (VF_DISK_MIN_BYTES);
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "a disk of %s is too small: the least is %s", size,
                         least);
  }
  const char *type = root_type (arch, error);
  if (!type)
    return FALSE;
  const guint64 esp = BIOS_START + BIOS_BYTES, root = esp + ESP_BYTES;
  g_auto (Table) table = {
      .disk_guid = g_strdup (ids->disk),
      .parts =
          {
              {TYPE_BIOS, part_names[0], g_strdup (ids->bios), {BIOS_START, BIOS_BYTES}},
              {TYPE_ESP, part_names[1], g_strdup (ids->esp), {esp, ESP_BYTES}},
              {type, part_names[2], g_strdup (ids->root), {root, root_end (bytes) - root}},
          },
  };
  return write_table (path, &table, error) &&
         make_esp (path, &table.parts[1].range, ids->fat_id, cancellable, error);
}

static gboolean
read_part (Context *context, guint index, Part *part, char **type)
{
  g_autoptr (Partition) partition = NULL;
  if (fdisk_get_partition (context, index, &partition) != 0 || !fdisk_partition_has_start (partition) ||
      !fdisk_partition_has_size (partition))
    return FALSE;
  *type = g_strdup (fdisk_parttype_get_string (fdisk_partition_get_type (partition)));
  *part = (Part){
      .type = *type,
      .name = part_names[index],
      .guid = g_strdup (fdisk_partition_get_uuid (partition)),
      .range = {fdisk_partition_get_start (partition) * SECTOR,
                fdisk_partition_get_size (partition) * SECTOR},
  };
  return TRUE;
}

static gboolean
read_table (const char *path, Table *table, GError **error)
{
  g_autoptr (GString) words = g_string_new (NULL);
  g_autoptr (Context) context = open_context (path, TRUE, words, error);
  if (!context)
    return FALSE;
  gboolean ok = fdisk_is_labeltype (context, FDISK_DISKLABEL_GPT);
  for (guint i = 0; i < N_PARTS && ok; i++)
    ok = read_part (context, i, &table->parts[i], &table->types[i]);
  if (!ok)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' does not hold the three partitions of a volume",
                         path);
  return fdisk_get_disklabel_id (context, &table->disk_guid) == 0 ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' has a partition table without identifier", path);
}

gboolean
vf_disk_grow (const char *path, guint64 bytes, GError **error)
{
  g_auto (Table) table = {0};
  if (!read_table (path, &table, error))
    return FALSE;
  VfDiskRange *root = &table.parts[2].range;
  const guint64 end = root_end (bytes);
  if (end < root->offset + root->length)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "a volume cannot shrink: '%s' is larger already", path);
  if (end == root->offset + root->length)
    return TRUE;
  root->length = end - root->offset;
  return write_table (path, &table, error);
}

gboolean
vf_disk_read (const char *path, VfDiskLayout *layout, GError **error)
{
  g_auto (Table) table = {0};
  if (!read_table (path, &table, error))
    return FALSE;
  *layout = (VfDiskLayout){table.parts[0].range, table.parts[1].range, table.parts[2].range};
  return TRUE;
}
