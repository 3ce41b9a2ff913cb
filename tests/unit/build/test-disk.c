/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/disk.h"

#include "support/digest.h"
#include "support/json.h"
#include "support/process.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MIB  (G_GUINT64_CONSTANT (1024) * 1024)
#define SIZE (200 * MIB)
#define KEY  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct {
  char *folder, *path;
  VfDiskIds *ids;
} Fixture;

static void
resize (const char *path, guint64 bytes)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, bytes), ==, 0);
  close (fd);
}

static void
poke (const char *path, guint64 offset, const char *text)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (pwrite (fd, text, strlen (text), offset), ==, strlen (text));
  close (fd);
}

static void
assert_at (const char *path, guint64 offset, const char *text)
{
  char found[64] = {0};
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (pread (fd, found, strlen (text), offset), ==, strlen (text));
  g_assert_cmpstr (found, ==, text);
  close (fd);
}

static void
create (const char *path, const VfDiskIds *ids)
{
  g_autoptr (GError) error = NULL;
  resize (path, SIZE);
  vf_disk_create (path, SIZE, "x86_64", ids, NULL, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("vmforge-disk-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->folder, "disk", NULL);
  fixture->ids = vf_disk_ids_new (KEY);
  create (fixture->path, fixture->ids);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_unlink (fixture->path);
  g_rmdir (fixture->folder);
  g_free (fixture->path);
  g_free (fixture->folder);
  vf_disk_ids_free (fixture->ids);
}

static void
verify (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfProcess) process = vf_process_new_args ("sfdisk", "--verify", path, NULL);
  vf_process_run (process, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (strstr (vf_process_get_output (process), "not on the end"));
}

static void
the_table_is_valid (Fixture *fixture, gconstpointer data)
{
  static const char *const types[] = {"21686148-6449-6E6F-744E-656564454649",
                                      "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
                                      "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"};
  const char *const guids[] = {fixture->ids->bios, fixture->ids->esp, fixture->ids->root};
  g_autoptr (GError) error = NULL;
  g_autoptr (VfProcess) process = vf_process_new_args ("sfdisk", "--json", fixture->path, NULL);
  verify (fixture->path);
  vf_process_run (process, NULL, NULL, &error);
  g_assert_no_error (error);
  const char *output = vf_process_get_output (process);
  g_autoptr (VfJson) json = vf_json_parse (output, strlen (output), &error);
  g_assert_no_error (error);
  VfJson *table = vf_json_object (json, "partitiontable");
  g_assert_cmpstr (vf_json_string (table, "label", ""), ==, "gpt");
  g_assert_cmpint (g_ascii_strcasecmp (vf_json_string (table, "id", ""), fixture->ids->disk), ==, 0);
  VfJson *parts = vf_json_array (table, "partitions");
  g_assert_cmpint (json_object_array_length (parts), ==, 3);
  for (guint i = 0; i < 3; i++) {
    VfJson *part = json_object_array_get_idx (parts, i);
    g_assert_cmpstr (vf_json_string (part, "type", ""), ==, types[i]);
    g_assert_cmpint (g_ascii_strcasecmp (vf_json_string (part, "uuid", ""), guids[i]), ==, 0);
  }
  g_assert_cmpint (vf_json_int (json_object_array_get_idx (parts, 0), "start", 0), ==, 2048);
}

static void
reading_gives_the_layout (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfDiskLayout layout;
  vf_disk_read (fixture->path, &layout, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (layout.bios.offset, ==, MIB);
  g_assert_cmpuint (layout.bios.length, ==, MIB);
  g_assert_cmpuint (layout.esp.offset, ==, 2 * MIB);
  g_assert_cmpuint (layout.esp.length, ==, 64 * MIB);
  g_assert_cmpuint (layout.root.offset, ==, 66 * MIB);
  g_assert_cmpuint (layout.root.offset + layout.root.length, ==, SIZE - MIB);
}

static void
equal_keys_give_equal_bytes (Fixture *fixture, gconstpointer data)
{
  g_autofree char *first = vf_digest_file (AT_FDCWD, fixture->path, NULL);
  g_unlink (fixture->path);
  g_usleep (1100 * 1000); /* a clock of seconds would show */
  create (fixture->path, fixture->ids);
  g_autofree char *second = vf_digest_file (AT_FDCWD, fixture->path, NULL);
  g_assert_cmpstr (first, ==, second);
}

static void
another_key_gives_other_identifiers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfDiskIds) other = vf_disk_ids_new ("another");
  g_assert_cmpstr (other->disk, !=, fixture->ids->disk);
  g_assert_cmpstr (other->filesystem, !=, fixture->ids->filesystem);
  g_assert_cmpstr (other->esp_uuid, !=, fixture->ids->esp_uuid);
  g_assert_cmpint (strlen (other->esp_uuid), ==, 9);
  g_assert_cmpstr (other->root, !=, other->filesystem);
}

static void
growing_keeps_data_and_boot_code (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfDiskLayout before, after;
  g_assert_true (vf_disk_read (fixture->path, &before, NULL));
  poke (fixture->path, 0, "boot code");
  poke (fixture->path, before.root.offset + 4096, "root data");
  resize (fixture->path, 2 * SIZE);
  vf_disk_grow (fixture->path, 2 * SIZE, &error);
  g_assert_no_error (error);
  g_assert_true (vf_disk_read (fixture->path, &after, NULL));
  g_assert_cmpuint (after.root.offset, ==, before.root.offset);
  g_assert_cmpuint (after.root.offset + after.root.length, ==, 2 * SIZE - MIB);
  assert_at (fixture->path, 0, "boot code");
  assert_at (fixture->path, before.root.offset + 4096, "root data");
  assert_at (fixture->path, before.esp.offset + 82, "FAT32");
  verify (fixture->path);
}

static void
shrinking_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_disk_grow (fixture->path, SIZE - 2 * MIB, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
}

static void
a_disk_that_is_too_small_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_disk_create (fixture->path, 100 * MIB, "x86_64", fixture->ids, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
}

static void
a_file_without_table_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfDiskLayout layout;
  g_unlink (fixture->path);
  resize (fixture->path, SIZE);
  g_assert_false (vf_disk_read (fixture->path, &layout, &error));
  g_assert_nonnull (strstr (error->message, fixture->path));
}

#define ADD(test) g_test_add ("/build/disk/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (the_table_is_valid);
  ADD (reading_gives_the_layout);
  ADD (equal_keys_give_equal_bytes);
  ADD (another_key_gives_other_identifiers);
  ADD (growing_keeps_data_and_boot_code);
  ADD (shrinking_is_refused);
  ADD (a_disk_that_is_too_small_is_refused);
  ADD (a_file_without_table_is_refused);
  return g_test_run ();
}
