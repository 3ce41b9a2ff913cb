/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"
#include "support/fs.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void
a_recorded_stage_is_found_and_listed (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *core = common_key ("core");
  g_autofree char *base = common_key ("base");
  common_build (store, core, "core", NULL);
  common_build (store, base, "base", core);
  g_autoptr (VfStage) stage = vf_store_find_stage (store, base, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (stage->stage, ==, "base");
  g_assert_cmpstr (stage->parent, ==, core);
  g_assert_cmpstr (stage->spec_name, ==, "test");
  g_assert_cmpstr (stage->storage, ==, "plain");
  g_assert_cmpuint (stage->bytes, ==, VOLUME_BYTES);
  g_assert_cmpfloat (stage->seconds, ==, 1.25);
  g_assert_true (common_has_volume (store, stage->volume));
  g_autoptr (GPtrArray) list = vf_store_list_stages (store, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (list->len, ==, 2);
  common_check_clean (store);
  common_remove (path);
}

static void
an_unknown_stage_is_no_error (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("nothing");
  g_assert_null (vf_store_find_stage (store, key, &error));
  g_assert_no_error (error);
  g_assert_null (vf_store_find_stage (store, "../../etc", &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  common_remove (path);
}

static void
a_prefix_of_six_characters_completes (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  g_autofree char *six = g_strndup (key, 6);
  g_autofree char *five = g_strndup (key, 5);
  common_build (store, key, "core", NULL);
  g_autofree char *whole = vf_store_complete_key (store, key, &error);
  g_assert_cmpstr (whole, ==, key);
  g_autofree char *completed = vf_store_complete_key (store, six, &error);
  g_assert_cmpstr (completed, ==, key);
  g_assert_null (vf_store_complete_key (store, five, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  common_remove (path);
}

static void
an_ambiguous_prefix_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *one = common_key ("core");
  g_autofree char *two = g_strdup (one);
  two[10] = two[10] == '0' ? '1' : '0';
  g_autofree char *prefix = g_strndup (one, 8);
  common_build (store, one, "core", NULL);
  common_build (store, two, "core", NULL);
  g_assert_null (vf_store_complete_key (store, prefix, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_assert_nonnull (strstr (error->message, "ambiguous"));
  common_remove (path);
}

static void
a_removed_stage_is_gone_with_its_volume (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  common_build (store, key, "core", NULL);
  g_assert_true (vf_store_remove_stage (store, key, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (common_count_volumes (store), ==, 0);
  common_check_clean (store);
  g_assert_false (vf_store_remove_stage (store, key, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  common_remove (path);
}

static void
a_stage_with_a_child_stays (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *core = common_key ("core");
  g_autofree char *base = common_key ("base");
  common_build (store, core, "core", NULL);
  common_build (store, base, "base", core);
  g_autofree char *shown = g_strndup (base, 12);
  g_assert_false (vf_store_remove_stage (store, core, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_assert_nonnull (strstr (error->message, shown));
  g_clear_error (&error);
  g_assert_true (vf_store_remove_stage (store, base, &error));
  g_assert_true (vf_store_remove_stage (store, core, &error));
  g_assert_no_error (error);
  common_remove (path);
}

static void
a_stage_with_an_image_stays (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  common_build (store, key, "core", NULL);
  g_autofree char *digest = common_publish (store, "web", "1", "x86_64", key, 1);
  g_assert_false (vf_store_remove_stage (store, key, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_assert_nonnull (strstr (error->message, "web:1@x86_64"));
  common_remove (path);
}

static void
a_stage_that_a_build_starts_from_stays (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *core = common_key ("core");
  g_autofree char *base = common_key ("base");
  common_build (store, core, "core", NULL);
  VfBuildingStage what = {.key = base, .parent = core, .stage = "base"};
  VfBuilding *building = vf_store_begin_stage (store, &what, &error);
  g_assert_no_error (error);
  g_assert_false (vf_store_remove_stage (store, core, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_clear_error (&error);
  g_assert_true (vf_store_end (store, building, TRUE, FALSE, &error));
  g_assert_true (vf_store_remove_stage (store, core, &error));
  g_assert_no_error (error);
  g_assert_null (vf_store_begin_stage (store, &what, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  common_check_clean (store);
  common_remove (path);
}

static void
a_stage_with_a_running_clone_stays (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  g_assert_null (vf_store_begin_clone (store, key, 0, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  common_build (store, key, "core", NULL);
  VfBuilding *clone = vf_store_begin_clone (store, key, 0, &error);
  g_assert_no_error (error);
  g_assert_false (vf_store_remove_stage (store, key, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_clear_error (&error);
  g_assert_true (vf_store_end (store, clone, TRUE, FALSE, &error));
  g_autoptr (VfStage) stage = vf_store_find_stage (store, key, &error);
  g_assert_no_error (error);
  g_assert_nonnull (stage);
  common_check_clean (store);
  common_remove (path);
}

static void
a_stage_is_recorded_once (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  common_build (store, key, "core", NULL);
  VfBuilding *building = vf_store_begin_clone (store, NULL, 0, &error);
  g_assert_no_error (error);
  g_autoptr (VfJson) json = common_stage_json ("core", NULL);
  g_assert_false (vf_store_record_stage (store, key, json, building->volume, 1, 1, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_true (vf_store_end (store, building, TRUE, FALSE, &error));
  common_check_clean (store);
  common_remove (path);
}

static void
a_log_moves_into_the_stage (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  VfBuildingStage what = {.key = key, .stage = "core"};
  VfBuilding *building = vf_store_begin_stage (store, &what, &error);
  g_assert_no_error (error);
  g_autofree char *log = g_build_filename (path, "logs", "core.log", NULL);
  g_assert_true (g_file_set_contents (log, "a line\n", -1, NULL));
  vf_storage_create (store->storage, building->volume, VOLUME_BYTES, &error);
  g_autoptr (VfJson) json = common_stage_json ("core", NULL);
  json_object_object_del (json, "format");
  g_assert_true (vf_store_record_stage (store, key, json, building->volume, 1, 1, log, &error));
  g_assert_no_error (error);
  g_assert_true (vf_store_end (store, building, FALSE, FALSE, &error));
  g_autofree char *kept = g_strdup_printf ("%s/stages/%s/log", path, key);
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (kept, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "a line\n");
  g_assert_cmpint (access (log, F_OK), <, 0);
  g_autoptr (VfStage) stage = vf_store_find_stage (store, key, &error);
  g_assert_no_error (error);
  g_assert_nonnull (stage);
  common_remove (path);
}

static void
a_full_disk_records_nothing (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  VfBuildingStage what = {.key = key, .stage = "core"};
  VfBuilding *building = vf_store_begin_stage (store, &what, &error);
  g_assert_no_error (error);
  vf_storage_create (store->storage, building->volume, VOLUME_BYTES, &error);
  g_assert_no_error (error);
  g_autoptr (VfJson) json = common_stage_json ("core", NULL);
  struct rlimit old, none;
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &old), ==, 0);
  none = old;
  none.rlim_cur = 20;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &none), ==, 0);
  gboolean recorded = vf_store_record_stage (store, key, json, building->volume, 1, 1, NULL, &error);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &old), ==, 0);
  g_assert_false (recorded);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_null (vf_store_find_stage (store, key, &error));
  g_assert_no_error (error);
  g_assert_true (vf_store_end (store, building, TRUE, FALSE, &error));
  g_assert_no_error (error);
  common_check_clean (store);
  common_remove (path);
}

static void
a_failed_build_takes_a_half_made_record_along (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  VfBuildingStage what = {.key = key, .stage = "core"};
  VfBuilding *building = vf_store_begin_stage (store, &what, &error);
  g_assert_no_error (error);
  vf_storage_create (store->storage, building->volume, VOLUME_BYTES, &error);
  g_autoptr (VfJson) json = common_stage_json ("core", NULL);
  g_assert_true (vf_store_record_stage (store, key, json, building->volume, 1, 1, NULL, &error));
  g_assert_true (vf_store_end (store, building, TRUE, FALSE, &error));
  g_assert_null (vf_store_find_stage (store, key, &error));
  g_assert_no_error (error);
  common_check_clean (store);
  common_remove (path);
}

static void
a_damaged_record_is_named (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  common_build (store, key, "core", NULL);
  g_autofree char *file = g_strdup_printf ("%s/stages/%s/plain.json", path, key);
  g_assert_true (g_file_set_contents (file, "{\"format\":1,\"volume\":\"../../x\"}", -1, NULL));
  g_assert_null (vf_store_find_stage (store, key, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, key));
  g_clear_error (&error);
  /* Its volume may be whole: nothing is removed until somebody looked. */
  g_assert_false (vf_store_recover (store, &error));
  g_assert_cmpuint (common_count_volumes (store), ==, 1);
  common_remove (path);
}

static void
lock_child (const char *path, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *key = common_key ("core");
  g_autofree char *held = g_strconcat (path, "-held", NULL);
  g_autoptr (VmforgeStore) store = vf_store_open_plain (path, &error);
  for (int i = 0; i < 30; i++) {
    g_autoptr (VfLock) lock = vf_store_lock_key (store, key, NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    int fd = open (held, O_CREAT | O_EXCL | O_WRONLY, 0600);
    g_assert_cmpint (fd, >=, 0);
    close (fd);
    g_usleep (200);
    g_assert_cmpint (unlink (held), ==, 0);
  }
}

static void
one_process_at_a_time_holds_a_key (void)
{
  char *path = common_path ();
  vmforge_store_free (common_open (path));
  pid_t pids[4];
  for (gsize i = 0; i < G_N_ELEMENTS (pids); i++)
    pids[i] = common_fork (lock_child, path, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (pids); i++)
    g_assert_cmpint (common_wait (pids[i]), ==, 0);
  common_remove (path);
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
  g_test_add_func ("/stages/a-recorded-stage-is-found-and-listed", a_recorded_stage_is_found_and_listed);
  g_test_add_func ("/stages/an-unknown-stage-is-no-error", an_unknown_stage_is_no_error);
  g_test_add_func ("/stages/a-prefix-of-six-characters-completes", a_prefix_of_six_characters_completes);
  g_test_add_func ("/stages/an-ambiguous-prefix-is-refused", an_ambiguous_prefix_is_refused);
  g_test_add_func ("/stages/a-removed-stage-is-gone-with-its-volume",
                   a_removed_stage_is_gone_with_its_volume);
  g_test_add_func ("/stages/a-stage-with-a-child-stays", a_stage_with_a_child_stays);
  g_test_add_func ("/stages/a-stage-with-an-image-stays", a_stage_with_an_image_stays);
  g_test_add_func ("/stages/a-stage-that-a-build-starts-from-stays", a_stage_that_a_build_starts_from_stays);
  g_test_add_func ("/stages/a-stage-with-a-running-clone-stays", a_stage_with_a_running_clone_stays);
  g_test_add_func ("/stages/a-stage-is-recorded-once", a_stage_is_recorded_once);
  g_test_add_func ("/stages/a-log-moves-into-the-stage", a_log_moves_into_the_stage);
  g_test_add_func ("/stages/a-full-disk-records-nothing", a_full_disk_records_nothing);
  g_test_add_func ("/stages/a-failed-build-takes-a-half-made-record-along",
                   a_failed_build_takes_a_half_made_record_along);
  g_test_add_func ("/stages/a-damaged-record-is-named", a_damaged_record_is_named);
  g_test_add_func ("/stages/one-process-at-a-time-holds-a-key", one_process_at_a_time_holds_a_key);
  return g_test_run ();
}
