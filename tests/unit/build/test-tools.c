/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The key of Core names every program of the host that writes into a volume, with its true version. */
#include "plan/tools.h"

#include "support/fs.h"
#include "support/process.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *path;
  VmforgeStore store; /* its folder alone */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fixture->path = g_dir_make_tmp ("vmforge-tools-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->store.fd = open (fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_true (vf_fs_mkdir_p (fixture->store.fd, "cache", 0755, NULL));
  g_assert_true (vf_fs_mkdir_p (fixture->store.fd, "locks", 0755, NULL));
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  close (fixture->store.fd);
  g_assert_true (vf_fs_remove (AT_FDCWD, fixture->path, NULL));
  g_free (fixture->path);
}

static gboolean
has_program (const char *program)
{
  g_autofree char *path = vf_process_find (program, NULL);
  if (!path)
    g_test_skip ("a program is missing");
  return path != NULL;
}

/* The version line begins with, or holds, the name of who says it. */
static void
assert_says (VfJson *versions, const char *tool, const char *words)
{
  const char *version = vf_json_string (versions, tool, NULL);
  g_assert_nonnull (version);
  if (!strstr (version, words) || !strpbrk (version, "0123456789"))
    g_error ("'%s' is no version of %s", version, tool);
}

static const char *const none[] = {NULL};

static void
ext4_names_what_makes_and_grows_it (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJson) versions = vf_tools_versions (&fixture->store, "ext4", none, &error);
  g_assert_no_error (error);
  assert_says (versions, "mkfs.ext4", "mke2fs ");
  assert_says (versions, "resize2fs", "resize2fs ");
  assert_says (versions, "mkfs.fat", "mkfs.fat ");
  assert_says (versions, "mcopy", "mtools");
  assert_says (versions, "libfdisk", ".");
  g_assert_null (vf_json_string (versions, "mkfs.xfs", NULL));
}

static void
xfs_names_what_makes_and_grows_it (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  if (!has_program ("mkfs.xfs"))
    return;
  g_autoptr (VfJson) versions = vf_tools_versions (&fixture->store, "xfs", none, &error);
  g_assert_no_error (error);
  assert_says (versions, "mkfs.xfs", "mkfs.xfs version ");
  assert_says (versions, "xfs_growfs", "xfs_growfs version ");
  g_assert_null (vf_json_string (versions, "resize2fs", NULL));
}

static void
what_a_plugin_adds_is_named_where_it_is (Fixture *fixture, gconstpointer data)
{
  static const char *const more[] = {"tar", "vmforge-no-such-program", NULL};
  g_autoptr (VfJson) versions = vf_tools_versions (&fixture->store, "ext4", more, NULL);
  assert_says (versions, "tar", "tar ");
  g_assert_null (vf_json_string (versions, "vmforge-no-such-program", NULL));
}

#define ADD(test) g_test_add ("/build/tools/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (ext4_names_what_makes_and_grows_it);
  ADD (xfs_names_what_makes_and_grows_it);
  ADD (what_a_plugin_adds_is_named_where_it_is);
  return g_test_run ();
}
