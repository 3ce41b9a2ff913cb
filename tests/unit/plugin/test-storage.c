/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"
#include "plugin/storage.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"

static VfStorage *
open_toy (Fixture *fixture, const char *does)
{
  g_autofree char *setting = g_strdup_printf ("toy:does=%s", does);
  g_free (fixture_install (fixture, "toy", "vmforge-toy.so"));
  GError *error = NULL;
  VfStorage *storage = vf_storage_open (setting, fixture->folder, ID, &fixture->host, &error);
  g_assert_no_error (error);
  return storage;
}

/* create() of a toy that does this fails so. */
static void
assert_create_fails (Fixture *fixture, const char *does, VmforgeError code, const char *text)
{
  g_autoptr (VfStorage) storage = open_toy (fixture, does);
  GError *error = NULL;
  g_assert_false (vf_storage_create (storage, ID, 4096, &error));
  fixture_assert_error (&error, code, text);
}

static void
a_failure_without_a_reason_names_plugin_and_callback (Fixture *fixture, gconstpointer data)
{
  assert_create_fails (fixture, "silent", VMFORGE_ERROR_FAILED,
                       "plugin 'toy' failed in create without saying why");
}

static void
an_error_fails_the_call_whatever_it_returns (Fixture *fixture, gconstpointer data)
{
  assert_create_fails (fixture, "error", VMFORGE_ERROR_NO_SPACE, "toy: two lines [31m of " ID);
}

static void
the_first_of_two_errors_counts (Fixture *fixture, gconstpointer data)
{
  assert_create_fails (fixture, "two-errors", VMFORGE_ERROR_SPEC, "toy: the first");
}

static void
results_are_refused_where_they_mean_nothing (Fixture *fixture, gconstpointer data)
{
  assert_create_fails (fixture, "emit", VMFORGE_ERROR_FAILED,
                       "plugin 'toy' broke the rules in create: it uses emit_volume()");
  assert_create_fails (fixture, "root", VMFORGE_ERROR_FAILED,
                       "run_in_root() is for install, boot and manifest");
}

static void
log_lines_are_split_and_cleaned (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_toy (fixture, "log");
  g_assert_true (vf_storage_create (storage, ID, 4096, NULL));
  g_assert_cmpuint (fixture->lines->len, ==, 2);
  g_assert_cmpstr (fixture->lines->pdata[0], ==, "1 first");
  g_assert_cmpstr (fixture->lines->pdata[1], ==, "1 second");
}

static void
progress_stays_in_its_bounds (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_toy (fixture, "progress");
  g_assert_true (vf_storage_create (storage, ID, 4096, NULL));
  g_assert_cmpfloat (fixture->fraction, ==, 1.0);
  g_assert_cmpstr (fixture->what, ==, "a b");
}

