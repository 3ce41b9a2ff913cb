/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What storage can do, its unit of changes, sync and discard, its place, labels and mappings: answers that
 * are given, that are nonsense, and the defaults where there is none. */
#include "fixture.h"
#include "plugin/storage.h"
#include "support/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID    "0123456789abcdef0123456789abcdef"
#define BLOCK 4096

static VfStorage *
open_storage (Fixture *fixture, const char *name, const char *parameters)
{
  g_autofree char *file = g_strdup_printf ("vmforge-%s.so", name);
  g_autofree char *setting = g_strconcat (name, parameters, NULL);
  GError *error = NULL;
  g_free (fixture_install (fixture, name, file));
  VfStorage *storage = vf_storage_open (setting, fixture->folder, ID, &fixture->host, &error);
  g_assert_no_error (error);
  return storage;
}

static void
assert_can_snapshot (Fixture *fixture, const char *parameters, gboolean wanted)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy-answers", parameters);
  GError *error = NULL;
  gboolean can = !wanted;
  vf_storage_can_snapshot (storage, &can, &error);
  g_assert_no_error (error);
  g_assert_cmpint (can, ==, wanted);
}

static void
can_snapshot_is_what_the_plugin_says (Fixture *fixture, gconstpointer data)
{
  assert_can_snapshot (fixture, ":says=1", TRUE);
  assert_can_snapshot (fixture, ":says=7", TRUE);
  assert_can_snapshot (fixture, ":says=0", FALSE);
  g_autoptr (VfStorage) failing = open_storage (fixture, "toy-answers", ":says=fail");
  GError *error = NULL;
  gboolean can = 77;
  g_assert_false (vf_storage_can_snapshot (failing, &can, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_ENVIRONMENT, "toy-answers: it is not known");
  g_assert_cmpint (can, ==, 77);
}

static void
granularity_is_a_power_of_two_in_its_bounds (Fixture *fixture, gconstpointer data)
{
  static const guint64 good[] = {512, 4096, 65536, 16 * 1024 * 1024};
  static const char *const bad[] = {"0",    "1",     "256",      "513",
                                    "4097", "12288", "33554432", "0x8000000000000000"};
  GError *error = NULL;
  guint64 bytes;
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *says = g_strdup_printf (":says=%" G_GUINT64_FORMAT, good[i]);
    g_autoptr (VfStorage) storage = open_storage (fixture, "toy-answers", says);
    vf_storage_granularity (storage, &bytes, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (bytes, ==, good[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *says = g_strdup_printf (":says=%s", bad[i]);
    g_autofree char *text =
        g_strdup_printf ("plugin 'toy-answers' broke the rules in granularity: %" G_GUINT64_FORMAT
                         " is no power of two from 512 to 16 MiB",
                         g_ascii_strtoull (bad[i], NULL, 0));
    g_autoptr (VfStorage) storage = open_storage (fixture, "toy-answers", says);
    bytes = 77;
    g_assert_false (vf_storage_granularity (storage, &bytes, &error));
    fixture_assert_error (&error, VMFORGE_ERROR_FAILED, text);
    g_assert_cmpuint (bytes, ==, 77);
  }
}

static void
sync_and_discard_reach_the_plugin (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy-answers", ":says=tell");
  GError *error = NULL;
  g_assert_false (vf_storage_sync (storage, ID, "/nowhere", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "toy-answers: asked for 0, 1 and 2");
  g_assert_false (vf_storage_discard (storage, ID, "/nowhere", BLOCK, 3 * BLOCK, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "toy-answers: asked for 0, 4096 and 12288");
  g_assert_false (vf_storage_sync (storage, "../x", "/nowhere", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "is no volume id");
  g_assert_false (vf_storage_discard (storage, "../x", "/nowhere", 0, BLOCK, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "is no volume id");
  /* Its own ways need no file. */
  g_autoptr (VfStorage) good = open_storage (fixture, "toy-answers", "");
  g_assert_true (vf_storage_sync (good, ID, "/nowhere", &error));
  g_assert_true (vf_storage_discard (good, ID, "/nowhere", 0, BLOCK, &error));
}

static void
without_answers_clones_copy_and_changes_are_seen_by_the_block (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy", "");
  gboolean can = TRUE;
  guint64 bytes = 0;
  g_assert_true (vf_storage_can_snapshot (storage, &can, NULL));
  g_assert_false (can);
  g_assert_true (vf_storage_granularity (storage, &bytes, NULL));
  g_assert_cmpuint (bytes, ==, BLOCK);
}

static void
by_default_the_mapped_file_is_synced (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy", "");
  g_autofree char *path = fixture_write (fixture, "volume", "x", 1);
  GError *error = NULL;
  vf_storage_sync (storage, ID, path, &error);
  g_assert_no_error (error);
  g_assert_false (vf_storage_sync (storage, ID, "/nowhere/volume", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "cannot sync volume '" ID "' at '/nowhere/volume': ");
  /* What cannot be synced is found out by fsync alone. */
  g_assert_false (vf_storage_sync (storage, ID, "/dev/null", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "cannot sync volume '" ID "' at '/dev/null': ");
}

static void
by_default_a_discarded_range_becomes_a_hole (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy", "");
  g_autofree char *full = g_malloc (4 * BLOCK);
  memset (full, 'x', 4 * BLOCK);
  g_autofree char *path = fixture_write (fixture, "volume", full, 4 * BLOCK), *found = NULL;
  gsize length;
  GError *error = NULL;
  vf_storage_discard (storage, ID, path, BLOCK, 2 * BLOCK, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (path, &found, &length, NULL));
  memset (full + BLOCK, 0, 2 * BLOCK);
  g_assert_cmpmem (found, length, full, 4 * BLOCK);
  struct stat status;
  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_blocks * 512, <=, 2 * BLOCK);
  g_assert_false (vf_storage_discard (storage, ID, "/dev/null", 0, BLOCK, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED,
                        "cannot discard a range of volume '" ID "' at '/dev/null': ");
}

static void
assert_place_is_refused (Fixture *fixture, const char *parameters)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy-answers", parameters);
  g_autofree char *place = NULL;
  GError *error = NULL;
  g_assert_false (vf_storage_ask_place (storage, &place, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED,
                        "plugin 'toy-answers' broke the rules in place: it gives no text");
  g_assert_null (place);
}

static void
the_place_is_a_text_of_the_plugin (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy-answers", ":says=here");
  g_autofree char *asked = NULL, *place = NULL;
  GError *error = NULL;
  g_assert_true (vf_storage_ask_place (storage, &asked, &error));
  g_assert_cmpstr (asked, ==, "here");
  g_assert_true (vf_storage_get_place (storage, fixture->folder, &place, &error));
  g_assert_cmpstr (place, ==, "here");
  assert_place_is_refused (fixture, "");
  assert_place_is_refused (fixture, ":says=endless");
  assert_place_is_refused (fixture, ":says=\xff");
}

static void
without_an_answer_parameters_are_the_place (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) one = open_storage (fixture, "toy", ":bytes=1MiB"),
                        other = open_storage (fixture, "toy", ":bytes=2MiB");
  g_autofree char *asked = NULL, *place = NULL, *elsewhere = NULL;
  GError *error = NULL;
  g_assert_true (vf_storage_ask_place (one, &asked, &error));
  g_assert_null (asked);
  g_assert_true (vf_storage_get_place (one, fixture->folder, &place, &error));
  g_assert_true (vf_storage_get_place (other, fixture->folder, &elsewhere, &error));
  g_assert_cmpstr (place, !=, elsewhere);
}

static void
a_label_reaches_the_plugin_that_takes_it (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy-answers", ":says=tell");
  GError *error = NULL;
  g_assert_false (vf_storage_label (storage, ID, "a-key", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "toy-answers: told that 0 is for a-key");
  g_assert_false (vf_storage_label (storage, "../x", "a-key", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "is no volume id");
  g_autoptr (VfStorage) without = open_storage (fixture, "toy", "");
  g_assert_true (vf_storage_label (without, ID, "a-key", &error));
}

static void
map_times (VfStorage *storage, guint times)
{
  for (guint i = 0; i < times; i++) {
    g_autofree char *path = NULL;
    g_assert_true (vf_storage_map (storage, ID, TRUE, &path, NULL));
    g_assert_cmpstr (path, ==, "/mapped");
  }
}

/* unmap of the plugin "fails", which tells that it was called. */
static void
assert_unmaps (VfStorage *storage)
{
  GError *error = NULL;
  g_assert_false (vf_storage_unmap (storage, ID, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "toy-answers: asked for 0, 3 and 4");
}

static void
the_last_user_unmaps (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfStorage) storage = open_storage (fixture, "toy-answers", ":says=tell");
  map_times (storage, 3);
  g_assert_true (vf_storage_unmap (storage, ID, NULL));
  g_assert_true (vf_storage_unmap (storage, ID, NULL));
  assert_unmaps (storage);
  /* Whoever unmaps what nobody counted means it. */
  assert_unmaps (storage);
  map_times (storage, 1);
  assert_unmaps (storage);
  /* What is removed is mapped by nobody. */
  map_times (storage, 2);
  g_assert_true (vf_storage_remove (storage, ID, NULL));
  assert_unmaps (storage);
}

#define ADD(function)                                                                                        \
  g_test_add ("/plugin/storage-answers/" #function, Fixture, NULL, fixture_set_up, function,                 \
              fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (can_snapshot_is_what_the_plugin_says);
  ADD (granularity_is_a_power_of_two_in_its_bounds);
  ADD (sync_and_discard_reach_the_plugin);
  ADD (without_answers_clones_copy_and_changes_are_seen_by_the_block);
  ADD (by_default_the_mapped_file_is_synced);
  ADD (by_default_a_discarded_range_becomes_a_hole);
  ADD (the_place_is_a_text_of_the_plugin);
  ADD (without_an_answer_parameters_are_the_place);
  ADD (a_label_reaches_the_plugin_that_takes_it);
  ADD (the_last_user_unmaps);
  return g_test_run ();
}
