/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Blocks are found by their hash in the volumes of a store, whoever learnt them and whoever died doing so. */
#include "common.h"
#include "store/hints-volumes.h"
#include "store/hints.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/fs.h"

#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  char *path;
  VmforgeStore *store;
  char *core, *base, *image; /* keys: core ← base ← image */
} Fixture;

#define CORE  "ab......cd"
#define BASE  "abe.....cd"
#define IMAGE "abef....cD"

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = common_path ();
  fixture->store = common_open (fixture->path);
  fixture->core = common_key ("core");
  fixture->base = common_key ("base");
  fixture->image = common_key ("image");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vmforge_store_free (fixture->store);
  common_remove (fixture->path);
  g_free (fixture->core);
  g_free (fixture->base);
  g_free (fixture->image);
}

static void
learn (Fixture *fixture, const char *key, const char *from)
{
  g_autoptr (GError) error = NULL;
  vf_store_learn_blocks (fixture->store, key, from, &error);
  g_assert_no_error (error);
}

static void
build (Fixture *fixture)
{
  common_build_indexed (fixture->store, fixture->core, "core", NULL, CORE);
  common_build_indexed (fixture->store, fixture->base, "base", fixture->core, BASE);
  common_build_indexed (fixture->store, fixture->image, "image", fixture->base, IMAGE);
}

/* How many places it has. place: the only one. */
static guint
find (VmforgeStore *store, char content, char **volume, guint64 *block)
{
  guint8 hash[VF_DIGEST_BYTES];
  VfHint found[8];
  g_autoptr (VfHints) hints = vf_hints_open (store);
  common_hash (content, hash);
  guint count = vf_hints_find (hints, hash, found, G_N_ELEMENTS (found));
  if (count > 0) {
    *volume = g_strdup (found[0].volume);
    *block = found[0].block;
  }
  return count;
}

/* key: of the stage whose volume it is found in, alone. */
static void
assert_found (Fixture *fixture, char content, const char *key, guint64 block)
{
  g_autofree char *volume = NULL;
  guint64 at = 0;
  g_autoptr (VfStage) stage = vf_store_find_stage (fixture->store, key, NULL);
  g_assert_cmpuint (find (fixture->store, content, &volume, &at), ==, 1);
  g_assert_cmpstr (volume, ==, stage->volume);
  g_assert_cmpuint (at, ==, block);
}

static void
assert_absent (Fixture *fixture, char content)
{
  g_autofree char *volume = NULL;
  guint64 at;
  g_assert_cmpuint (find (fixture->store, content, &volume, &at), ==, 0);
}

static void
assert_all_found (Fixture *fixture)
{
  assert_found (fixture, 'a', fixture->core, 0);
  assert_found (fixture, 'b', fixture->core, 1);
  assert_found (fixture, 'c', fixture->core, 8);
  assert_found (fixture, 'd', fixture->core, 9);
  assert_found (fixture, 'e', fixture->base, 2);
  assert_found (fixture, 'f', fixture->image, 3);
  assert_found (fixture, 'D', fixture->image, 9);
  assert_absent (fixture, 'x');
  assert_absent (fixture, '\0');
}

static void
a_store_without_a_table_has_no_hints (Fixture *fixture, gconstpointer data)
{
  build (fixture);
  assert_absent (fixture, 'a');
  g_assert_false (vf_fs_exists (fixture->store->fd, "blocks"));
}

static void
own_blocks_are_found_in_the_volume_that_owns_them (Fixture *fixture, gconstpointer data)
{
  common_build_indexed (fixture->store, fixture->core, "core", NULL, CORE);
  learn (fixture, fixture->core, NULL);
  assert_found (fixture, 'a', fixture->core, 0);
  assert_absent (fixture, 'e');
  common_build_indexed (fixture->store, fixture->base, "base", fixture->core, BASE);
  learn (fixture, fixture->base, NULL);
  common_build_indexed (fixture->store, fixture->image, "image", fixture->base, IMAGE);
  learn (fixture, fixture->image, NULL);
  assert_all_found (fixture);
}

