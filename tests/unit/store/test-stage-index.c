/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A stage and its block index come and go together, wherever a process dies. */
#include "common.h"
#include "blocks/index-build.h"
#include "store/stage-index.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *path;
  VmforgeStore *store;
  char *key;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = common_path ();
  fixture->store = common_open (fixture->path);
  fixture->key = common_key ("core");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vmforge_store_free (fixture->store);
  common_remove (fixture->path);
  g_free (fixture->key);
}

static gboolean
has (Fixture *fixture, const char *name)
{
  return vf_fs_exists (fixture->store->fd, name);
}

/* Also good for a record of another storage. */
static void
make_file (Fixture *fixture, const char *name)
{
  static const char text[] = "{\"format\":1,\"volume\":\"0123456789abcdef0123456789abcdef\"}";
  g_autofree char *folder = g_path_get_dirname (name);
  g_assert_true (vf_fs_mkdir_p (fixture->store->fd, folder, 0755, NULL));
  g_assert_true (vf_fs_write (fixture->store->fd, name, text, strlen (text), 0644, NULL));
}

/* What a worker does: a volume with one block of data, sealed, and its index. */
static VfBuilding *
begin (VmforgeStore *store, const char *key, VfStageIndex *index)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *root = NULL;
  VfBuildingStage what = {.key = key, .stage = "core", .reserve = 1};
  VfBuilding *building = vf_store_begin_stage (store, &what, &error);
  g_assert_no_error (error);
  g_autofree char *volume = g_strdup_printf ("volumes/%s", building->volume);
  g_autofree char *path = vf_building_index_path (building->volume);
  vf_storage_create (store->storage, building->volume, VOLUME_BYTES, &error);
  g_assert_no_error (error);
  vf_autofd int fd = openat (store->fd, volume, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (pwrite (fd, "data", 4, 9000), ==, 4);
  vf_storage_seal (store->storage, building->volume, &error);
  g_assert_no_error (error);
  VfBlockSource source = {.volume = {fd, VOLUME_BYTES}};
  vf_block_index_build (&source, store->fd, path, &root, &index->own_bytes, &error);
  g_assert_no_error (error);
  g_strlcpy (index->root, root, sizeof index->root);
  return building;
}

static void
record (VmforgeStore *store, const char *key, const VfBuilding *building, const VfStageIndex *index)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJson) json = common_stage_json ("core", NULL);
  vf_store_record_indexed (store, key, json, building->volume, VOLUME_BYTES, 1, NULL, index, &error);
  g_assert_no_error (error);
}

static void
build (Fixture *fixture)
{
  VfStageIndex index;
  VfBuilding *building = begin (fixture->store, fixture->key, &index);
  record (fixture->store, fixture->key, building, &index);
  g_assert_true (vf_store_end (fixture->store, building, FALSE, FALSE, NULL));
}

static void
a_recorded_stage_has_the_index_of_its_volume (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  build (fixture);
  g_autoptr (VfStage) stage = vf_store_find_stage (fixture->store, fixture->key, NULL);
  g_assert_cmpuint (stage->own, ==, VF_BLOCK_BYTES);
  g_autoptr (VfBlockIndex) index = vf_stage_index_open (fixture->store, stage, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vf_block_index_get_root (index), ==, stage->index);
  g_assert_cmpuint (vf_block_index_get_bytes (index), ==, VOLUME_BYTES);
  common_check_clean (fixture->store);
}

static void
a_stage_of_an_older_store_has_none_and_is_usable (Fixture *fixture, gconstpointer data)
{
  common_build (fixture->store, fixture->key, "core", NULL);
  g_autoptr (VfStage) stage = vf_store_find_stage (fixture->store, fixture->key, NULL);
  g_assert_nonnull (stage);
  g_assert_null (stage->index);
  g_assert_cmpuint (stage->own, ==, G_MAXUINT64);
}

/* Nor one that is absent: a record never names what is not there. */
static void
an_index_that_is_not_the_one_told_is_refused (Fixture *fixture, gconstpointer data)
{
  for (int absent = 0; absent < 2; absent++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfJson) json = common_stage_json ("core", NULL);
    VfStageIndex index;
    VfBuilding *building = begin (fixture->store, fixture->key, &index);
    if (absent)
      vf_building_index_remove (fixture->store, building->volume);
    else
      index.root[0] = index.root[0] == '0' ? '1' : '0';
    g_assert_false (vf_store_record_indexed (fixture->store, fixture->key, json, building->volume,
                                             VOLUME_BYTES, 1, NULL, &index, &error));
    g_assert_nonnull (error);
    g_assert_null (vf_store_find_stage (fixture->store, fixture->key, NULL));
    g_assert_true (vf_store_end (fixture->store, building, TRUE, FALSE, NULL));
    common_check_clean (fixture->store);
  }
}