static void
cancellation_is_an_error_of_its_own_and_spares_removal (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_toy (fixture, "cancelled");
  GError *error = NULL;
  g_cancellable_cancel (fixture->cancellable);
  g_assert_false (vf_storage_create (storage, ID, 4096, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_CANCELLED, "stopped");
  g_assert_false (vf_storage_seal (storage, ID, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_CANCELLED, "stopped");
  g_assert_true (vf_storage_remove (storage, ID, &error));
  g_assert_no_error (error);
}

static void
map_gives_the_path_and_only_a_whole_one (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) good = open_toy (fixture, "");
  g_autofree char *path = NULL, *none = NULL;
  GError *error = NULL;
  g_assert_true (vf_storage_map (good, ID, TRUE, &path, &error));
  g_assert_cmpstr (path, ==, "/read-only");
  g_autoptr (VfStorage) relative = open_toy (fixture, "relative");
  g_assert_false (vf_storage_map (relative, ID, FALSE, &none, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "broke the rules in map: it gives no absolute path");
  g_autoptr (VfStorage) endless = open_toy (fixture, "endless");
  g_assert_false (vf_storage_map (endless, ID, FALSE, &none, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "it gives no absolute path");
  g_assert_null (none);
}

static void
ids_that_are_none_reach_no_plugin (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_toy (fixture, "");
  GError *error = NULL;
  g_assert_false (vf_storage_remove (storage, "../../etc/passwd", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "is no volume id");
}

static void
list_is_sorted_and_checked (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_toy (fixture, "");
  GError *error = NULL;
  g_autoptr (GPtrArray) volumes = vf_storage_list (storage, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (volumes->len, ==, 2);
  const VfVolume *first = volumes->pdata[0];
  g_assert_cmpstr (first->id, ==, "00000000000000000000000000000001");
  g_assert_true (first->sealed);
  g_autoptr (VfStorage) bad = open_toy (fixture, "bad-id");
  g_assert_null (vf_storage_list (bad, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "has no id of ours");
}

static void
assert_extent (GArray *extents, guint i, guint64 offset, guint64 length, enum vmforge_extent_state state)
{
  const VfExtent *extent = &g_array_index (extents, VfExtent, i);
  g_assert_cmpuint (extent->offset, ==, offset);
  g_assert_cmpuint (extent->length, ==, length);
  g_assert_cmpint (extent->state, ==, state);
}

static void
extents_are_joined_and_gaps_are_data (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_toy (fixture, "");
  GError *error = NULL;
  g_autoptr (GArray) extents = vf_storage_extents (storage, ID, 65536, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (extents->len, ==, 3);
  assert_extent (extents, 0, 0, 4096, VMFORGE_EXTENT_DATA);
  assert_extent (extents, 1, 4096, 8192, VMFORGE_EXTENT_HOLE);
  assert_extent (extents, 2, 12288, 65536 - 12288, VMFORGE_EXTENT_DATA);
}

static void
extents_out_of_order_or_bounds_are_refused (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[][2] = {{"backwards", "out of order or beyond"},
                                       {"beyond", "out of order or beyond"},
                                       {"wrong-state", "extent state 2 has no meaning there"}};
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (VfStorage) storage = open_toy (fixture, bad[i][0]);
    GError *error = NULL;
    g_assert_null (vf_storage_extents (storage, ID, 65536, &error));
    fixture_assert_error (&error, VMFORGE_ERROR_FAILED, bad[i][1]);
  }
}

static void
missing_callbacks_have_their_defaults (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_toy (fixture, "");
  GError *error = NULL;
  guint64 total, available;
  g_autoptr (GArray) differences = vf_storage_differences (storage, ID, ID, 8192, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (differences->len, ==, 1);
  assert_extent (differences, 0, 0, 8192, VMFORGE_EXTENT_UNKNOWN);
  g_assert_true (vf_storage_capacity (storage, &total, &available, &error));
  g_assert_cmpuint (available, ==, G_MAXUINT64);
  g_assert_true (vf_storage_unmap (storage, ID, &error));
  g_assert_true (vf_storage_deactivate (storage, &error));
}

static void
programs_give_status_and_lines (Fixture *fixture, gconstpointer data)
{
  assert_create_fails (fixture, "run-lines", VMFORGE_ERROR_FAILED, "toy: status 7 sum 3");
  g_assert_cmpuint (fixture->lines->len, ==, 0);
  assert_create_fails (fixture, "run-log", VMFORGE_ERROR_FAILED, "toy: status 7 sum 0");
  g_assert_cmpuint (fixture->lines->len, ==, 2);
  assert_create_fails (fixture, "run-stop", VMFORGE_ERROR_FAILED, "was stopped by the plugin");
}

static void
an_absent_program_is_an_error_unless_the_plugin_recovers (Fixture *fixture, gconstpointer data)
{
  assert_create_fails (fixture, "run-absent", VMFORGE_ERROR_ENVIRONMENT, "vmforge-no-such-program");
  g_autoptr (VfStorage) storage = open_toy (fixture, "run-recover");
  g_assert_true (vf_storage_create (storage, ID, 4096, NULL));
}

#define ADD(function)                                                                                        \
  g_test_add ("/plugin/storage/" #function, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (a_failure_without_a_reason_names_plugin_and_callback);
  ADD (an_error_fails_the_call_whatever_it_returns);
  ADD (the_first_of_two_errors_counts);
  ADD (results_are_refused_where_they_mean_nothing);
  ADD (log_lines_are_split_and_cleaned);
  ADD (progress_stays_in_its_bounds);
  ADD (cancellation_is_an_error_of_its_own_and_spares_removal);
  ADD (map_gives_the_path_and_only_a_whole_one);
  ADD (ids_that_are_none_reach_no_plugin);
  ADD (list_is_sorted_and_checked);
  ADD (extents_are_joined_and_gaps_are_data);
  ADD (extents_out_of_order_or_bounds_are_refused);
  ADD (missing_callbacks_have_their_defaults);
  ADD (programs_give_status_and_lines);
  ADD (an_absent_program_is_an_error_unless_the_plugin_recovers);
  return g_test_run ();
}