static void
a_store_without_a_table_gets_one_of_all_stages (Fixture *fixture, gconstpointer data)
{
  build (fixture);
  learn (fixture, NULL, NULL);
  assert_all_found (fixture);
}

static void
a_table_that_is_made_anew_has_all_stages (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  build (fixture);
  learn (fixture, NULL, NULL);
  vf_store_relearn_blocks (fixture->store, &error);
  g_assert_no_error (error);
  assert_all_found (fixture);
}

static void
a_stage_without_an_index_is_passed_by (Fixture *fixture, gconstpointer data)
{
  g_autofree char *old = common_key ("old");
  common_build (fixture->store, old, "core", NULL);
  build (fixture);
  learn (fixture, NULL, NULL);
  assert_all_found (fixture);
}

static void
learning_twice_adds_nothing (Fixture *fixture, gconstpointer data)
{
  build (fixture);
  learn (fixture, NULL, NULL);
  g_autoptr (VfJson) before = vf_checked_read (fixture->store->fd, "blocks.json", NULL);
  learn (fixture, fixture->image, NULL);
  g_autoptr (VfJson) after = vf_checked_read (fixture->store->fd, "blocks.json", NULL);
  g_assert_true (json_object_equal (before, after));
  assert_all_found (fixture);
}

static void
remove_stage (Fixture *fixture, const char *key)
{
  g_autoptr (GError) error = NULL;
  vf_store_remove_stage (fixture->store, key, &error);
  g_assert_no_error (error);
}

/* What is received has a base, and no parent. */
static void
build_clones (Fixture *fixture)
{
  common_build_indexed (fixture->store, fixture->core, "core", NULL, CORE);
  learn (fixture, fixture->core, NULL);
  common_build_indexed (fixture->store, fixture->base, "image", NULL, BASE);
  learn (fixture, fixture->base, fixture->core);
  common_build_indexed (fixture->store, fixture->image, "image", NULL, IMAGE);
  learn (fixture, fixture->image, fixture->base);
  assert_all_found (fixture);
}

/* Also where nothing is new to be learnt. */
static void
a_stage_that_goes_passes_its_numbers_to_its_clone (Fixture *fixture, gconstpointer data)
{
  build_clones (fixture);
  remove_stage (fixture, fixture->core);
  learn (fixture, NULL, NULL);
  assert_found (fixture, 'a', fixture->base, 0);
  assert_found (fixture, 'e', fixture->base, 2);
  assert_found (fixture, 'f', fixture->image, 3);
  remove_stage (fixture, fixture->base);
  learn (fixture, NULL, NULL);
  assert_found (fixture, 'a', fixture->image, 0);
  assert_found (fixture, 'e', fixture->image, 2);
}

/* However the two are met. */
static void
stages_that_go_together_pass_their_numbers_on (Fixture *fixture, gconstpointer data)
{
  build_clones (fixture);
  remove_stage (fixture, fixture->core);
  remove_stage (fixture, fixture->base);
  learn (fixture, NULL, NULL);
  assert_found (fixture, 'a', fixture->image, 0);
  assert_found (fixture, 'e', fixture->image, 2);
  assert_found (fixture, 'f', fixture->image, 3);
}

static void
a_stage_that_goes_without_a_clone_is_forgotten (Fixture *fixture, gconstpointer data)
{
  build (fixture);
  learn (fixture, NULL, NULL);
  remove_stage (fixture, fixture->image);
  learn (fixture, NULL, NULL);
  assert_absent (fixture, 'f');
  assert_found (fixture, 'e', fixture->base, 2);
}

