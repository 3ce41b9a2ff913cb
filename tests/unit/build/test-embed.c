/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/embed.h"

#include "support/digest.h"
#include "support/process.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE  VF_DISK_MIN_BYTES
#define EPOCH 1700000000

typedef struct {
  char *folder, *path, *source;
  VfDiskLayout layout;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfDiskIds) ids = vf_disk_ids_new ("a key");
  fixture->folder = g_dir_make_tmp ("vmforge-embed-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->folder, "disk", NULL);
  fixture->source = g_build_filename (fixture->folder, "source", NULL);
  int fd = open (fixture->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (ftruncate (fd, SIZE), ==, 0);
  close (fd);
  vf_disk_create (fixture->path, SIZE, "x86_64", ids, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vf_disk_read (fixture->path, &fixture->layout, NULL));
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_unlink (fixture->path);
  g_unlink (fixture->source);
  g_rmdir (fixture->folder);
  g_free (fixture->path);
  g_free (fixture->source);
  g_free (fixture->folder);
}

static void
read_at (const Fixture *fixture, guint64 offset, guint8 *data, gsize length)
{
  int fd = open (fixture->path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (pread (fd, data, length, offset), ==, length);
  close (fd);
}

static gboolean
embed (const Fixture *fixture, gsize core_length, guint8 byte, GError **error)
{
  guint8 boot[512];
  g_autofree guint8 *core = g_malloc (core_length);
  memset (boot, 0xb0, sizeof boot);
  memset (core, byte, core_length);
  return vf_embed_bios (fixture->path, &fixture->layout, boot, sizeof boot, core, core_length, error);
}

static void
the_boot_sector_is_patched_byte_by_byte (Fixture *fixture, gconstpointer data)
{
  guint8 before[512], after[512], expected[440];
  static const guint8 start[8] = {0, 8}; /* sector 2048 */
  read_at (fixture, 0, before, 512);
  g_assert_true (embed (fixture, 1500, 0xc0, NULL));
  read_at (fixture, 0, after, 512);
  memset (expected, 0xb0, sizeof expected);
  memcpy (expected + 0x5c, start, 8);
  memcpy (expected + 0x64, "\xff\xb0\x90\x90", 4);
  g_assert_cmpmem (after, 440, expected, 440);
  g_assert_cmpmem (after + 440, 72, before + 440, 72);
  g_assert_cmpint (after[0x1c2], ==, 0xee); /* the protective partition */
  g_assert_cmpint (after[510], ==, 0x55);
}

static void
the_core_image_is_patched_byte_by_byte (Fixture *fixture, gconstpointer data)
{
  guint8 found[2048], expected[2048] = {0};
  static const guint8 list[10] = {1, 8, 0, 0, 0, 0, 0, 0, 2, 0}; /* sector 2049; 3 sectors less 1 */
  g_assert_true (embed (fixture, 1500, 0xc0, NULL));
  memset (expected, 0xc0, 1500);
  memcpy (expected + 0x1f4, list, sizeof list);
  read_at (fixture, fixture->layout.bios.offset, found, sizeof found);
  g_assert_cmpmem (found, sizeof found, expected, sizeof expected);
}

static void
a_shorter_core_image_leaves_nothing_of_a_longer_one (Fixture *fixture, gconstpointer data)
{
  guint8 found[512], zeros[512] = {0};
  g_assert_true (embed (fixture, 100000, 0xc1, NULL));
  g_assert_true (embed (fixture, 1000, 0xc2, NULL));
  read_at (fixture, fixture->layout.bios.offset + 99000, found, 512);
  g_assert_cmpmem (found, 512, zeros, 512);
}

static void
a_core_image_that_does_not_fit_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (embed (fixture, fixture->layout.bios.length + 1, 0, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_false (embed (fixture, 512, 0, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
}

static void
put (const Fixture *fixture, const char *text, const char *target)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (g_file_set_contents (fixture->source, text, -1, NULL));
  vf_embed_efi (fixture->path, &fixture->layout, fixture->source, target, EPOCH, NULL, &error);
  g_assert_no_error (error);
}

static char *
get (const Fixture *fixture, const char *target)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *image =
      g_strdup_printf ("%s@@%" G_GUINT64_FORMAT, fixture->path, fixture->layout.esp.offset);
  g_autofree char *place = g_strconcat ("::", target, NULL);
  g_autoptr (VfProcess) process = vf_process_new_args ("mtype", "-i", image, place, NULL);
  vf_process_run (process, NULL, NULL, &error);
  g_assert_no_error (error);
  return g_strdup (vf_process_get_output (process));
}

static void
files_of_the_efi_partition_are_placed_and_replaced (Fixture *fixture, gconstpointer data)
{
  put (fixture, "first", "EFI/BOOT/BOOTX64.EFI");
  put (fixture, "second one", "EFI/BOOT/BOOTX64.EFI");
  put (fixture, "beside it", "EFI/BOOT/grub.cfg");
  g_autofree char *loader = get (fixture, "EFI/BOOT/BOOTX64.EFI"),
                  *config = get (fixture, "EFI/BOOT/grub.cfg");
  g_assert_cmpstr (loader, ==, "second one");
  g_assert_cmpstr (config, ==, "beside it");
}

static void
the_efi_partition_does_not_depend_on_the_clock (Fixture *fixture, gconstpointer data)
{
  put (fixture, "first", "EFI/BOOT/BOOTX64.EFI");
  g_autofree char *first = vf_digest_file (AT_FDCWD, fixture->path, NULL);
  tear_down (fixture, NULL);
  g_usleep (2100 * 1000); /* FAT counts in two seconds */
  set_up (fixture, NULL);
  put (fixture, "first", "EFI/BOOT/BOOTX64.EFI");
  g_autofree char *second = vf_digest_file (AT_FDCWD, fixture->path, NULL);
  g_assert_cmpstr (first, ==, second);
}

static void
a_target_outside_of_the_efi_partition_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (g_file_set_contents (fixture->source, "x", -1, NULL));
  g_assert_false (
      vf_embed_efi (fixture->path, &fixture->layout, fixture->source, "../EFI", EPOCH, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
}

#define ADD(test) g_test_add ("/build/embed/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (the_boot_sector_is_patched_byte_by_byte);
  ADD (the_core_image_is_patched_byte_by_byte);
  ADD (a_shorter_core_image_leaves_nothing_of_a_longer_one);
  ADD (a_core_image_that_does_not_fit_is_refused);
  ADD (files_of_the_efi_partition_are_placed_and_replaced);
  ADD (the_efi_partition_does_not_depend_on_the_clock);
  ADD (a_target_outside_of_the_efi_partition_is_refused);
  return g_test_run ();
}