static void
a_failed_build_takes_its_index_along (Fixture *fixture, gconstpointer data)
{
  VfStageIndex index;
  VfBuilding *building = begin (fixture->store, fixture->key, &index);
  g_autofree char *part = g_strdup_printf ("building/%s.index.part", building->volume);
  make_file (fixture, part);
  g_assert_true (vf_store_end (fixture->store, building, TRUE, FALSE, NULL));
  common_check_clean (fixture->store);
}

static void
removing_a_stage_removes_its_index_and_no_other_storages (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *mine = vf_stage_index_path (fixture->key, "plain");
  g_autofree char *other = vf_stage_index_path (fixture->key, "other");
  g_autofree char *record_path = g_strdup_printf ("stages/%s/other.json", fixture->key);
  build (fixture);
  make_file (fixture, other);
  make_file (fixture, record_path);
  vf_store_remove_stage (fixture->store, fixture->key, &error);
  g_assert_no_error (error);
  g_assert_false (has (fixture, mine));
  g_assert_true (has (fixture, other));
}

static void
recovery_removes_an_index_of_no_record (Fixture *fixture, gconstpointer data)
{
  g_autofree char *key = common_key ("other");
  g_autofree char *cut_off = vf_stage_index_path (fixture->key, "never");
  g_autofree char *mine = vf_stage_index_path (fixture->key, "plain");
  VfStageIndex index;
  build (fixture);
  make_file (fixture, cut_off);
  make_file (fixture, "building/0123456789abcdef0123456789abcdef.index");
  make_file (fixture, "building/0123456789abcdef0123456789abcdef.index.part");
  VfBuilding *living = begin (fixture->store, key, &index);
  g_autofree char *kept = vf_building_index_path (living->volume);
  g_autofree char *part = g_strconcat (kept, ".part", NULL);
  make_file (fixture, part);
  g_assert_true (vf_store_recover (fixture->store, NULL));
  g_assert_true (has (fixture, mine));
  g_assert_false (has (fixture, cut_off));
  g_assert_false (has (fixture, "building/0123456789abcdef0123456789abcdef.index"));
  g_assert_false (has (fixture, "building/0123456789abcdef0123456789abcdef.index.part"));
  g_assert_true (has (fixture, kept));
  g_assert_true (has (fixture, part));
  g_assert_true (vf_store_end (fixture->store, living, TRUE, FALSE, NULL));
  common_check_clean (fixture->store);
}

enum { INDEXED, MOVED, RECORDED, N_POINTS };

static void
build_and_die (const char *path, gpointer data)
{
  int point = GPOINTER_TO_INT (data);
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autofree char *key = common_key ("core");
  VfStageIndex index;
  VfBuilding *building = begin (store, key, &index);
  if (point >= MOVED)
    record (store, key, building, &index);
  g_autofree char *made = g_strdup_printf ("stages/%s/plain.json", key);
  if (point == MOVED)
    g_assert_cmpint (unlinkat (store->fd, made, 0), ==, 0);
  kill (getpid (), SIGKILL);
}

static void
a_builder_killed_anywhere_leaves_index_and_record_or_neither (Fixture *fixture, gconstpointer data)
{
  for (int point = 0; point < N_POINTS; point++) {
    char *path = common_path ();
    common_wait (common_fork (build_and_die, path, GINT_TO_POINTER (point)));
    g_autoptr (VmforgeStore) store = common_open (path);
    g_autoptr (VfStage) stage = vf_store_find_stage (store, fixture->key, NULL);
    g_assert_cmpint (stage != NULL, ==, point == RECORDED);
    g_autoptr (VfBlockIndex) index = stage == NULL ? NULL : vf_stage_index_open (store, stage, NULL);
    g_assert_cmpint (index != NULL, ==, point == RECORDED);
    common_check_clean (store);
    common_remove (path);
  }
}

#define ADD(test) g_test_add ("/store/stage-index/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
  ADD (a_recorded_stage_has_the_index_of_its_volume);
  ADD (a_stage_of_an_older_store_has_none_and_is_usable);
  ADD (an_index_that_is_not_the_one_told_is_refused);
  ADD (a_failed_build_takes_its_index_along);
  ADD (removing_a_stage_removes_its_index_and_no_other_storages);
  ADD (recovery_removes_an_index_of_no_record);
  ADD (a_builder_killed_anywhere_leaves_index_and_record_or_neither);
  return g_test_run ();
}
