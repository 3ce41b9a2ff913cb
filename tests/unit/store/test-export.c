/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* How an image is written, as the store sees it. */
#include "common.h"
#include "image/clone.h"
#include "image/image.h"
#include "store/records.h"

#include <string.h>

typedef struct {
  char *path, *key;
  VmforgeStore *store;
  gboolean told; /* progress */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = common_path ();
  fixture->store = common_open (fixture->path);
  fixture->key = common_key ("appliance");
  common_build (fixture->store, fixture->key, "appliance", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vmforge_store_free (fixture->store);
  g_free (fixture->key);
  common_remove (fixture->path);
}

/* The one building record: it has the stage as parent, and builds none. */
static void
assert_held (Fixture *fixture)
{
  g_auto (GStrv) volumes = vf_records_names (fixture->store, "building", ".json", NULL);
  g_assert_cmpuint (g_strv_length (volumes), ==, 1);
  g_autoptr (VfJson) record = vf_building_read (fixture->store, volumes[0], NULL);
  g_assert_cmpstr (vf_json_string (record, "parent", NULL), ==, fixture->key);
  g_assert_cmpstr (vf_json_string (record, "key", NULL), ==, NULL);
}

static void
on_progress (double fraction, const char *what, gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (GError) error = NULL;
  assert_held (fixture);
  g_assert_false (vf_store_remove_stage (fixture->store, fixture->key, &error));
  g_assert_nonnull (strstr (error->message, "which works with it now"));
  fixture->told = TRUE;
}

static void
a_stage_is_held_while_it_is_written (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_store_find_image (fixture->store, fixture->key, &error);
  g_autofree char *output = g_build_filename (fixture->path, "..", "image.raw", NULL);
  g_assert_true (vf_image_export (fixture->store, image, "raw", output, on_progress, fixture, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (fixture->told);
  g_assert_true (g_file_test (output, G_FILE_TEST_IS_REGULAR));
  common_check_clean (fixture->store);
}

static void
a_stage_is_held_while_it_is_cloned (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_store_find_image (fixture->store, fixture->key, &error);
  VfClone *clone = vf_clone_new (fixture->store, image, 0, &error);
  g_assert_no_error (error);
  assert_held (fixture);
  g_assert_true (vf_clone_close (clone, &error));
  common_check_clean (fixture->store);
}

static void
a_stage_that_went_meanwhile_is_told (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_store_find_image (fixture->store, fixture->key, &error);
  g_assert_true (vf_store_remove_stage (fixture->store, fixture->key, &error));
  g_assert_null (vf_clone_new (fixture->store, image, 0, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "was removed"));
  g_clear_error (&error);
  g_autofree char *output = g_build_filename (fixture->path, "..", "image.raw", NULL);
  g_assert_false (vf_image_export (fixture->store, image, "raw", output, NULL, NULL, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  common_check_clean (fixture->store);
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
#define ADD(PATH, FUNC) g_test_add ("/export/" PATH, Fixture, NULL, set_up, FUNC, tear_down)
  ADD ("a-stage-is-held-while-it-is-written", a_stage_is_held_while_it_is_written);
  ADD ("a-stage-is-held-while-it-is-cloned", a_stage_is_held_while_it_is_cloned);
  ADD ("a-stage-that-went-meanwhile-is-told", a_stage_that_went_meanwhile_is_told);
  return g_test_run ();
}
