/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"

#include "build/disk.h"
#include "build/loop.h"
#include "support/fs.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

void
fixture_need_root (void)
{
  if (geteuid () == 0)
    return;
  puts ("1..0 # SKIP needs root: workers mount filesystems");
  exit (0);
}

void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_setenv ("VMFORGE_PLUGIN_PATH", PLUGIN_PATH, TRUE);
  fixture->path = g_dir_make_tmp ("vmforge-worker-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->store = vmforge_store_open (fixture->path, "toystorage", &error);
  g_assert_no_error (error);
  fixture->log_fd = openat (fixture->store->fd, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  g_assert_cmpint (fixture->log_fd, >=, 0);
}

void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  if (g_test_failed ()) {
    g_autofree char *log = fixture_log (fixture);
    g_printerr ("%s", log);
  }
  close (fixture->log_fd);
  vmforge_store_free (fixture->store);
  fixture_assert_clean (fixture);
  g_assert_true (vf_fs_remove (AT_FDCWD, fixture->path, NULL));
  g_free (fixture->path);
}

/* A profile has some such. */
static const char *const ext4_arguments[] = {"-O",
                                             "none,has_journal,ext_attr,resize_inode,dir_index,filetype,"
                                             "extent,64bit,sparse_super,large_file,metadata_csum",
                                             NULL};

static VfJson *
new_job (const Fixture *fixture, const char *stage, const char *volume)
{
  VfJson *job = json_object_new_object ();
  vf_json_set_int (job, "format", 1);
  vf_json_set_string (job, "store", fixture->path);
  vf_json_set_string (job, "storage", "toystorage");
  vf_json_set_string (job, "stage", stage);
  vf_json_set_string (job, "key", KEY);
  vf_json_set_string (job, "core_key", KEY);
  vf_json_set_string (job, "volume", volume);
  vf_json_set_int (job, "bytes", BYTES);
  vf_json_set_string (job, "filesystem", "ext4");
  vf_json_set (job, "mkfs", vf_json_from_strv (ext4_arguments));
  vf_json_set_int (job, "firmware", 3);
  vf_json_set_string (job, "plugin", "toydistro");
  vf_json_set_string (job, "release", "one");
  vf_json_set_string (job, "arch", "x86_64");
  g_autofree char *cache = g_build_filename (fixture->path, "cache", "toydistro", NULL);
  vf_json_set_string (job, "cache", cache);
  vf_json_set_int (job, "source_date_epoch", 1700000000);
  return job;
}

VfJson *
fixture_core_job (const Fixture *fixture)
{
  VfJson *job = new_job (fixture, "core", CORE_VOLUME);
  vf_json_set_bool (job, "boot", TRUE);
  return job;
}

VfJson *
fixture_next_job (const Fixture *fixture, const char *stage, const char *members)
{
  g_autoptr (GError) error = NULL;
  VfJson *job = new_job (fixture, stage, NEXT_VOLUME);
  vf_json_set_string (job, "parent_volume", CORE_VOLUME);
  g_autoptr (VfJson) more = vf_json_parse (members, strlen (members), &error);
  g_assert_no_error (error);
  json_object_object_foreach (more, key, value) {
    vf_json_set (job, key, json_object_get (value));
  }
  return job;
}

void
fixture_build (Fixture *fixture, VfJson *job)
{
  g_autoptr (GError) error = NULL;
  vf_job_run (job, fixture->log_fd, -1, NULL, NULL, NULL, &error);
  if (error) {
    g_autofree char *log = fixture_log (fixture);
    g_printerr ("%s", log);
  }
  g_assert_no_error (error);
  json_object_put (job);
  fixture_assert_clean (fixture);
}

void
fixture_fail (Fixture *fixture, VfJson *job, VmforgeError code, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_job_run (job, fixture->log_fd, -1, NULL, NULL, NULL, &error));
  g_test_message ("%s", error->message);
  g_assert_error (error, VMFORGE_ERROR, (int)code);
  if (!strstr (error->message, words))
    g_error ("'%s' does not contain '%s'", error->message, words);
  json_object_put (job);
  fixture_assert_clean (fixture);
}

