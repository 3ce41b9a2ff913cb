/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/owners.h"

#include "support/fs.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *path;
  VfRootfs *root;
} Fixture;

static void
put (const Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (fixture->path, name, NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = g_dir_make_tmp ("vmforge-owners-XXXXXX", NULL);
  fixture->root = vf_rootfs_open (fixture->path, 0, NULL);
  g_autofree char *etc = g_build_filename (fixture->path, "etc", NULL);
  g_assert_cmpint (g_mkdir (etc, 0755), ==, 0);
  put (fixture, "etc/passwd",
       "root:x:0:0:root:/root:/bin/sh\nweb:x:990:991::/srv/web:/bin/false\nbroken:x\n");
  put (fixture, "etc/group", "root:x:0:\nwebs:x:991:web\ndisk:x:6:\n");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vf_rootfs_close (fixture->root);
  g_assert_true (vf_fs_remove (AT_FDCWD, fixture->path, NULL));
  g_free (fixture->path);
}

static void
assert_owner (const Fixture *fixture, const char *text, uid_t uid, gid_t gid)
{
  g_autoptr (GError) error = NULL;
  VfAccess access = {0644, 1, 1};
  vf_owner_parse (fixture->root, text, &access, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (access.uid, ==, uid);
  g_assert_cmpuint (access.gid, ==, gid);
}

static void
names_are_those_of_the_image (Fixture *fixture, gconstpointer data)
{
  assert_owner (fixture, NULL, 0, 0);
  assert_owner (fixture, "web", 990, 991);
  assert_owner (fixture, "web:disk", 990, 6);
  assert_owner (fixture, "root:webs", 0, 991);
  assert_owner (fixture, "990", 990, 991);
  assert_owner (fixture, "1234:4321", 1234, 4321);
  assert_owner (fixture, "1234", 1234, 1234);
}

static void
unknown_names_are_errors_that_quote_them (Fixture *fixture, gconstpointer data)
{
  static const char *const wrong[] = {"nobody", "web:nobody", "broken", "web:", ":disk", "99999999999"};
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    VfAccess access;
    g_assert_false (vf_owner_parse (fixture->root, wrong[i], &access, &error));
    g_assert_nonnull (error);
  }
}

#define ADD(test) g_test_add ("/build/owners/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (names_are_those_of_the_image);
  ADD (unknown_names_are_errors_that_quote_them);
  return g_test_run ();
}
