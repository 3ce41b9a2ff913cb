/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The storage plugin that `plugins new storage` writes, under the name `plain`: with it, what the callbacks
 * of a plugin that has a `folder` do by default. */
#include "fixture.h"
#include "plugin/storage.h"
#include "support/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE  "0123456789abcdef0123456789abcdef"
#define PARENT "00000000000000000000000000000001"
#define CHILD  "00000000000000000000000000000002"
#define BYTES  (64 * 1024 * 1024)

static VfStorage *
open_plain (Fixture *fixture)
{
  GError *error = NULL;
  g_free (fixture_install (fixture, "plain", "vmforge-plain.so"));
  VfStorage *storage = vf_storage_open ("plain", fixture->folder, STORE, &fixture->host, &error);
  g_assert_no_error (error);
  return storage;
}

static char *
map (VfStorage *storage, const char *id, gboolean read_only)
{
  GError *error = NULL;
  char *path = NULL;
  vf_storage_map (storage, id, read_only, &path, &error);
  g_assert_no_error (error);
  return path;
}

/* Writes at an offset of a volume. */
static void
write_at (VfStorage *storage, const char *id, off_t offset, const char *text)
{
  g_autofree char *path = map (storage, id, FALSE);
  vf_autofd int fd = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (pwrite (fd, text, strlen (text), offset), ==, (int)strlen (text));
}

static void
assert_text (VfStorage *storage, const char *id, off_t offset, const char *text)
{
  char found[64] = {0};
  g_autofree char *path = map (storage, id, TRUE);
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (pread (fd, found, strlen (text), offset), ==, (int)strlen (text));
  g_assert_cmpmem (found, strlen (text), text, strlen (text));
}

static VfStorage *
open_with_parent (Fixture *fixture)
{
  GError *error = NULL;
  VfStorage *storage = open_plain (fixture);
  vf_storage_create (storage, PARENT, BYTES, &error);
  g_assert_no_error (error);
  write_at (storage, PARENT, 0, "first");
  write_at (storage, PARENT, BYTES / 2 + 7, "middle");
  write_at (storage, PARENT, BYTES - 4, "last");
  vf_storage_seal (storage, PARENT, &error);
  g_assert_no_error (error);
  return storage;
}

/* "ID sealed BYTES" of each, in order. */
static char *
list (VfStorage *storage)
{
  GError *error = NULL;
  g_autoptr (GPtrArray) volumes = vf_storage_list (storage, &error);
  g_assert_no_error (error);
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < volumes->len; i++) {
    const VfVolume *volume = volumes->pdata[i];
    g_string_append_printf (text, "%s %d %" G_GUINT64_FORMAT "\n", volume->id, volume->sealed, volume->bytes);
  }
  return g_string_free (text, FALSE);
}

/* Entries of the folder with the volumes. */
static guint
count_files (Fixture *fixture)
{
  g_autofree char *path = g_build_filename (fixture->folder, "plain", NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint count = 0;
  while (dir && g_dir_read_name (dir))
    count++;
  return count;
}

static void
a_clone_has_the_content_and_the_holes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  GError *error = NULL;
  struct stat info;
  vf_storage_clone (storage, CHILD, PARENT, &error);
  g_assert_no_error (error);
  assert_text (storage, CHILD, 0, "first");
  assert_text (storage, CHILD, BYTES / 2 + 7, "middle");
  assert_text (storage, CHILD, BYTES - 4, "last");
  g_autofree char *path = map (storage, CHILD, FALSE);
  g_assert_cmpint (stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_size, ==, BYTES);
  g_assert_cmpint (info.st_blocks * 512, <, BYTES / 8);
}

static void
what_is_written_to_a_clone_stays_there (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  g_assert_true (vf_storage_clone (storage, CHILD, PARENT, NULL));
  write_at (storage, CHILD, 0, "other");
  assert_text (storage, PARENT, 0, "first");
  assert_text (storage, CHILD, 0, "other");
}

