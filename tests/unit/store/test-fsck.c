/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"
#include "store/fsck.h"
#include "store/hints.h"
#include "store/records.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *path;
  VmforgeStore *store;
  char *core, *base, *image, *other; /* keys: core ← base ← image; core ← other */
  char *digest;                      /* of the image of `image` */
  GString *steps;
} Fixture;

/* A stage whose key is that of its inputs. */
static char *
build (Fixture *fixture, const char *name, const char *parent)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJson) json = common_stage_json (name, parent);
  VfJson *inputs = json_object_new_object ();
  vf_json_set_string (inputs, "name", name);
  if (parent != NULL)
    vf_json_set_string (inputs, "parent", parent);
  g_autofree char *text = vf_json_canonical (inputs);
  char *key = vf_digest_text (text);
  vf_json_set (json, "inputs", inputs);
  VfBuildingStage what = {.key = key, .parent = parent, .stage = name};
  VfBuilding *building = vf_store_begin_stage (fixture->store, &what, &error);
  g_assert_true (vf_storage_create (fixture->store->storage, building->volume, VOLUME_BYTES, &error));
  g_assert_true (vf_storage_seal (fixture->store->storage, building->volume, &error));
  vf_store_record_stage (fixture->store, key, json, building->volume, VOLUME_BYTES, 1, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vf_store_end (fixture->store, building, FALSE, FALSE, &error));
  return key;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = common_path ();
  fixture->store = common_open (fixture->path);
  fixture->core = build (fixture, "core", NULL);
  fixture->base = build (fixture, "base", fixture->core);
  fixture->image = build (fixture, "image", fixture->base);
  fixture->other = build (fixture, "other", fixture->core);
  fixture->digest = common_publish (fixture->store, "web", "1", "x86_64", fixture->image, 1);
  fixture->steps = g_string_new (NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_free (fixture->core);
  g_free (fixture->base);
  g_free (fixture->image);
  g_free (fixture->other);
  g_free (fixture->digest);
  g_string_free (fixture->steps, TRUE);
  vmforge_store_free (fixture->store);
  common_remove (fixture->path);
}

static void
on_step (const char *line, gpointer data)
{
  g_string_append_printf (((Fixture *)data)->steps, "%s\n", line);
}

/* How many faults there are. repair: also repairs them; none may be left then. */
static guint
check (Fixture *fixture, gboolean repair)
{
  g_autoptr (GError) error = NULL;
  g_auto (VfFsck) fsck = {0};
  guint left = 0;
  vf_fsck_run (&fsck, fixture->store, FALSE, NULL, &error);
  g_assert_no_error (error);
  guint count = fsck.faults->len;
  for (guint i = 0; i < count; i++) {
    const VfFault *fault = g_ptr_array_index (fsck.faults, i);
    g_test_message ("%s %s: %s (%s)", fault->kind, fault->object, fault->what,
                    vf_cure_describe (fault->cure));
  }
  if (!repair)
    return count;
  g_string_truncate (fixture->steps, 0);
  vf_fsck_repair (&fsck, on_step, fixture, &left, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (left, ==, 0);
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  common_check_clean (fixture->store);
  return count;
}

/* Flips one bit in the middle of a file. Takes path. */
static void
flip (Fixture *fixture, char *path)
{
  struct stat st;
  g_assert_cmpint (fstatat (fixture->store->fd, path, &st, 0), ==, 0);
  g_assert_cmpint (fchmodat (fixture->store->fd, path, 0644, 0), ==, 0);
  int fd = openat (fixture->store->fd, path, O_RDWR | O_CLOEXEC);
  char byte;
  g_assert_cmpint (pread (fd, &byte, 1, st.st_size / 2), ==, 1);
  byte ^= 1;
  g_assert_cmpint (pwrite (fd, &byte, 1, st.st_size / 2), ==, 1);
  close (fd);
  g_free (path);
}

static gboolean
is_there (Fixture *fixture, const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfStage) stage = vf_store_find_stage (fixture->store, key, &error);
  g_assert_no_error (error);
  return stage != NULL;
}

static void
assert_stages (Fixture *fixture, gboolean core, gboolean base, gboolean image, gboolean other)
{
  g_assert_cmpint (is_there (fixture, fixture->core), ==, core);
  g_assert_cmpint (is_there (fixture, fixture->base), ==, base);
  g_assert_cmpint (is_there (fixture, fixture->image), ==, image);
  g_assert_cmpint (is_there (fixture, fixture->other), ==, other);
}

