/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What recovery removes beside volumes and their records. */
#include "common.h"
#include "store/records.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY (24 * 60 * 60)

typedef struct {
  char *path;
  VmforgeStore *store;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = common_path ();
  fixture->store = common_open (fixture->path);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vmforge_store_free (fixture->store);
  common_remove (fixture->path);
}

static void
make_file (Fixture *fixture, const char *name, time_t age)
{
  g_autoptr (GError) error = NULL;
  const struct timespec times[2] = {{.tv_sec = time (NULL) - age}, {.tv_sec = time (NULL) - age}};
  g_autofree char *folder = g_path_get_dirname (name);
  g_assert_true (vf_fs_mkdir_p (fixture->store->fd, folder, 0755, &error));
  g_assert_true (vf_fs_write (fixture->store->fd, name, "x", 1, 0644, &error));
  g_assert_no_error (error);
  g_assert_cmpint (utimensat (fixture->store->fd, name, times, 0), ==, 0);
}

static void
recover (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_store_recover (fixture->store, &error));
  g_assert_no_error (error);
}

static gboolean
has (Fixture *fixture, const char *name)
{
  return vf_fs_exists (fixture->store->fd, name);
}

static void
exports_of_no_image_are_removed (Fixture *fixture, gconstpointer data)
{
  g_autofree char *key = common_key ("appliance");
  common_build (fixture->store, key, "appliance", NULL);
  g_autofree char *digest = common_publish (fixture->store, "web", "1", "x86_64", key, 1);
  g_autoptr (VfImage) image = vf_store_find_image (fixture->store, "web", NULL);
  g_autofree char *its = vf_store_export_name (image, "qcow2");
  g_autofree char *by_key = g_strdup_printf ("exports/%s.qcow2", key);
  make_file (fixture, its, 0);
  make_file (fixture, by_key, 0);
  recover (fixture);
  g_assert_true (has (fixture, its));
  g_assert_false (has (fixture, by_key));
  g_assert_true (vf_store_remove_image (fixture->store, image, NULL));
  g_assert_false (has (fixture, its));
}

static void
another_volume_is_another_export (Fixture *fixture, gconstpointer data)
{
  VfImage image = {.digest = (char *)"d", .volume = (char *)"v"},
          again = {.digest = (char *)"d", .volume = (char *)"w"};
  g_autofree char *first = vf_store_export_name (&image, "qcow2");
  g_autofree char *second = vf_store_export_name (&again, "qcow2");
  g_assert_cmpstr (first, !=, second);
}

static void
temporaries_go_with_their_writer (Fixture *fixture, gconstpointer data)
{
  g_autofree char *key = common_key ("appliance");
  common_build (fixture->store, key, "appliance", NULL);
  VfBuilding *living = vf_store_begin_clone (fixture->store, key, 0, NULL);
  VfBuilding *dead = vf_store_begin_clone (fixture->store, key, 0, NULL);
  g_autofree char *living_file = g_strdup_printf ("exports/.tmp-%s", living->volume);
  g_autofree char *dead_file = g_strdup_printf ("exports/.tmp-%s", dead->volume);
  const char *ended_file = "exports/.tmp-00112233445566778899aabbccddeeff";
  make_file (fixture, living_file, 0);
  make_file (fixture, dead_file, 0);
  make_file (fixture, ended_file, 0);
  g_clear_pointer (&dead->lock, vf_lock_release); /* what a killed process leaves */
  recover (fixture);
  g_assert_true (has (fixture, living_file));
  g_assert_false (has (fixture, dead_file));
  g_assert_false (has (fixture, ended_file));
  g_assert_true (vf_store_end (fixture->store, living, FALSE, FALSE, NULL));
  recover (fixture);
  g_assert_false (has (fixture, living_file));
  common_check_clean (fixture->store);
  g_free (dead->volume);
  g_free (dead->key);
  g_free (dead);
}

static void
temporaries_of_caches_and_exports_are_removed (Fixture *fixture, gconstpointer data)
{
  static const char *const folders[] = {"cache", "cache/metadata", "cache/resolutions", "exports"};
  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++) {
    g_autofree char *temporary = g_build_filename (folders[i], ".tmp-1-b", NULL);
    g_autofree char *record = g_build_filename (folders[i], "a.file", NULL);
    make_file (fixture, temporary, 0);
    if (i < 3)
      make_file (fixture, record, 2 * DAY);
    recover (fixture);
    g_assert_false (has (fixture, temporary));
    g_assert_true (i == 3 || has (fixture, record));
  }
}

static gpointer
write_record (gpointer store)
{
  g_autoptr (VfJson) json = json_object_new_object ();
  g_assert_true (vf_store_write_checked (store, "cache/tools.json", json, NULL));
  return NULL;
}

