/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BEGUN, CREATED, SEALED, HALF_RECORDED, RECORDED, N_POINTS };

/* A builder that dies at a point of its way. */
static void
build_and_die (const char *path, gpointer data)
{
  int point = GPOINTER_TO_INT (data);
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  VfBuildingStage what = {.key = key, .stage = "core", .reserve = 1};
  VfBuilding *building = vf_store_begin_stage (store, &what, NULL);
  g_assert_nonnull (building);
  if (point >= CREATED)
    g_assert_true (vf_storage_create (store->storage, building->volume, VOLUME_BYTES, NULL));
  if (point >= SEALED)
    g_assert_true (vf_storage_seal (store->storage, building->volume, NULL));
  g_autoptr (VfJson) json = common_stage_json ("core", NULL);
  if (point == HALF_RECORDED) {
    g_autofree char *folder = g_strdup_printf ("%s/stages/%s", path, key);
    g_autofree char *inputs = g_build_filename (folder, "stage.json", NULL);
    g_autofree char *temporary = g_build_filename (folder, ".tmp-1-abc", NULL);
    g_assert_cmpint (mkdir (folder, 0755), ==, 0);
    g_assert_true (g_file_set_contents (inputs, "{\"format\":1}", -1, NULL));
    g_assert_true (g_file_set_contents (temporary, "{\"form", -1, NULL));
  }
  if (point == RECORDED)
    g_assert_true (vf_store_record_stage (store, key, json, building->volume, VOLUME_BYTES, 1, NULL, NULL));
  kill (getpid (), SIGKILL);
}

static void
a_builder_killed_anywhere_leaves_nothing (void)
{
  for (int point = 0; point < N_POINTS; point++) {
    char *path = common_path ();
    int status = common_wait (common_fork (build_and_die, path, GINT_TO_POINTER (point)));
    g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
    g_autoptr (VmforgeStore) store = common_open (path);
    g_autofree char *key = common_key ("core");
    g_autoptr (VfStage) stage = vf_store_find_stage (store, key, NULL);
    g_assert_cmpint (stage != NULL, ==, point == RECORDED);
    common_check_clean (store);
    g_assert_cmpuint (common_count_volumes (store), ==, point == RECORDED ? 1 : 0);
    common_remove (path);
  }
}

/* A builder that dies while a worker of it holds the lock; the worker's pid goes to data, a pipe. */
static void
die_before_worker (const char *path, gpointer data)
{
  g_autoptr (VmforgeStore) store = common_open (path);
  VfBuilding *building = vf_store_begin_clone (store, NULL, 1, NULL);
  g_assert_true (vf_storage_create (store->storage, building->volume, VOLUME_BYTES, NULL));
  pid_t worker = fork ();
  if (worker == 0) {
    /* Outlives its parent, but not for ever if the test fails. */
    alarm (60);
    for (;;)
      pause ();
  }
  g_assert_cmpint (write (GPOINTER_TO_INT (data), &worker, sizeof (worker)), ==, sizeof (worker));
  kill (getpid (), SIGKILL);
}

static void
a_living_worker_protects_its_volume (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  int ends[2];
  pid_t worker = 0;
  g_assert_cmpint (pipe (ends), ==, 0);
  common_wait (common_fork (die_before_worker, path, GINT_TO_POINTER (ends[1])));
  g_assert_cmpint (read (ends[0], &worker, sizeof (worker)), ==, sizeof (worker));
  close (ends[0]);
  close (ends[1]);
  g_autoptr (VmforgeStore) store = common_open (path);
  g_assert_cmpuint (common_count_volumes (store), ==, 1);
  kill (worker, SIGKILL);
  /* It is not our child: the lock goes a moment later. */
  for (int i = 0; i < 500 && common_count_volumes (store) > 0; i++) {
    g_usleep (10000);
    g_assert_true (vf_store_recover (store, &error));
  }
  common_check_clean (store);
  common_remove (path);
}

static void
orphans_and_rubbish_are_removed (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  static const char *const files[] = {
      "building/.tmp-1-a", "objects/.tmp-1-a", "building/00112233445566778899aabbccddeeff.lock",
      "objects/0011223344556677889900112233445566778899001122334455667788990011.json"};
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    g_assert_true (vf_fs_write (store->fd, files[i], "{\"format\":1}", 12, 0644, &error));
  g_assert_true (
      vf_storage_create (store->storage, "ffeeddccbbaa99887766554433221100", VOLUME_BYTES, &error));
  g_assert_true (vf_fs_write (store->fd, "exports/.tmp-fresh", "x", 1, 0644, &error));
  g_assert_true (vf_store_recover (store, &error));
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    g_assert_false (vf_fs_exists (store->fd, files[i]));
  g_assert_false (vf_fs_exists (store->fd, "exports/.tmp-fresh"));
  common_check_clean (store);
  common_remove (path);
}