static void
a_sound_store_is_sound (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  g_assert_cmpuint (check (fixture, TRUE), ==, 0);
  g_assert_cmpuint (fixture->steps->len, ==, 0);
  assert_stages (fixture, TRUE, TRUE, TRUE, TRUE);
}

/* data: a file of the stage `base`. */
static void
a_damaged_stage_goes_with_what_is_above (Fixture *fixture, gconstpointer data)
{
  flip (fixture, g_strdup_printf ("stages/%s/%s", fixture->base, (const char *)data));
  g_assert_cmpuint (check (fixture, FALSE), ==, 1);
  g_assert_cmpuint (common_count_volumes (fixture->store), ==, 4);
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, FALSE, FALSE, TRUE);
  g_autofree char *wanted =
      g_strdup_printf ("removed image web:1@x86_64 (%.12s)\nremoved stage %.12s\nremoved stage %.12s\n",
                       fixture->digest, fixture->image, fixture->base);
  g_assert_cmpstr (fixture->steps->str, ==, wanted);
}

static void
inputs_that_have_another_key_are_found (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_strdup_printf ("stages/%s/stage.json", fixture->other);
  g_autoptr (VfJson) json = vf_checked_read (fixture->store->fd, path, &error);
  vf_json_set_string (vf_json_object (json, "inputs"), "name", "another");
  g_assert_true (vf_checked_write (fixture->store->fd, path, json, &error));
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, TRUE, TRUE, FALSE);
}

static void
remove_volume (Fixture *fixture, const char *path)
{
  g_assert_cmpint (unlinkat (fixture->store->fd, path, 0), ==, 0);
}

static void
unseal_volume (Fixture *fixture, const char *path)
{
  g_assert_cmpint (fchmodat (fixture->store->fd, path, 0644, 0), ==, 0);
}

static void
cut_volume (Fixture *fixture, const char *path)
{
  unseal_volume (fixture, path);
  int fd = openat (fixture->store->fd, path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (ftruncate (fd, VOLUME_BYTES / 2), ==, 0);
  close (fd);
  g_assert_cmpint (fchmodat (fixture->store->fd, path, 0444, 0), ==, 0);
}

/* data: what happens to it. */
static void
a_volume_that_is_wrong_is_found (Fixture *fixture, gconstpointer data)
{
  void (*spoil) (Fixture * fixture, const char *path) = (void (*) (Fixture *, const char *))data;
  g_autoptr (VfStage) stage = vf_store_find_stage (fixture->store, fixture->base, NULL);
  g_autofree char *path = g_build_filename ("volumes", stage->volume, NULL);
  spoil (fixture, path);
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, FALSE, FALSE, TRUE);
}

static void
an_absent_parent_is_found (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_strdup_printf ("stages/%s", fixture->base);
  g_assert_true (vf_fs_remove (fixture->store->fd, folder, NULL));
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, FALSE, FALSE, TRUE);
}

static void
a_damaged_manifest_takes_its_image_along (Fixture *fixture, gconstpointer data)
{
  flip (fixture, g_strdup_printf ("objects/%s.json", fixture->digest));
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, TRUE, TRUE, TRUE);
  g_assert_cmpuint (common_count_files (fixture->store, "images"), ==, 0);
  g_assert_cmpuint (common_count_files (fixture->store, "objects"), ==, 0);
}

static void
a_damaged_name_goes (Fixture *fixture, gconstpointer data)
{
  flip (fixture, g_strdup ("images/web/1@x86_64.json"));
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, TRUE, TRUE, TRUE);
  g_assert_cmpuint (common_count_files (fixture->store, "objects"), ==, 0);
}

static void
a_name_of_nothing_is_found (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_strdup_printf ("objects/%s.json", fixture->digest);
  g_assert_cmpint (unlinkat (fixture->store->fd, path, 0), ==, 0);
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  g_assert_cmpuint (common_count_files (fixture->store, "images"), ==, 0);
}

static void
a_damaged_pin_stays_a_pin (Fixture *fixture, gconstpointer data)
{
  g_assert_true (vf_store_pin (fixture->store, fixture->base, TRUE, NULL));
  flip (fixture, g_strdup_printf ("stages/%s/pin", fixture->base));
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, TRUE, TRUE, TRUE);
  g_assert_true (vf_store_is_pinned (fixture->store, fixture->base));
}