/* Else a recovery could take the temporary of a living writer for one of a dead one. */
static void
records_of_caches_are_written_under_the_gate (Fixture *fixture, gconstpointer data)
{
  VfLock *gate = vf_store_gate (fixture->store, NULL);
  GThread *writer = g_thread_new ("writer", write_record, fixture->store);
  g_usleep (20 * 1000);
  g_assert_false (has (fixture, "cache/tools.json"));
  vf_lock_release (gate);
  g_thread_join (writer);
  g_assert_true (has (fixture, "cache/tools.json"));
}

static void
locks_that_nobody_holds_are_removed (Fixture *fixture, gconstpointer data)
{
  g_autofree char *free_key = common_key ("free");
  g_autofree char *held_key = common_key ("held");
  g_autofree char *free_file = g_strdup_printf ("locks/key-%s", free_key);
  g_autofree char *held_file = g_strdup_printf ("locks/key-%s", held_key);
  vf_lock_release (vf_store_lock_key (fixture->store, free_key, NULL, NULL, NULL, NULL));
  g_autoptr (VfLock) held = vf_store_lock_key (fixture->store, held_key, NULL, NULL, NULL, NULL);
  g_assert_true (has (fixture, free_file));
  recover (fixture);
  g_assert_false (has (fixture, free_file));
  g_assert_true (has (fixture, held_file));
  g_assert_true (has (fixture, "locks/store"));
}

typedef struct {
  Fixture *fixture;
  const char *file;
  VfLock *lock;
} Race;

/* What a recovery does that takes the lock between another's opening and locking of the file. */
static void
remove_while_waited_for (pid_t holder, gpointer data)
{
  Race *race = data;
  g_assert_cmpint (unlinkat (race->fixture->store->fd, race->file, 0), ==, 0);
  g_clear_pointer (&race->lock, vf_lock_release);
}

static void
the_lock_of_a_removed_file_is_none (Fixture *fixture, gconstpointer data)
{
  g_autofree char *key = common_key ("core");
  g_autofree char *file = g_strdup_printf ("locks/key-%s", key);
  Race race = {fixture, file, vf_store_lock_key (fixture->store, key, NULL, NULL, NULL, NULL)};
  g_autoptr (VfLock) lock =
      vf_store_lock_key (fixture->store, key, remove_while_waited_for, &race, NULL, NULL);
  g_assert_nonnull (lock);
  g_assert_null (race.lock);
  g_autoptr (VfLock) second = vf_lock_try (fixture->store->fd, file, VF_LOCK_EXCLUSIVE, NULL);
  g_assert_null (second);
}

static void
old_logs_are_removed_but_for_the_newest (Fixture *fixture, gconstpointer data)
{
  for (int i = 0; i < 60; i++) {
    g_autofree char *name = g_strdup_printf ("logs/core-%02d.log", i);
    make_file (fixture, name, i < 20 ? 20 * DAY + i : 40 * DAY + i);
  }
  recover (fixture);
  g_assert_true (has (fixture, "logs/core-49.log"));
  g_assert_false (has (fixture, "logs/core-50.log"));
  g_assert_cmpuint (common_count_files (fixture->store, "logs"), ==, 50);
}

static void
young_logs_all_stay (Fixture *fixture, gconstpointer data)
{
  for (int i = 0; i < 60; i++) {
    g_autofree char *name = g_strdup_printf ("logs/core-%02d.log", i);
    make_file (fixture, name, 29 * DAY + i);
  }
  recover (fixture);
  g_assert_cmpuint (common_count_files (fixture->store, "logs"), ==, 60);
}

/* What a process that was killed while it made a key leaves is a secret. */
static void
temporaries_of_keys_are_removed (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (mkdirat (fixture->store->fd, "keys", 0700), ==, 0);
  make_file (fixture, "keys/.tmp-new-01234567-service.key", 0);
  make_file (fixture, "keys/service.key", 0);
  recover (fixture);
  g_assert_false (has (fixture, "keys/.tmp-new-01234567-service.key"));
  g_assert_true (has (fixture, "keys/service.key"));
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
#define ADD(PATH, FUNC) g_test_add ("/sweep/" PATH, Fixture, NULL, set_up, FUNC, tear_down)
  ADD ("exports-of-no-image-are-removed", exports_of_no_image_are_removed);
  ADD ("another-volume-is-another-export", another_volume_is_another_export);
  ADD ("temporaries-go-with-their-writer", temporaries_go_with_their_writer);
  ADD ("temporaries-of-keys-are-removed", temporaries_of_keys_are_removed);
  ADD ("temporaries-of-caches-and-exports-are-removed", temporaries_of_caches_and_exports_are_removed);
  ADD ("records-of-caches-are-written-under-the-gate", records_of_caches_are_written_under_the_gate);
  ADD ("locks-that-nobody-holds-are-removed", locks_that_nobody_holds_are_removed);
  ADD ("the-lock-of-a-removed-file-is-none", the_lock_of_a_removed_file_is_none);
  ADD ("old-logs-are-removed-but-for-the-newest", old_logs_are_removed_but_for_the_newest);
  ADD ("young-logs-all-stay", young_logs_all_stay);
  return g_test_run ();
}
