/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/digest.h"

#include "common.h"
#include "support/fd.h"

#include <fcntl.h>
#include <string.h>

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void
test_text (void)
{
  g_autofree char *empty = vf_digest_text (""), *abc = vf_digest_text ("abc");
  g_assert_cmpstr (empty, ==, EMPTY);
  g_assert_cmpstr (abc, ==, ABC);
}

static void
test_data (void)
{
  g_autofree char *with_nul = vf_digest_data ("a\0b", 3), *cut = vf_digest_text ("a"),
                  *whole = vf_digest_data ("abc", 3);
  g_assert_cmpstr (with_nul, !=, cut);
  g_assert_cmpstr (whole, ==, ABC);
}

static void
test_file (void)
{
  char *folder = begin_folder ();
  g_autofree char *path = make_file (folder, "file", "abc", 0644);
  g_autoptr (GError) error = NULL;
  vf_autofd int dir = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autofree char *digest = vf_digest_file (dir, "file", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (digest, ==, ABC);
  end_folder (folder);
}

static void
test_large_file (void)
{
  char *folder = begin_folder ();
  g_autofree char *text = g_strnfill (3 * 1024 * 1024 + 17, 'x');
  g_autofree char *path = make_file (folder, "file", text, 0644);
  g_autofree char *of_text = vf_digest_text (text), *of_file = vf_digest_file (AT_FDCWD, path, NULL);
  g_assert_cmpstr (of_file, ==, of_text);
  end_folder (folder);
}

static void
test_from_start (void)
{
  char *folder = begin_folder ();
  g_autofree char *path = make_file (folder, "file", "abc", 0644);
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (lseek (fd, 2, SEEK_SET), ==, 2);
  g_autofree char *digest = vf_digest_fd (fd, NULL);
  g_assert_cmpstr (digest, ==, ABC);
  g_assert_cmpint (lseek (fd, 0, SEEK_CUR), ==, 2);
  end_folder (folder);
}

static void
test_absent_file (void)
{
  GError *error = NULL;
  g_assert_null (vf_digest_file (AT_FDCWD, "/absent/file", &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'/absent/file': No such file");
}

static void
test_folder (void)
{
  GError *error = NULL;
  g_assert_null (vf_digest_file (AT_FDCWD, "/", &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'/': cannot read: Is a directory");
}

static void
test_is_hex (void)
{
  g_assert_true (vf_digest_is_hex (ABC, VF_DIGEST_HEX));
  g_assert_true (vf_digest_is_hex ("0f", 2));
  g_assert_false (vf_digest_is_hex ("0F", 2));
  g_assert_false (vf_digest_is_hex ("0g", 2));
  g_assert_false (vf_digest_is_hex ("0f0", 2));
  g_assert_false (vf_digest_is_hex ("0", 2));
}

static void
test_uuid (void)
{
  g_autofree char *uuid = vf_digest_uuid ("seed", "root");
  /* printf 'seed\0root' | sha256sum, with the version and the variant set. */
  g_assert_cmpstr (uuid, ==, "f0abe75a-7431-8359-91ea-9babef8eb17d");
}

static void
test_uuid_form (void)
{
  for (int i = 0; i < 200; i++) {
    g_autofree char *seed = g_strdup_printf ("%d", i), *uuid = vf_digest_uuid (seed, "x");
    g_assert_true (g_uuid_string_is_valid (uuid));
    g_assert_cmpint (uuid[14], ==, '8');
    g_assert_nonnull (strchr ("89ab", uuid[19]));
  }
}

static void
test_uuid_border (void)
{
  g_autofree char *a = vf_digest_uuid ("ab", "c"), *b = vf_digest_uuid ("a", "bc");
  g_assert_cmpstr (a, !=, b);
}

static void
test_number (void)
{
  g_assert_cmphex (vf_digest_number ("seed", "root"), ==, 0xf0abe75a);
}

static void
test_random_id (void)
{
  g_autofree char *a = vf_digest_random_id (), *b = vf_digest_random_id ();
  g_assert_true (vf_digest_is_hex (a, 32));
  g_assert_cmpstr (a, !=, b);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/digest/of a text is SHA-256", test_text);
  g_test_add_func ("/digest/of data covers its NUL bytes", test_data);
  g_test_add_func ("/digest/of a file below a folder is that of its bytes", test_file);
  g_test_add_func ("/digest/of a file larger than the buffer is that of its bytes", test_large_file);
  g_test_add_func ("/digest/of a descriptor begins at its start and leaves its place", test_from_start);
  g_test_add_func ("/digest/an absent file is an error that names it", test_absent_file);
  g_test_add_func ("/digest/a folder is an error that names it", test_folder);
  g_test_add_func ("/digest/only lower-case digits of the right number are hexadecimal", test_is_hex);
  g_test_add_func ("/digest/a UUID is made of seed and label", test_uuid);
  g_test_add_func ("/digest/every UUID has version 8 and the variant of the RFC", test_uuid_form);
  g_test_add_func ("/digest/where the seed ends matters", test_uuid_border);
  g_test_add_func ("/digest/a number is made of the first 32 bits", test_number);
  g_test_add_func ("/digest/two random names differ", test_random_id);
  return g_test_run ();
}