static void
a_record_without_a_checksum_gets_one (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_strdup_printf ("stages/%s/plain.json", fixture->core);
  g_autoptr (VfJson) json = vf_checked_read (fixture->store->fd, path, NULL);
  g_assert_true (vf_json_write (fixture->store->fd, path, json, NULL));
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, TRUE, TRUE, TRUE);
}

static void
a_kept_volume_and_its_record_belong_together (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfBuilding *building = vf_store_begin_clone (fixture->store, fixture->core, 0, &error);
  g_autofree char *volume = g_build_filename ("volumes", building->volume, NULL);
  g_assert_true (vf_storage_create (fixture->store->storage, building->volume, VOLUME_BYTES, &error));
  g_assert_true (vf_store_end (fixture->store, building, FALSE, TRUE, &error));
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  g_assert_cmpint (unlinkat (fixture->store->fd, volume, 0), ==, 0);
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
}

static void
a_living_builder_keeps_its_damaged_record (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfBuilding *building = vf_store_begin_clone (fixture->store, fixture->core, 0, &error);
  flip (fixture, g_strdup_printf ("building/%s.json", building->volume));
  g_auto (VfFsck) fsck = {0};
  guint left = 0;
  g_assert_true (vf_fsck_run (&fsck, fixture->store, FALSE, NULL, &error));
  g_assert_cmpuint (fsck.faults->len, ==, 1);
  vf_fsck_repair (&fsck, NULL, NULL, &left, NULL);
  g_assert_cmpuint (left, ==, 1);
  g_assert_true (vf_store_end (fixture->store, building, FALSE, FALSE, &error));
}

static void
a_stage_in_use_is_left_to_the_next_repair (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const char *const keys[] = {fixture->image, NULL};
  VfUse *use = vf_store_use (fixture->store, keys, &error);
  g_assert_nonnull (use);
  flip (fixture, g_strdup_printf ("stages/%s/stage.json", fixture->base));
  g_auto (VfFsck) fsck = {0};
  guint left = 0;
  g_assert_true (vf_fsck_run (&fsck, fixture->store, FALSE, NULL, &error));
  vf_fsck_repair (&fsck, NULL, NULL, &left, NULL);
  g_assert_cmpuint (left, >, 0);
  g_assert_cmpuint (common_count_volumes (fixture->store), ==, 4);
  vf_use_end (use);
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  assert_stages (fixture, TRUE, FALSE, FALSE, TRUE);
}

static void
damaged_caches_and_roots_go (Fixture *fixture, gconstpointer data)
{
  static const char *const files[] = {"cache/tools.json", "cache/resolutions/a.json",
                                      "cache/metadata/a.json"};
  const char *const keys[] = {fixture->core, NULL};
  g_assert_cmpint (mkdirat (fixture->store->fd, "cache/metadata", 0755), ==, 0);
  g_autoptr (VfJson) json = json_object_new_object ();
  vf_json_set_string (json, "version", "a tool 1.0");
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    g_assert_true (vf_checked_write (fixture->store->fd, files[i], json, NULL));
  g_assert_true (vf_store_add_root (fixture->store, "/nowhere", "x", keys, NULL));
  g_auto (GStrv) roots = vf_records_names (fixture->store, "roots", NULL, NULL);
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    flip (fixture, g_strdup (files[i]));
  flip (fixture, g_strdup_printf ("roots/%s", roots[0]));
  g_assert_cmpuint (check (fixture, TRUE), ==, 4);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    g_assert_false (vf_fs_exists (fixture->store->fd, files[i]));
  assert_stages (fixture, TRUE, TRUE, TRUE, TRUE);
}