static void
a_sealed_volume_is_not_changed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  GError *error = NULL;
  g_autofree char *path = NULL;
  g_assert_false (vf_storage_map (storage, PARENT, FALSE, &path, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: volume " PARENT " is sealed");
  g_assert_false (vf_storage_grow (storage, PARENT, 2 * BYTES, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: volume " PARENT " is sealed");
}

static void
a_volume_that_is_not_sealed_is_not_cloned (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_plain (fixture);
  GError *error = NULL;
  g_assert_true (vf_storage_create (storage, PARENT, BYTES, NULL));
  g_assert_false (vf_storage_clone (storage, CHILD, PARENT, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: volume " PARENT " is not sealed");
  g_assert_false (vf_storage_clone (storage, PARENT, CHILD, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: cannot open volume " CHILD);
}

/* Whoever has the id of a volume has the volume. */
static void
nothing_is_overwritten (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  GError *error = NULL;
  g_assert_false (vf_storage_create (storage, PARENT, BYTES, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: cannot name volume " PARENT);
  g_assert_false (vf_storage_clone (storage, PARENT, PARENT, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: cannot name volume " PARENT);
  assert_text (storage, PARENT, 0, "first");
  g_autofree char *text = list (storage);
  g_assert_cmpstr (text, ==, PARENT " 1 67108864\n");
}

static void
it_grows_and_never_shrinks (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  GError *error = NULL;
  g_assert_true (vf_storage_clone (storage, CHILD, PARENT, NULL));
  g_assert_true (vf_storage_grow (storage, CHILD, 2 * BYTES, NULL));
  assert_text (storage, CHILD, BYTES - 4, "last");
  g_assert_false (vf_storage_grow (storage, CHILD, BYTES, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: volume " CHILD " cannot be made smaller");
  g_assert_false (vf_storage_grow (storage, CHILD, G_MAXUINT64 - 511, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: cannot grow volume " CHILD);
  g_autofree char *text = list (storage);
  g_assert_cmpstr (text, ==, PARENT " 1 67108864\n" CHILD " 0 134217728\n");
}

static void
a_size_out_of_range_makes_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_plain (fixture);
  GError *error = NULL;
  g_assert_false (vf_storage_create (storage, PARENT, G_MAXUINT64, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "plain: cannot make volume " PARENT);
  g_assert_cmpuint (count_files (fixture), ==, 0);
}

static void
volumes_are_there_after_it_is_opened_again (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  g_clear_pointer (&storage, vf_storage_close);
  storage = open_plain (fixture);
  g_autofree char *text = list (storage);
  g_assert_cmpstr (text, ==, PARENT " 1 67108864\n");
}

static void
what_is_no_volume_is_not_listed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  static const char *const strangers[] = {CHILD, CHILD ".raw.part", "lost+found",
                                          "0000000000000000000000000000000X.raw"};
  for (guint i = 0; i < G_N_ELEMENTS (strangers); i++) {
    g_autofree char *path = g_build_filename (fixture->folder, "plain", strangers[i], NULL);
    g_assert_true (g_file_set_contents (path, "not ours", 8, NULL));
  }
  g_autofree char *text = list (storage);
  g_assert_cmpstr (text, ==, PARENT " 1 67108864\n");
}

static void
it_removes_what_is_there_and_what_is_not (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  g_assert_true (vf_storage_clone (storage, CHILD, PARENT, NULL));
  g_assert_true (vf_storage_remove (storage, PARENT, NULL));
  g_assert_true (vf_storage_remove (storage, PARENT, NULL));
  assert_text (storage, CHILD, 0, "first");
  g_assert_true (vf_storage_remove (storage, CHILD, NULL));
  g_autofree char *text = list (storage);
  g_assert_cmpstr (text, ==, "");
}

static void
a_clone_that_is_stopped_leaves_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_with_parent (fixture);
  GError *error = NULL;
  g_cancellable_cancel (fixture->cancellable);
  g_assert_false (vf_storage_clone (storage, CHILD, PARENT, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_cmpuint (count_files (fixture), ==, 1);
  g_autofree char *text = list (storage);
  g_assert_cmpstr (text, ==, PARENT " 1 67108864\n");
}

#define ADD(path, function)                                                                                  \
  g_test_add ("/new-storage/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("clone", a_clone_has_the_content_and_the_holes);
  ADD ("write-after-clone", what_is_written_to_a_clone_stays_there);
  ADD ("sealed", a_sealed_volume_is_not_changed);
  ADD ("not-sealed", a_volume_that_is_not_sealed_is_not_cloned);
  ADD ("overwrites-nothing", nothing_is_overwritten);
  ADD ("grow", it_grows_and_never_shrinks);
  ADD ("out-of-range", a_size_out_of_range_makes_nothing);
  ADD ("reopen", volumes_are_there_after_it_is_opened_again);
  ADD ("strangers", what_is_no_volume_is_not_listed);
  ADD ("remove", it_removes_what_is_there_and_what_is_not);
  ADD ("stopped", a_clone_that_is_stopped_leaves_nothing);
  return g_test_run ();
}
