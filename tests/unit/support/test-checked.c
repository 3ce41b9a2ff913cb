/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/checked.h"
#include "support/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "record.json"

typedef struct {
  char *folder;
  int fd;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fixture->folder = g_dir_make_tmp ("vmforge-checked-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->fd = vf_fs_open_dir (AT_FDCWD, fixture->folder, &error);
  g_assert_no_error (error);
  g_autoptr (VfJson) json = json_object_new_object ();
  vf_json_set_int (json, "format", 1);
  vf_json_set_string (json, "volume", "a\001b\"é");
  VfJson *inner = json_object_new_object ();
  vf_json_set_bool (inner, "checksum", TRUE);
  vf_json_set (json, "inner", inner);
  g_assert_true (vf_checked_write (fixture->fd, FILE_NAME, json, &error));
  g_assert_no_error (error);
  /* What was given stays as it is. */
  g_assert_false (json_object_object_get_ex (json, "checksum", NULL));
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  close (fixture->fd);
  vf_fs_remove (AT_FDCWD, fixture->folder, NULL);
  g_free (fixture->folder);
}

static VfChecked
verify (Fixture *fixture)
{
  g_autofree char *why = NULL;
  VfChecked state = vf_checked_verify (fixture->fd, FILE_NAME, &why);
  g_assert_true ((state == VF_CHECKED_BAD) == (why != NULL));
  return state;
}

static void
what_was_written_is_read_without_its_checksum (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJson) json = vf_checked_read (fixture->fd, FILE_NAME, &error);
  g_assert_no_error (error);
  g_autofree char *text = vf_json_canonical (json);
  g_assert_cmpstr (text, ==,
                   "{\"format\":1,\"inner\":{\"checksum\":true},\"volume\":\"a\\u0001b\\\"\303\251\"}");
  g_assert_cmpint (verify (fixture), ==, VF_CHECKED_GOOD);
}

/* Reading may pass over damage that leaves the content as it was; who looks for damage finds any. */
static void
every_flipped_byte_is_revealed (Fixture *fixture, gconstpointer data)
{
  gsize length;
  g_autofree char *sound = vf_fs_read (fixture->fd, FILE_NAME, 4096, &length, NULL);
  g_autoptr (VfJson) content = vf_checked_read (fixture->fd, FILE_NAME, NULL);
  int file = openat (fixture->fd, FILE_NAME, O_WRONLY | O_CLOEXEC);
  for (gsize i = 0; i < length; i++)
    for (int bit = 0; bit < 8; bit++) {
      g_autofree char *text = g_memdup2 (sound, length + 1);
      text[i] = (char)(text[i] ^ (1 << bit));
      g_assert_cmpint (pwrite (file, text, length, 0), ==, (ssize_t)length);
      g_assert_cmpint (verify (fixture), !=, VF_CHECKED_GOOD);
      g_autoptr (VfJson) json = vf_checked_read (fixture->fd, FILE_NAME, NULL);
      gboolean named = json != NULL && !json_object_equal (json, content);
      /* The name of the checksum is the only other content that is taken. */
      g_assert_true (!named || strstr (text, "\"checksum\":\"") == NULL);
    }
  close (file);
}

static void
a_file_without_a_checksum_is_read (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_fs_write (fixture->fd, FILE_NAME, "{\"a\":1}", 7, 0644, NULL));
  g_autoptr (VfJson) json = vf_checked_read (fixture->fd, FILE_NAME, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vf_json_int (json, "a", 0), ==, 1);
  g_assert_cmpint (verify (fixture), ==, VF_CHECKED_PLAIN);
}

static void
damage_is_told (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_fs_write (fixture->fd, FILE_NAME, "{\"a\":1,\"checksum\":\"00\"}", 23, 0644, NULL));
  g_assert_null (vf_checked_read (fixture->fd, FILE_NAME, &error));
  g_assert_nonnull (strstr (error->message, FILE_NAME));
  g_assert_nonnull (strstr (error->message, "is damaged"));
  g_assert_true (vf_fs_write (fixture->fd, FILE_NAME, "[1]", 3, 0644, NULL));
  g_assert_null (vf_checked_read (fixture->fd, FILE_NAME, NULL));
  g_assert_cmpint (verify (fixture), ==, VF_CHECKED_BAD);
  g_assert_cmpint (unlinkat (fixture->fd, FILE_NAME, 0), ==, 0);
  g_assert_cmpint (verify (fixture), ==, VF_CHECKED_ABSENT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(PATH, FUNC) g_test_add ("/checked/" PATH, Fixture, NULL, set_up, FUNC, tear_down)
  ADD ("what-was-written-is-read-without-its-checksum", what_was_written_is_read_without_its_checksum);
  ADD ("every-flipped-byte-is-revealed", every_flipped_byte_is_revealed);
  ADD ("a-file-without-a-checksum-is-read", a_file_without_a_checksum_is_read);
  ADD ("damage-is-told", damage_is_told);
  return g_test_run ();
}