void
fixture_build_core (Fixture *fixture)
{
  fixture_build (fixture, fixture_core_job (fixture));
}

char *
fixture_log (const Fixture *fixture)
{
  char *text = vf_fs_read (fixture->store->fd, "log", 16 * MIB, NULL, NULL);
  return text ? text : g_strdup ("");
}

char *
fixture_volume_path (const Fixture *fixture, const char *volume)
{
  return g_build_filename (fixture->path, "volumes", volume, NULL);
}

char *
fixture_look (const Fixture *fixture, const char *volume)
{
  static gboolean alone = FALSE;
  g_autofree char *path = fixture_volume_path (fixture, volume);
  g_autoptr (GError) error = NULL;
  char *target = g_build_filename (fixture->path, "look", NULL);
  VfDiskLayout layout;
  if (!alone) {
    g_assert_cmpint (unshare (CLONE_NEWNS), ==, 0);
    g_assert_cmpint (mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), ==, 0);
    alone = TRUE;
  }
  g_assert_true (vf_disk_read (path, &layout, NULL));
  g_autoptr (VfLoop) loop = vf_loop_attach (path, layout.root.offset, layout.root.length, &error);
  g_assert_no_error (error);
  g_mkdir (target, 0755);
  g_assert_true (mount (loop->path, target, "ext4", MS_RDONLY, NULL) == 0 ||
                 mount (loop->path, target, "xfs", MS_RDONLY, "nouuid") == 0);
  return target;
}

void
fixture_look_end (const Fixture *fixture)
{
  g_autofree char *target = g_build_filename (fixture->path, "look", NULL);
  g_assert_cmpint (umount (target), ==, 0);
}

static gboolean
file_names (const char *file, const char *text)
{
  g_autofree char *content = NULL;
  return g_file_get_contents (file, &content, NULL, NULL) && strstr (content, text);
}

static gboolean
has_loop (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open ("/sys/block", 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *file = g_strdup_printf ("/sys/block/%s/loop/backing_file", name);
    if (file_names (file, path))
      return TRUE;
  }
  return FALSE;
}

static gboolean
process_uses (const char *pid, const char *path)
{
  g_autofree char *folder = g_strdup_printf ("/proc/%s/fd", pid),
                  *mounts = g_strdup_printf ("/proc/%s/mountinfo", pid);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  if (file_names (mounts, path))
    return TRUE;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *link = g_build_filename (folder, name, NULL);
    g_autofree char *target = g_file_read_link (link, NULL);
    if (target && g_str_has_prefix (target, path))
      return TRUE;
  }
  return FALSE;
}

/* What bwrap runs has no file of ours open, but its words: the tests' sleepers carry the test's process
 * number. */
static gboolean
is_sleeper (const char *pid)
{
  g_autofree char *file = g_strdup_printf ("/proc/%s/cmdline", pid);
  g_autofree char *mark = g_strdup_printf ("99%d", getpid ());
  char *words = NULL;
  gsize length = 0;
  if (!g_file_get_contents (file, &words, &length, NULL))
    return FALSE;
  for (gsize i = 0; i < length; i++)
    words[i] = words[i] ? words[i] : ' ';
  gboolean found = strstr (words, "sleep ") && strstr (words, mark);
  g_free (words);
  return found;
}

static gboolean
has_process (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc", 0, NULL);
  g_autofree char *self = g_strdup_printf ("%d", getpid ());
  const char *name;
  while ((name = g_dir_read_name (dir)))
    if (g_ascii_isdigit (*name) && strcmp (name, self) != 0 &&
        (process_uses (name, path) || is_sleeper (name)))
      return TRUE;
  return FALSE;
}

gboolean
fixture_is_clean (const Fixture *fixture)
{
  return !has_loop (fixture->path) && !has_process (fixture->path);
}

void
fixture_assert_clean (const Fixture *fixture)
{
  for (int i = 0; i < 100; i++) {
    if (fixture_is_clean (fixture))
      return;
    g_usleep (50 * 1000);
  }
  g_assert_false (has_loop (fixture->path));
  g_assert_false (has_process (fixture->path));
}