static void
archives_and_exports_are_held_to_their_digests (Fixture *fixture, gconstpointer data)
{
  g_autofree char *digest = vf_digest_text ("some archive");
  g_autofree char *folder = g_strdup_printf ("cache/packages/%.2s", digest);
  g_autofree char *archive = g_strdup_printf ("%s/%s", folder, digest + 2);
  g_assert_cmpint (mkdirat (fixture->store->fd, folder, 0755), ==, 0);
  g_assert_true (vf_fs_write (fixture->store->fd, archive, "some archive", 12, 0644, NULL));
  g_autoptr (VfImage) image = vf_store_find_image (fixture->store, "web", NULL);
  g_autofree char *export = vf_store_export_name (image, "qcow2");
  g_assert_true (vf_fs_write (fixture->store->fd, export, "some disk", 9, 0644, NULL));
  g_assert_false (vf_store_has_export (fixture->store, export));
  /* What a build that was killed right then leaves is no damage. */
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  g_assert_true (vf_store_record_export (fixture->store, export, NULL));
  g_assert_true (vf_store_has_export (fixture->store, export));
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  flip (fixture, g_strdup (archive));
  flip (fixture, g_strdup (export));
  g_assert_cmpuint (check (fixture, TRUE), ==, 2);
  g_assert_false (vf_fs_exists (fixture->store->fd, archive));
  g_assert_false (vf_store_has_export (fixture->store, export));
  g_assert_true (vf_fs_write (fixture->store->fd, export, "another", 7, 0644, NULL));
  g_assert_true (vf_store_forget_export (fixture->store, export, NULL));
  g_assert_false (vf_store_has_export (fixture->store, export));
  assert_stages (fixture, TRUE, TRUE, TRUE, TRUE);
}

static void
change (Fixture *fixture, const char *key, const char *name, const char *member, VfJson *value)
{
  g_autofree char *path = g_strdup_printf ("stages/%s/%s.json", key, name);
  g_autoptr (VfJson) json = vf_checked_read (fixture->store->fd, path, NULL);
  vf_json_set (json, member, value);
  g_assert_true (vf_checked_write (fixture->store->fd, path, json, NULL));
}

/* Three stages whose blocks are in the table, each a second younger than the one before. */
static void
fill_table (Fixture *fixture, char **volumes)
{
  static const char *const contents[] = {"abcd", "abce", "abfg"};
  for (gsize i = 0; i < G_N_ELEMENTS (contents); i++) {
    VfJson *inputs = json_object_new_object ();
    vf_json_set_string (inputs, "name", contents[i]);
    g_autofree char *text = vf_json_canonical (inputs);
    g_autofree char *key = vf_digest_text (text);
    common_build_indexed (fixture->store, key, "core", NULL, contents[i]);
    change (fixture, key, "stage", "inputs", inputs);
    change (fixture, key, "plain", "built", json_object_new_int64 (1000 + (gint64)i));
    g_autoptr (VfStage) stage = vf_store_find_stage (fixture->store, key, NULL);
    volumes[i] = g_strdup (stage->volume);
  }
  g_assert_true (vf_store_learn_blocks (fixture->store, NULL, NULL, NULL));
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
}

static void
flip_page (Fixture *fixture, char **volumes)
{
  flip (fixture, g_strdup ("blocks"));
}

static void
flip_magic (Fixture *fixture, char **volumes)
{
  vf_autofd int fd = openat (fixture->store->fd, "blocks", O_RDWR | O_CLOEXEC);
  g_assert_cmpint (pwrite (fd, "?", 1, 3), ==, 1);
}

static void
cut_table (Fixture *fixture, char **volumes)
{
  vf_autofd int fd = openat (fixture->store->fd, "blocks", O_RDWR | O_CLOEXEC);
  g_assert_cmpint (ftruncate (fd, 8192), ==, 0);
}

static void
flip_record (Fixture *fixture, char **volumes)
{
  flip (fixture, g_strdup ("blocks.json"));
}

static void
remove_record (Fixture *fixture, char **volumes)
{
  g_assert_cmpint (unlinkat (fixture->store->fd, "blocks.json", 0), ==, 0);
}

static void
take_another_record (Fixture *fixture, char **volumes)
{
  g_autoptr (VfJson) json = vf_checked_read (fixture->store->fd, "blocks.json", NULL);
  vf_json_set_string (json, "table", "0123456789abcdef");
  g_assert_true (vf_checked_write (fixture->store->fd, "blocks.json", json, NULL));
}

static void
forget (Fixture *fixture, const char *volume)
{
  g_autoptr (VfJson) json = vf_checked_read (fixture->store->fd, "blocks.json", NULL);
  json_object_object_del (vf_json_object (json, "volumes"), volume);
  g_assert_true (vf_checked_write (fixture->store->fd, "blocks.json", json, NULL));
}

static void
forget_second (Fixture *fixture, char **volumes)
{
  forget (fixture, volumes[1]);
}

/* data: what happens to it. */
static void
a_table_of_blocks_that_is_wrong_is_made_anew (Fixture *fixture, gconstpointer data)
{
  void (*spoil) (Fixture * fixture, char **volumes) = (void (*) (Fixture *, char **))data;
  g_auto (GStrv) volumes = g_new0 (char *, 4);
  fill_table (fixture, volumes);
  spoil (fixture, volumes);
  g_assert_cmpuint (check (fixture, TRUE), ==, 1);
  g_assert_cmpstr (fixture->steps->str, ==, "made the table of blocks anew\n");
  assert_stages (fixture, TRUE, TRUE, TRUE, TRUE);
}

