/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define ROOT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static VmforgeStore *
open_small (const char *path)
{
  g_autoptr (GError) error = NULL;
  VmforgeStore *store = vmforge_store_open (path, "plain:available=1000", &error);
  g_assert_no_error (error);
  return store;
}

static void
space_is_reserved_by_live_builds (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = open_small (path);
  VfBuilding *first = vf_store_begin_clone (store, NULL, 600, &error);
  g_assert_no_error (error);
  g_assert_null (vf_store_begin_clone (store, NULL, 600, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);
  VfBuilding *small = vf_store_begin_clone (store, NULL, 400, &error);
  g_assert_no_error (error);
  g_assert_true (vf_store_end (store, first, TRUE, FALSE, &error));
  VfBuilding *second = vf_store_begin_clone (store, NULL, 600, &error);
  g_assert_no_error (error);
  g_assert_true (vf_store_end (store, small, TRUE, FALSE, &error));
  g_assert_true (vf_store_end (store, second, TRUE, FALSE, &error));
  common_check_clean (store);
  common_remove (path);
}

static void
reserve_and_die (const char *path, gpointer data)
{
  g_autoptr (VmforgeStore) store = open_small (path);
  g_assert_nonnull (vf_store_begin_clone (store, NULL, 1000, NULL));
  kill (getpid (), SIGKILL);
}

static void
a_dead_build_reserves_nothing (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = open_small (path);
  common_wait (common_fork (reserve_and_die, path, NULL));
  VfBuilding *building = vf_store_begin_clone (store, NULL, 1000, &error);
  g_assert_no_error (error);
  g_assert_true (vf_store_end (store, building, TRUE, FALSE, &error));
  common_remove (path);
}

static VfKept *
keep_one (VmforgeStore *store)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *key = common_key ("core");
  VfBuildingStage what = {.key = key, .stage = "core", .spec = "web"};
  VfBuilding *building = vf_store_begin_stage (store, &what, &error);
  g_assert_no_error (error);
  vf_storage_create (store->storage, building->volume, VOLUME_BYTES, &error);
  g_assert_no_error (error);
  g_autofree char *prefix = g_strndup (building->volume, 8);
  g_assert_true (vf_store_end (store, building, FALSE, TRUE, &error));
  g_assert_no_error (error);
  VfKept *kept = vf_store_find_kept (store, prefix, &error);
  g_assert_no_error (error);
  return kept;
}

static void
a_kept_volume_outlives_recovery (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autoptr (VfKept) kept = keep_one (store);
  g_assert_true (vf_store_recover (store, &error));
  g_assert_no_error (error);
  g_autoptr (GPtrArray) list = vf_store_list_kept (store, &error);
  g_assert_cmpuint (list->len, ==, 1);
  g_assert_cmpstr (kept->stage, ==, "core");
  g_assert_cmpstr (kept->spec, ==, "web");
  g_assert_cmpstr (kept->storage, ==, "plain");
  g_assert_true (common_has_volume (store, kept->volume));
  common_remove (path);
}

static void
a_kept_volume_in_use_is_not_removed (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autoptr (VfKept) kept = keep_one (store);
  VfLock *lock = vf_store_lock_kept (store, kept, &error);
  g_assert_no_error (error);
  g_assert_false (vf_store_remove_kept (store, kept, &error));
  g_assert_nonnull (strstr (error->message, "in use"));
  g_clear_error (&error);
  vf_lock_release (lock);
  g_assert_true (vf_store_remove_kept (store, kept, &error));
  g_assert_no_error (error);
  common_check_clean (store);
  g_assert_null (vf_store_find_kept (store, kept->volume, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  common_remove (path);
}

static void
cleaning_up_works_after_the_user_stopped (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = common_open (path);
  VfBuilding *building = vf_store_begin_clone (store, NULL, 1, &error);
  vf_storage_create (store->storage, building->volume, VOLUME_BYTES, &error);
  store->host.cancellable = cancellable;
  g_cancellable_cancel (cancellable);
  g_assert_true (vf_store_end (store, building, TRUE, FALSE, &error));
  g_assert_no_error (error);
  store->host.cancellable = NULL;
  common_check_clean (store);
  common_remove (path);
}

typedef enum { BEGUN, MADE, KEPT, FINISHED, REMOVED } Moment;

static void
import_and_die (const char *path, gpointer data)
{
  const Moment *moment = data;
  g_autoptr (VmforgeStore) store = common_open (path);
  VfBuilding *building = vf_store_begin_import (store, ROOT, "web", NULL, NULL);
  g_assert_nonnull (building);
  if (*moment >= MADE)
    g_assert_true (vf_storage_create (store->storage, building->volume, VOLUME_BYTES, NULL));
  if (*moment >= KEPT)
    g_assert_true (vf_store_keep_import (store, building, ROOT, NULL, NULL));
  if (*moment >= FINISHED)
    g_assert_true (vf_store_finish_import (store, building, ROOT, NULL));
  if (*moment >= REMOVED)
    g_assert_true (vf_storage_remove (store->storage, building->volume, NULL));
  kill (getpid (), SIGKILL);
}

/* Neither a record without a volume, nor a volume without a record. */
static void
what_a_dead_receiver_left_is_whole_or_nothing (void)
{
  for (Moment moment = BEGUN; moment <= REMOVED; moment++) {
    char *path = common_path (), *base = NULL;
    common_wait (common_fork (import_and_die, path, &moment));
    g_autoptr (VmforgeStore) store = common_open (path);
    VfBuilding *left = vf_store_resume_import (store, ROOT, &base);
    g_assert_true ((left != NULL) == (moment == KEPT));
    g_assert_cmpuint (common_count_volumes (store), ==, left == NULL ? 0 : 1);
    g_assert_true (left == NULL || common_has_volume (store, left->volume));
    g_assert_true (left == NULL || vf_store_end (store, left, TRUE, FALSE, NULL));
    common_check_clean (store);
    common_remove (path);
  }
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
  g_test_add_func ("/building/space-is-reserved-by-live-builds", space_is_reserved_by_live_builds);
  g_test_add_func ("/building/a-dead-build-reserves-nothing", a_dead_build_reserves_nothing);
  g_test_add_func ("/building/a-kept-volume-outlives-recovery", a_kept_volume_outlives_recovery);
  g_test_add_func ("/building/a-kept-volume-in-use-is-not-removed", a_kept_volume_in_use_is_not_removed);
  g_test_add_func ("/building/cleaning-up-works-after-the-user-stopped",
                   cleaning_up_works_after_the_user_stopped);
  g_test_add_func ("/building/what-a-dead-receiver-left-is-whole-or-nothing",
                   what_a_dead_receiver_left_is_whole_or_nothing);
  return g_test_run ();
}
