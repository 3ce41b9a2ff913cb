/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"
#include "support/digest.h"
#include "support/fs.h"

#include <string.h>

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
  fixture->store->config->keep_images = 2;
  fixture->key = common_key ("appliance");
  common_build (fixture->store, fixture->key, "appliance", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_free (fixture->key);
  vmforge_store_free (fixture->store);
  common_remove (fixture->path);
}

static VfImage *
find (Fixture *fixture, const char *word)
{
  g_autoptr (GError) error = NULL;
  VfImage *image = vf_store_find_image (fixture->store, word, &error);
  g_assert_no_error (error);
  g_assert_nonnull (image);
  return image;
}

static void
assert_digest (Fixture *fixture, const char *word, const char *digest)
{
  g_autoptr (VfImage) image = find (fixture, word);
  g_assert_cmpstr (image->digest, ==, digest);
}

static void
assert_fails (Fixture *fixture, const char *word, VmforgeError code, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_store_find_image (fixture->store, word, &error));
  g_assert_error (error, VMFORGE_ERROR, (int)code);
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' is not in '%s'", part, error->message);
}

static void
every_word_finds_an_image (Fixture *fixture, gconstpointer data)
{
  g_autofree char *digest = common_publish (fixture->store, "web", "1.4", "x86_64", fixture->key, 1);
  g_autofree char *prefix = g_strndup (digest, 6);
  static const char *const words[] = {"web", "web:1.4", "web@x86_64", "web:1.4@x86_64"};
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    assert_digest (fixture, words[i], digest);
  assert_digest (fixture, digest, digest);
  assert_digest (fixture, prefix, digest);
  g_autoptr (VfImage) image = find (fixture, "web");
  g_assert_cmpstr (image->name, ==, "web");
  g_assert_cmpstr (image->version, ==, "1.4");
  g_assert_cmpstr (image->arch, ==, "x86_64");
  g_assert_cmpstr (image->key, ==, fixture->key);
  g_assert_cmpint (image->created, ==, 1700000001);
  g_assert_true (image->current);
  g_assert_true (common_has_volume (fixture->store, image->volume));
}

static void
a_stage_is_an_image_without_a_name (Fixture *fixture, gconstpointer data)
{
  g_autofree char *prefix = g_strndup (fixture->key, 7);
  g_autoptr (VfImage) image = find (fixture, prefix);
  g_assert_null (image->name);
  g_assert_null (image->digest);
  g_assert_cmpstr (image->key, ==, fixture->key);
  g_assert_cmpuint (image->bytes, ==, VOLUME_BYTES);
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_store_remove_image (fixture->store, image, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
}

static void
a_name_goes_before_a_digest (Fixture *fixture, gconstpointer data)
{
  g_autofree char *first = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 1);
  g_autofree char *name = g_strndup (first, 8);
  g_autofree char *second = common_publish (fixture->store, name, "1", "x86_64", fixture->key, 2);
  assert_digest (fixture, name, second);
}

static void
the_object_is_named_by_its_digest (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *digest = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 1);
  g_autofree char *path = g_strdup_printf ("objects/%s.json", digest);
  g_autofree char *made = vf_digest_file (fixture->store->fd, path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (made, ==, digest);
}

static void
without_a_version_the_last_published_is_meant (Fixture *fixture, gconstpointer data)
{
  g_autofree char *a = common_publish (fixture->store, "web", "2", "x86_64", fixture->key, 1);
  g_autofree char *b = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 2);
  assert_digest (fixture, "web", b);
  assert_digest (fixture, "web:2", a);
}

static void
an_ambiguous_architecture_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autofree char *a = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 1);
  g_autofree char *b = common_publish (fixture->store, "web", "1", "i386", fixture->key, 2);
  assert_fails (fixture, "web", VMFORGE_ERROR_SPEC, "web:1@x86_64");
  assert_fails (fixture, "web:1", VMFORGE_ERROR_SPEC, "web:1@i386");
  assert_digest (fixture, "web@i386", b);
  assert_digest (fixture, "web:1@x86_64", a);
}

static void
unknown_words_are_explained (Fixture *fixture, gconstpointer data)
{
  g_autofree char *digest = common_publish (fixture->store, "web-frontend", "1", "x86_64", fixture->key, 1);
  assert_fails (fixture, "web-fronted", VMFORGE_ERROR_NOT_FOUND, "did you mean 'web-frontend'?");
  assert_fails (fixture, "web-frontend:2", VMFORGE_ERROR_NOT_FOUND, "web-frontend:1@x86_64");
  assert_fails (fixture, "web-frontend@riscv64", VMFORGE_ERROR_NOT_FOUND, "web-frontend:1@x86_64");
  assert_fails (fixture, "zzz", VMFORGE_ERROR_NOT_FOUND, "vmforge images list");
  assert_fails (fixture, "../..", VMFORGE_ERROR_NOT_FOUND, "../..");
  assert_fails (fixture, "", VMFORGE_ERROR_NOT_FOUND, "''");
  digest[5] = '\0';
  assert_fails (fixture, digest, VMFORGE_ERROR_NOT_FOUND, digest);
}

