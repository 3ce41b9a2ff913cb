/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "place.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXT4_MAGIC 0xEF53

void
place_run (const char *first, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  va_list args;
  va_start (args, first);
  for (const char *word = first; word; word = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer)word);
  va_end (args);
  g_ptr_array_add (argv, NULL);
  GError *error = NULL;
  int status = -1;
  g_spawn_sync (NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static char *everything; /* the folder of all tests of this run */

static void
remove_tree (const char *path)
{
  place_run ("rm", "-rf", "--one-file-system", path, NULL);
}

int
place_guard (int (*run) (void))
{
  int status = 0;
  everything = g_strdup ("/var/tmp/vmforge-test-XXXXXX");
  g_assert_nonnull (g_mkdtemp (everything));
  pid_t child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0) {
    g_assert_cmpint (unshare (CLONE_NEWNS), ==, 0);
    g_assert_cmpint (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), ==, 0);
    _exit (run ());
  }
  g_assert_cmpint (TEMP_FAILURE_RETRY (waitpid (child, &status, 0)), ==, child);
  remove_tree (everything);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 1;
}

static void
on_log (enum vmforge_log_level level, const char *line, gpointer user_data)
{
  Fixture *fixture = user_data;
  g_test_message ("log %d: %s", (int)level, line);
  if (level != VMFORGE_LOG_WARNING)
    return;
  g_free (fixture->warning);
  fixture->warning = g_strdup (line);
}

static const char *
pool_setting (const char *folder)
{
  /* On a host whose filesystem clones files itself a pool is made only when asked for. */
  struct statfs filesystem;
  g_assert_cmpint (statfs (folder, &filesystem), ==, 0);
  return filesystem.f_type == EXT4_MAGIC ? "storage-file:pool_size=2GiB"
                                         : "storage-file:pool=always,pool_size=2GiB";
}

static void
make_store (Fixture *fixture, Place place)
{
  g_autofree char *image = g_build_filename (fixture->folder, "xfs.img", NULL);
  g_autofree char *mount_point = g_build_filename (fixture->folder, "mnt", NULL);
  g_assert_cmpint (g_mkdir (mount_point, 0755), ==, 0);
  fixture->store = g_build_filename (mount_point, "store", NULL);
  fixture->setting = g_strdup (place == PLACE_POOL  ? pool_setting (fixture->folder)
                               : place == PLACE_XFS ? "storage-file"
                                                    : "storage-file:pool=never");
  if (place == PLACE_XFS) {
    place_run ("truncate", "-s", "2G", image, NULL);
    place_run ("mkfs.xfs", "-q", "-m", "reflink=1", image, NULL);
    place_run ("mount", "-o", "loop,nouuid", image, mount_point, NULL);
  } else if (place == PLACE_SMALL) {
    g_assert_cmpint (mount ("tmpfs", mount_point, "tmpfs", 0, "size=8m"), ==, 0);
  }
  g_assert_cmpint (g_mkdir (fixture->store, 0755), ==, 0);
}

VfStorage *
place_open (Fixture *fixture, const char *extra, GError **error)
{
  g_autofree char *setting =
      g_strconcat (fixture->setting, extra ? (strchr (fixture->setting, ':') ? "," : ":") : "", extra, NULL);
  return vf_storage_open (setting, fixture->store, STORE_ID, &fixture->host, error);
}

void
place_reopen (Fixture *fixture, const char *extra)
{
  GError *error = NULL;
  g_clear_pointer (&fixture->storage, vf_storage_close);
  fixture->storage = place_open (fixture, extra, &error);
  g_assert_no_error (error);
}

void
place_set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_build_filename (everything, "XXXXXX", NULL);
  g_assert_nonnull (g_mkdtemp (fixture->folder));
  fixture->host = (VfHost){.log = on_log, .user_data = fixture};
  make_store (fixture, *(const Place *)data);
  place_reopen (fixture, NULL);
}

void
place_tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *pool = g_build_filename (fixture->store, "pool", NULL);
  g_autofree char *mount_point = g_path_get_dirname (fixture->store);
  g_clear_pointer (&fixture->storage, vf_storage_close);
  umount2 (pool, MNT_DETACH);
  umount2 (mount_point, MNT_DETACH);
  g_assert_cmpuint (place_count_loops (fixture), ==, 0);
  g_assert_cmpuint (place_count_mounts (fixture), ==, 0);
  remove_tree (fixture->folder);
  g_free (fixture->folder);
  g_free (fixture->store);
  g_free (fixture->setting);
  g_free (fixture->warning);
}

guint
place_count_loops (Fixture *fixture)
{
  guint n = 0;
  g_autoptr (GDir) devices = g_dir_open ("/sys/block", 0, NULL);
  const char *name;
  while (devices && (name = g_dir_read_name (devices))) {
    g_autofree char *path = g_build_filename ("/sys/block", name, "loop", "backing_file", NULL);
    g_autofree char *backing = NULL;
    if (g_file_get_contents (path, &backing, NULL, NULL) && strstr (backing, fixture->folder))
      n++;
  }
  return n;
}

guint
place_count_mounts (Fixture *fixture)
{
  g_autofree char *mounts = NULL;
  guint n = 0;
  g_assert_true (g_file_get_contents ("/proc/self/mountinfo", &mounts, NULL, NULL));
  for (const char *c = mounts; (c = strstr (c, fixture->folder)); c += strlen (fixture->folder))
    n++;
  return n;
}

void
place_assert_error (GError **error, VmforgeError code, const char *text)
{
  g_assert_error (*error, VMFORGE_ERROR, (int)code);
  if (!strstr ((*error)->message, text))
    g_error ("'%s' is not in '%s'", text, (*error)->message);
  g_clear_error (error);
}