static void
another_storages_builds_are_left_alone (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  const char *record = "{\"format\":1,\"kept\":false,\"pid\":1,\"storage\":\"other\"}";
  const char *file = "building/00112233445566778899aabbccddeeff.json";
  g_assert_true (vf_fs_write (store->fd, file, record, strlen (record), 0644, &error));
  g_assert_true (vf_store_recover (store, &error));
  g_assert_true (vf_fs_exists (store->fd, file));
  common_remove (path);
}

#define CYCLES 40

/* Builds, and checks at every step that its volume is still there. Some die on the way. */
static void
build_in_a_loop (const char *path, gpointer data)
{
  int who = GPOINTER_TO_INT (data);
  g_autoptr (VmforgeStore) store = common_open (path);
  for (int i = 0; i < CYCLES; i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *seed = g_strdup_printf ("%d %d", who, i);
    g_autofree char *key = common_key (seed);
    VfBuildingStage what = {.key = key, .stage = "core", .reserve = 1};
    VfBuilding *building = vf_store_begin_stage (store, &what, &error);
    g_assert_no_error (error);
    g_autofree char *volume = g_strdup (building->volume);
    vf_storage_create (store->storage, volume, VOLUME_BYTES, &error);
    g_assert_no_error (error);
    g_usleep (500);
    g_assert_true (common_has_volume (store, volume));
    vf_storage_seal (store->storage, volume, &error);
    g_assert_no_error (error);
    if (who == 0 && i == CYCLES / 2)
      kill (getpid (), SIGKILL);
    g_autoptr (VfJson) json = common_stage_json ("core", NULL);
    gboolean fails = i % 4 == 3;
    g_assert_true (fails || vf_store_record_stage (store, key, json, volume, VOLUME_BYTES, 1, NULL, &error));
    g_assert_true (common_has_volume (store, volume));
    g_assert_true (vf_store_end (store, building, fails, FALSE, &error));
    g_assert_no_error (error);
    g_assert_cmpint (common_has_volume (store, volume), ==, !fails);
    if (i % 4 == 2)
      g_assert_true (vf_store_remove_stage (store, key, &error));
    g_assert_no_error (error);
  }
}

static void
recover_in_a_loop (const char *path, gpointer data)
{
  for (;;) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VmforgeStore) store = common_open (path);
    g_assert_true (vf_store_recover (store, &error));
    g_assert_no_error (error);
  }
}

static void
recovery_beside_builders_loses_no_live_volume (void)
{
  char *path = common_path ();
  vmforge_store_free (common_open (path));
  pid_t recoverers[2], builders[4];
  for (gsize i = 0; i < G_N_ELEMENTS (recoverers); i++)
    recoverers[i] = common_fork (recover_in_a_loop, path, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (builders); i++)
    builders[i] = common_fork (build_in_a_loop, path, GINT_TO_POINTER ((int)i));
  for (gsize i = 0; i < G_N_ELEMENTS (builders); i++) {
    int status = common_wait (builders[i]);
    g_assert_true (i == 0 ? WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL : status == 0);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (recoverers); i++) {
    /* Still alive: no recovery met an error either. */
    g_assert_cmpint (waitpid (recoverers[i], NULL, WNOHANG), ==, 0);
    kill (recoverers[i], SIGKILL);
    common_wait (recoverers[i]);
  }
  g_autoptr (VmforgeStore) store = common_open (path);
  common_check_clean (store);
  g_autoptr (GPtrArray) stages = vf_store_list_stages (store, NULL);
  g_assert_cmpuint (stages->len, ==, 3 * CYCLES / 2 + CYCLES / 4);
  common_remove (path);
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
  g_test_add_func ("/recovery/a-builder-killed-anywhere-leaves-nothing",
                   a_builder_killed_anywhere_leaves_nothing);
  g_test_add_func ("/recovery/a-living-worker-protects-its-volume", a_living_worker_protects_its_volume);
  g_test_add_func ("/recovery/orphans-and-rubbish-are-removed", orphans_and_rubbish_are_removed);
  g_test_add_func ("/recovery/another-storages-builds-are-left-alone",
                   another_storages_builds_are_left_alone);
  g_test_add_func ("/recovery/recovery-beside-builders-loses-no-live-volume",
                   recovery_beside_builders_loses_no_live_volume);
  return g_test_run ();
}