static void
publishing_the_same_changes_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *first = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 1);
  g_autoptr (VfJson) again = common_manifest ("web", "1", "x86_64", fixture->key, 1);
  vf_json_set_int (again, "created", 1800000000);
  g_autofree char *second = NULL;
  g_assert_true (vf_store_publish (fixture->store, again, &second, &error));
  g_assert_cmpstr (first, ==, second);
  g_assert_cmpuint (common_count_files (fixture->store, "objects"), ==, 1);
}

static void
older_images_stay_until_retention (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *a = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 1);
  g_autofree char *export = g_strdup_printf ("exports/%s.qcow2", a);
  g_assert_true (vf_fs_write (fixture->store->fd, export, "x", 1, 0644, &error));
  g_autofree char *b = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 2);
  assert_digest (fixture, "web", b);
  g_autoptr (VfImage) older = find (fixture, a);
  g_assert_false (older->current);
  g_autofree char *c = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 3);
  assert_fails (fixture, a, VMFORGE_ERROR_NOT_FOUND, a);
  g_assert_false (vf_fs_exists (fixture->store->fd, export));
  g_autoptr (GPtrArray) list = vf_store_list_images (fixture->store, &error);
  g_assert_cmpuint (list->len, ==, 2);
  g_assert_cmpstr (((VfImage *)list->pdata[0])->digest, ==, c);
  g_assert_cmpstr (((VfImage *)list->pdata[1])->digest, ==, b);
  g_assert_cmpuint (common_count_files (fixture->store, "objects"), ==, 2);
}

static void
a_removed_image_gives_way_to_the_older (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *a = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 1);
  g_autofree char *b = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 2);
  g_autoptr (VfImage) image = find (fixture, "web");
  g_assert_true (vf_store_remove_image (fixture->store, image, &error));
  assert_digest (fixture, "web", a);
  g_assert_cmpuint (common_count_files (fixture->store, "objects"), ==, 1);
  g_assert_true (vf_store_remove_name (fixture->store, image, &error));
  g_assert_no_error (error);
  assert_fails (fixture, "web", VMFORGE_ERROR_NOT_FOUND, "web");
  g_assert_cmpuint (common_count_files (fixture->store, "images"), ==, 0);
  g_assert_cmpuint (common_count_files (fixture->store, "objects"), ==, 0);
}

static void
bad_manifests_are_refused (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = {"", "../x", "a/b", ".hidden", "a:b", "a@b", "a b", "a\nb"};
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfJson) bad_name = common_manifest (names[i], "1", "x86_64", fixture->key, 1);
    g_assert_false (vf_store_publish (fixture->store, bad_name, NULL, &error));
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
    g_clear_error (&error);
    g_autoptr (VfJson) bad_version = common_manifest ("web", names[i], "x86_64", fixture->key, 1);
    g_assert_false (vf_store_publish (fixture->store, bad_version, NULL, &error));
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  }
  g_autoptr (GError) error = NULL;
  g_autofree char *absent = common_key ("absent");
  g_autoptr (VfJson) no_stage = common_manifest ("web", "1", "x86_64", absent, 1);
  g_assert_false (vf_store_publish (fixture->store, no_stage, NULL, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  g_assert_cmpuint (common_count_files (fixture->store, "objects"), ==, 0);
}

static void
another_storages_image_says_where_it_is (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *digest = common_publish (fixture->store, "web", "1", "x86_64", fixture->key, 1);
  g_autoptr (VmforgeStore) plain = vf_store_open_plain (fixture->path, &error);
  g_assert_no_error (error);
  g_free (plain->storage_name);
  plain->storage_name = g_strdup ("other");
  g_free (plain->storage_setting);
  plain->storage_setting = g_strdup ("other");
  g_autoptr (VfImage) image = vf_store_find_image (plain, "web", &error);
  g_assert_no_error (error);
  g_assert_null (image->volume);
  g_assert_false (vf_image_check_volume (plain, image, &error));
  g_assert_nonnull (strstr (error->message, "not in other but in plain"));
  g_clear_error (&error);
  g_assert_null (vf_store_find_image (plain, fixture->key, &error));
  g_assert_nonnull (strstr (error->message, "not in other but in plain"));
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
#define ADD(PATH, FUNC) g_test_add ("/images/" PATH, Fixture, NULL, set_up, FUNC, tear_down)
  ADD ("every-word-finds-an-image", every_word_finds_an_image);
  ADD ("a-stage-is-an-image-without-a-name", a_stage_is_an_image_without_a_name);
  ADD ("a-name-goes-before-a-digest", a_name_goes_before_a_digest);
  ADD ("the-object-is-named-by-its-digest", the_object_is_named_by_its_digest);
  ADD ("without-a-version-the-last-published-is-meant", without_a_version_the_last_published_is_meant);
  ADD ("an-ambiguous-architecture-is-refused", an_ambiguous_architecture_is_refused);
  ADD ("unknown-words-are-explained", unknown_words_are_explained);
  ADD ("publishing-the-same-changes-nothing", publishing_the_same_changes_nothing);
  ADD ("older-images-stay-until-retention", older_images_stay_until_retention);
  ADD ("a-removed-image-gives-way-to-the-older", a_removed_image_gives_way_to_the_older);
  ADD ("bad-manifests-are-refused", bad_manifests_are_refused);
  ADD ("another-storages-image-says-where-it-is", another_storages_image_says_where_it_is);
  return g_test_run ();
}