/* As if who learnt it had been killed before all was in the table: the record knows the number and no end. */
static void
forget_end (Fixture *fixture, const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfStage) stage = vf_store_find_stage (fixture->store, key, NULL);
  g_autoptr (VfJson) record = vf_checked_read (fixture->store->fd, "blocks.json", NULL);
  VfJson *volume = vf_json_object (vf_json_object (record, "volumes"), stage->volume);
  g_assert_true (vf_json_bool (volume, "whole", FALSE));
  vf_json_set_bool (volume, "whole", FALSE);
  vf_checked_write (fixture->store->fd, "blocks.json", record, &error);
  g_assert_no_error (error);
}

static void
what_a_killed_learner_began_is_learnt_again (Fixture *fixture, gconstpointer data)
{
  build (fixture);
  learn (fixture, NULL, NULL);
  forget_end (fixture, fixture->base);
  learn (fixture, NULL, NULL);
  g_autofree char *volume = NULL;
  guint64 block = 0;
  g_autoptr (VfStage) stage = vf_store_find_stage (fixture->store, fixture->base, NULL);
  g_autoptr (VfBlockTable) table = vf_block_table_open (fixture->store->fd, "blocks", FALSE, NULL);
  g_autoptr (VfHintVolumes) volumes = vf_hint_volumes_read (fixture->store, vf_block_table_get_id (table));
  g_assert_true (vf_hint_volumes_has (volumes, stage->volume));
  /* By its old number and by its new one; both are of that volume. */
  g_assert_cmpuint (find (fixture->store, 'e', &volume, &block), >=, 1);
  g_assert_cmpstr (volume, ==, stage->volume);
  g_assert_cmpuint (block, ==, 2);
  assert_found (fixture, 'a', fixture->core, 0);
  assert_found (fixture, 'f', fixture->image, 3);
}

static void
learn_in_child (const char *path, gpointer data)
{
  g_autoptr (VmforgeStore) store = common_open (path);
  g_autoptr (GError) error = NULL;
  if (vf_store_learn_blocks (store, NULL, NULL, &error))
    return;
  g_printerr ("%s\n", error->message);
  _exit (1);
}

static void
two_processes_that_learn_at_once_learn_all_once (Fixture *fixture, gconstpointer data)
{
  build (fixture);
  for (int round = 0; round < 10; round++) {
    pid_t children[2];
    (void)unlinkat (fixture->store->fd, "blocks", 0);
    for (gsize i = 0; i < G_N_ELEMENTS (children); i++)
      children[i] = common_fork (learn_in_child, fixture->path, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS (children); i++) {
      int status = common_wait (children[i]);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, 0);
    }
    assert_all_found (fixture);
  }
}

static void
a_damaged_table_costs_hints_alone (Fixture *fixture, gconstpointer data)
{
  build (fixture);
  learn (fixture, NULL, NULL);
  g_assert_true (vf_fs_write (fixture->store->fd, "blocks", "nothing", 7, 0644, NULL));
  assert_absent (fixture, 'a');
  learn (fixture, NULL, NULL);
  assert_all_found (fixture);
  g_assert_true (vf_fs_write (fixture->store->fd, "blocks.json", "nothing", 7, 0644, NULL));
  assert_absent (fixture, 'a');
}

#define ADD(test) g_test_add ("/store/hints/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
  ADD (a_store_without_a_table_has_no_hints);
  ADD (own_blocks_are_found_in_the_volume_that_owns_them);
  ADD (a_store_without_a_table_gets_one_of_all_stages);
  ADD (a_table_that_is_made_anew_has_all_stages);
  ADD (a_stage_without_an_index_is_passed_by);
  ADD (learning_twice_adds_nothing);
  ADD (a_stage_that_goes_passes_its_numbers_to_its_clone);
  ADD (stages_that_go_together_pass_their_numbers_on);
  ADD (a_stage_that_goes_without_a_clone_is_forgotten);
  ADD (what_a_killed_learner_began_is_learnt_again);
  ADD (two_processes_that_learn_at_once_learn_all_once);
  ADD (a_damaged_table_costs_hints_alone);
  return g_test_run ();
}