static void
what_a_killed_learner_left_is_no_damage (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) volumes = g_new0 (char *, 4);
  fill_table (fixture, volumes);
  forget (fixture, volumes[2]);
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  forget (fixture, volumes[1]);
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  /* Killed before the table had its header. */
  g_assert_true (vf_fs_write (fixture->store->fd, "blocks", "", 0, 0644, NULL));
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
  g_assert_cmpint (unlinkat (fixture->store->fd, "blocks", 0), ==, 0);
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
}

static void
a_table_that_is_written_is_not_looked_at (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) volumes = g_new0 (char *, 4);
  fill_table (fixture, volumes);
  take_another_record (fixture, volumes);
  g_autoptr (VfLock) lock =
      vf_lock_acquire (fixture->store->fd, "locks/blocks", VF_LOCK_EXCLUSIVE, NULL, NULL, NULL, NULL);
  g_assert_cmpuint (check (fixture, FALSE), ==, 0);
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
#define ADD_WITH(PATH, DATA, FUNC) g_test_add ("/fsck/" PATH, Fixture, DATA, set_up, FUNC, tear_down)
#define ADD(PATH, FUNC)            ADD_WITH (PATH, NULL, FUNC)
  ADD ("a-sound-store-is-sound", a_sound_store_is_sound);
  ADD_WITH ("damaged-inputs", "stage.json", a_damaged_stage_goes_with_what_is_above);
  ADD_WITH ("a-damaged-record-of-the-volume", "plain.json", a_damaged_stage_goes_with_what_is_above);
  ADD ("inputs-that-have-another-key-are-found", inputs_that_have_another_key_are_found);
  ADD_WITH ("a-volume-that-is-not-there", (gconstpointer)remove_volume, a_volume_that_is_wrong_is_found);
  ADD_WITH ("a-volume-that-is-not-sealed", (gconstpointer)unseal_volume, a_volume_that_is_wrong_is_found);
  ADD_WITH ("a-volume-of-another-size", (gconstpointer)cut_volume, a_volume_that_is_wrong_is_found);
  ADD ("an-absent-parent-is-found", an_absent_parent_is_found);
  ADD ("a-damaged-manifest-takes-its-image-along", a_damaged_manifest_takes_its_image_along);
  ADD ("a-damaged-name-goes", a_damaged_name_goes);
  ADD ("a-name-of-nothing-is-found", a_name_of_nothing_is_found);
  ADD ("a-damaged-pin-stays-a-pin", a_damaged_pin_stays_a_pin);
  ADD ("a-record-without-a-checksum-gets-one", a_record_without_a_checksum_gets_one);
  ADD ("a-kept-volume-and-its-record-belong-together", a_kept_volume_and_its_record_belong_together);
  ADD ("a-living-builder-keeps-its-damaged-record", a_living_builder_keeps_its_damaged_record);
  ADD ("a-stage-in-use-is-left-to-the-next-repair", a_stage_in_use_is_left_to_the_next_repair);
  ADD ("damaged-caches-and-roots-go", damaged_caches_and_roots_go);
  ADD ("archives-and-exports-are-held-to-their-digests", archives_and_exports_are_held_to_their_digests);
#define ADD_TABLE(PATH, SPOIL)                                                                               \
  ADD_WITH ("table-of-blocks/" PATH, (gconstpointer)SPOIL, a_table_of_blocks_that_is_wrong_is_made_anew)
  ADD_TABLE ("a-damaged-page", flip_page);
  ADD_TABLE ("another-magic", flip_magic);
  ADD_TABLE ("shorter-than-it-says", cut_table);
  ADD_TABLE ("a-damaged-record", flip_record);
  ADD_TABLE ("an-absent-record", remove_record);
  ADD_TABLE ("a-record-of-another-table", take_another_record);
  ADD_TABLE ("a-stage-that-was-passed-by", forget_second);
  ADD ("what-a-killed-learner-left-is-no-damage", what_a_killed_learner_left_is_no_damage);
  ADD ("a-table-that-is-written-is-not-looked-at", a_table_that_is_written_is_not_looked_at);
  return g_test_run ();
}
