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
  g_spawn_sync (NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static char *everything; /* the folder of all tests of this run */

static void
remove_tree (const char *path)
{
  place_run ("rm", "-rf", "--one-file-system", path, NULL);
}

/* Returns the exit status. */
static int
guard (int (*run) (void))
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

/* A small filesystem of this type in a file, mounted. */
static void
mount_new (Fixture *fixture, const char *type, const char *options, const char *mount_point)
{
  g_autofree char *image = g_build_filename (fixture->folder, "host.img", NULL);
  g_autofree char *program = g_strconcat ("mkfs.", type, NULL);
  place_run ("truncate", "-s", "2G", image, NULL);
  place_run (program, "-q", image, NULL);
  place_run ("mount", "-t", type, "-o", options, image, mount_point, NULL);
}

static void
make_store (Fixture *fixture, Place place)
{
  g_autofree char *mount_point = g_build_filename (fixture->folder, "mnt", NULL);
  g_assert_cmpint (g_mkdir (mount_point, 0755), ==, 0);
  fixture->store = g_build_filename (mount_point, "store", NULL);
  fixture->setting = g_strdup ("storage-file");
  switch (place) {
  case PLACE_POOL:
    g_free (fixture->setting);
    fixture->setting = g_strdup (pool_setting (fixture->folder));
    break;
  case PLACE_XFS:
    mount_new (fixture, "xfs", "loop,nouuid", mount_point);
    break;
  case PLACE_BTRFS:
    mount_new (fixture, "btrfs", "loop", mount_point);
    break;
  case PLACE_EXT4:
    mount_new (fixture, "ext4", "loop", mount_point);
    break;
  case PLACE_SMALL:
    g_assert_cmpint (mount ("tmpfs", mount_point, "tmpfs", 0, "size=8m"), ==, 0);
    G_GNUC_FALLTHROUGH;
  case PLACE_COPY:
    g_free (fixture->setting);
    fixture->setting = g_strdup ("storage-file:pool=never");
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

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_build_filename (everything, "XXXXXX", NULL);
  g_assert_nonnull (g_mkdtemp (fixture->folder));
  fixture->host = (VfHost){.log = on_log, .user_data = fixture};
  make_store (fixture, *(const Place *)data);
  place_reopen (fixture, NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
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

/* What a test of this place would be skipped for; NULL: nothing. */
static const char *
what_is_missing (Place place)
{
  g_autofree char *program = place == PLACE_BTRFS ? g_find_program_in_path ("mkfs.btrfs") : NULL;
  return place == PLACE_BTRFS && program == NULL ? "needs mkfs.btrfs (btrfs-progs)" : NULL;
}

static void
is_skipped (gconstpointer why)
{
  g_test_skip (why);
}

static const struct {
  const char *name;
  Place place;
} places[] = {
    [PLACE_POOL] = {"pool", PLACE_POOL},    [PLACE_XFS] = {"xfs", PLACE_XFS},
    [PLACE_COPY] = {"copy", PLACE_COPY},    [PLACE_SMALL] = {"small", PLACE_SMALL},
    [PLACE_BTRFS] = {"btrfs", PLACE_BTRFS}, [PLACE_EXT4] = {"ext4", PLACE_EXT4},
};

void
place_add (const char *group, const char *name, Place place, PlaceFunc func)
{
  g_autofree char *path = g_strdup_printf ("/storage-file/%s/%s/%s", group, places[place].name, name);
  const char *missing = what_is_missing (place);
  if (missing != NULL)
    g_test_add_data_func (path, missing, is_skipped);
  else
    g_test_add (path, Fixture, &places[place].place, set_up, func, tear_down);
}

void
place_add_everywhere (const char *group, const char *name, PlaceFunc func)
{
  static const Place everywhere[] = {PLACE_POOL, PLACE_XFS, PLACE_BTRFS, PLACE_EXT4, PLACE_COPY};
  for (gsize i = 0; i < G_N_ELEMENTS (everywhere); i++)
    place_add (group, name, everywhere[i], func);
}

int
place_main (int argc, char **argv, void (*add_tests) (void))
{
  g_test_init (&argc, &argv, NULL);
  if (geteuid () != 0) {
    g_test_add_data_func ("/storage-file", "needs root: mounts filesystems", is_skipped);
    return g_test_run ();
  }
  add_tests ();
  return guard (g_test_run);
}
