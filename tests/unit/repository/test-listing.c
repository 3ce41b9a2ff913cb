/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* index.json as it is read and believed: names that files may have, and no way back to an older one. */
#include "common.h"

#include "repository/listing.h"
#include "store/records.h"
#include "support/checked.h"
#include "support/fs.h"
#include "transfer/remote.h"

#include <string.h>

#define ROOT      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER     "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define STORE     "00112233445566778899aabbccddeeff"
#define ELSEWHERE "ffeeddccbbaa99887766554433221100"

static void
add_image (VfListing *listing, const char *name, const char *version, const char *digest, gint64 created)
{
  static const char *const packs[] = {ROOT "-" OTHER, OTHER "-zeros", NULL};
  static const char *const signatures[] = {"manifest.json.minisig", "manifest.json.0123456789ABCDEF.minisig",
                                           NULL};
  static const char *const tags[] = {"stable", NULL};
  VfListed *listed = vf_listed_new ();
  listed->name = g_strdup (name);
  listed->version = g_strdup (version);
  listed->arch = g_strdup ("x86_64");
  listed->digest = g_strdup (digest);
  listed->root = g_strdup (ROOT);
  listed->bytes = 4096;
  listed->created = created;
  listed->packs = g_strdupv ((char **)packs);
  listed->signatures = g_strdupv ((char **)signatures);
  listed->tags = g_strdupv (created == 1 ? (char **)tags : (char **)tags + 1);
  g_ptr_array_add (listing->images, listed);
}

static VfListing *
make_listing (gint64 number, gint64 expires)
{
  VfListing *listing = vf_listing_new ();
  listing->number = number;
  listing->created = 1;
  listing->expires = expires;
  listing->store = g_strdup (STORE);
  add_image (listing, "web", "1", ROOT, 1);
  add_image (listing, "web", "2", OTHER, 2);
  return listing;
}

static char *
text_of (const VfListing *listing)
{
  g_autoptr (VfJson) json = vf_listing_to_json (listing);
  return vf_json_canonical (json);
}

static void
what_is_written_is_read (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfListing) listing = make_listing (7, 9);
  g_autofree char *text = text_of (listing);
  g_autoptr (VfListing) again = vf_listing_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  g_autofree char *text_again = text_of (again);
  g_assert_cmpstr (text, ==, text_again);
}

static void
images_are_found_by_their_words (void)
{
  g_autoptr (VfListing) listing = make_listing (7, 9);
  const struct {
    const char *word, *version; /* NULL: none */
  } cases[] = {{"web", "2"},          {"web:1", "1"},  {"web:stable", "1"}, {"web@x86_64", "2"},
               {"web:1@x86_64", "1"}, {"012345", "1"}, {OTHER, "2"},        {"web:3", NULL},
               {"web@i386", NULL},    {"we", NULL},    {"01234", NULL},     {"abcdef", NULL}};
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    const VfListed *listed = vf_listing_find (listing, cases[i].word, &error);
    g_assert_cmpstr (listed == NULL ? NULL : listed->version, ==, cases[i].version);
    if (listed == NULL)
      g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
  }
}

static void
words_of_several_images_are_refused (void)
{
  g_autoptr (VfListing) listing = make_listing (7, 9);
  g_autofree char *twin = g_strconcat ("01234567", OTHER + 8, NULL);
  add_image (listing, "web", "2", twin, 3);
  VfListed *last = g_ptr_array_index (listing->images, 2);
  g_free (last->arch);
  last->arch = g_strdup ("aarch64");
  const char *const cases[][2] = {
      {"web", "'web' is ambiguous, add @ARCH: web:1@x86_64, web:2@x86_64, web:2@aarch64"},
      {"web:2", "'web:2' is ambiguous, add @ARCH: web:2@x86_64, web:2@aarch64"},
      {"012345",
       "'012345' is ambiguous, the digests of several images begin so: web:1@x86_64, web:2@aarch64"}};
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (vf_listing_find (listing, cases[i][0], &error));
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
    g_assert_cmpstr (error->message, ==, cases[i][1]);
  }
  g_assert_true (vf_listing_find (listing, "web@aarch64", NULL) == last);
}

/* Each with one thing that there cannot be. */
static void
what_no_file_may_be_called_is_refused (void)
{
  const char *const changes[][2] = {{"\"web\"", "\"../web\""},
                                    {"\"version\":\"1\"", "\"version\":\"a/b\""},
                                    {OTHER "-zeros", OTHER "-../x"},
                                    {"-" OTHER, "-" OTHER "a"},
                                    {"manifest.json.minisig", "../manifest.json.minisig"},
                                    {"0123456789ABCDEF", "0123456789abcdef"},
                                    {"\"stable\"", "\"a b\""},
                                    {"\"manifest\":\"" ROOT, "\"manifest\":\"" ROOT "0"},
                                    {"\"bytes\":4096", "\"bytes\":-4096"},
                                    {"\"number\":7", "\"number\":0"},
                                    {"\"store\":\"" STORE, "\"store\":\"x"},
                                    {"\"format\":1", "\"format\":2"},
                                    {"\"images\":[", "\"images\":[1,"}};
  g_autoptr (VfListing) listing = make_listing (7, 9);
  g_autofree char *text = text_of (listing);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) parts = g_strsplit (text, changes[i][0], 2);
    g_assert_cmpuint (g_strv_length (parts), ==, 2);
    g_autofree char *changed = g_strjoinv (changes[i][1], parts);
    g_assert_null (vf_listing_parse (changed, strlen (changed), &error));
    g_assert_nonnull (error);
  }
}

/* ---- what another store says */

static gboolean
judge (Fixture *fixture, const VfSignKey *key, gint64 number, gint64 expires, const char *pattern)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfListing) listing = make_listing (number, expires);
  g_autofree char *text = text_of (listing);
  g_autofree char *signature = key == NULL ? NULL : vf_sign_make (key, text, strlen (text), NULL, NULL);
  g_autoptr (VfListing) judged = vf_remote_judge (fixture->store, text, strlen (text), signature, &error);
  g_assert_true ((judged == NULL) == (error != NULL));
  if (pattern != NULL)
    g_assert_nonnull (strstr (error == NULL ? "" : error->message, pattern));
  return judged != NULL;
}

static void
only_what_is_signed_newer_and_not_expired_is_believed (Fixture *fixture, gconstpointer data)
{
  gint64 later = g_get_real_time () / G_USEC_PER_SEC + 3600;
  g_autoptr (VfSignKey) key = fixture_key (), author = fixture_key (), stranger = fixture_key ();
  fixture_trust (fixture, key, VF_ROLE_SERVICE);
  fixture_trust (fixture, author, VF_ROLE_AUTHOR);
  g_assert_false (judge (fixture, NULL, 5, later, "no signature"));
  g_assert_false (judge (fixture, stranger, 5, later, "not trusted here"));
  g_assert_false (judge (fixture, author, 5, later, "trusted as author"));
  g_assert_false (judge (fixture, key, 5, later - 7200, "expired at"));
  g_assert_true (judge (fixture, key, 5, later, NULL));
  g_assert_true (judge (fixture, key, 5, later, NULL));
  g_assert_false (judge (fixture, key, 4, later, "older than it was before"));
  g_assert_true (judge (fixture, key, 6, later, NULL));
  g_assert_false (judge (fixture, key, 5, later, "older than it was before"));
}

static void
what_nobody_signed_is_not_remembered (Fixture *fixture, gconstpointer data)
{
  gint64 later = g_get_real_time () / G_USEC_PER_SEC + 3600;
  static char *nobody[] = {NULL};
  char **roles = fixture->store->config->policy_roles;
  g_autoptr (VfSignKey) key = fixture_key ();
  fixture_trust (fixture, key, VF_ROLE_SERVICE);
  ((VfConfig *)fixture->store->config)->policy_roles = nobody;
  g_assert_true (judge (fixture, NULL, G_MAXINT64, later, NULL));
  ((VfConfig *)fixture->store->config)->policy_roles = roles;
  g_assert_true (judge (fixture, key, 5, later, NULL));
}

typedef struct {
  Fixture *fixture;
  const VfSignKey *key;
  gint ended; /* atomic */
} Other;

static gpointer
judge_at_once (gpointer data)
{
  Other *other = data;
  g_assert_true (judge (other->fixture, other->key, 5, g_get_real_time () / G_USEC_PER_SEC + 3600, NULL));
  g_atomic_int_set (&other->ended, 1);
  return NULL;
}

/* What another has seen is written while its own number is judged. */
static void
two_at_once_forget_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfSignKey) key = fixture_key ();
  fixture_trust (fixture, key, VF_ROLE_SERVICE);
  g_autoptr (VfLock) gate = vf_store_gate (fixture->store, &error);
  g_assert_no_error (error);
  Other other = {fixture, key, 0};
  g_autoptr (GThread) thread = g_thread_new ("other", judge_at_once, &other);
  g_usleep (G_USEC_PER_SEC / 5);
  g_assert_false (g_atomic_int_get (&other.ended));
  const char seen[] = "{\"format\":1,\"remotes\":{\"" ELSEWHERE "\":{\"number\":7}}}";
  g_autoptr (VfJson) json = vf_json_parse (seen, strlen (seen), &error);
  g_assert_true (vf_checked_write (fixture->store->fd, "remotes.json", json, &error));
  g_clear_pointer (&gate, vf_lock_release);
  g_thread_join (g_steal_pointer (&thread));
  g_autoptr (VfJson) after = vf_checked_read (fixture->store->fd, "remotes.json", &error);
  g_assert_no_error (error);
  g_assert_nonnull (vf_json_object (vf_json_object (after, "remotes"), ELSEWHERE));
  g_assert_nonnull (vf_json_object (vf_json_object (after, "remotes"), STORE));
}

static void
a_damaged_memory_is_told (Fixture *fixture, gconstpointer data)
{
  gint64 later = g_get_real_time () / G_USEC_PER_SEC + 3600;
  g_autoptr (VfSignKey) key = fixture_key ();
  fixture_trust (fixture, key, VF_ROLE_SERVICE);
  g_assert_true (judge (fixture, key, 5, later, NULL));
  fixture_damage (fixture, "remotes.json");
  g_assert_false (judge (fixture, key, 5, later, "what was pulled last cannot be told"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/repository/listing/what-is-written-is-read", what_is_written_is_read);
  g_test_add_func ("/repository/listing/images-are-found-by-their-words", images_are_found_by_their_words);
  g_test_add_func ("/repository/listing/words-of-several-images-are-refused",
                   words_of_several_images_are_refused);
  g_test_add_func ("/repository/listing/what-no-file-may-be-called-is-refused",
                   what_no_file_may_be_called_is_refused);
  g_test_add ("/repository/remote/only-what-is-signed-newer-and-not-expired-is-believed", Fixture, NULL,
              fixture_set_up, only_what_is_signed_newer_and_not_expired_is_believed, fixture_tear_down);
  g_test_add ("/repository/remote/what-nobody-signed-is-not-remembered", Fixture, NULL, fixture_set_up,
              what_nobody_signed_is_not_remembered, fixture_tear_down);
  g_test_add ("/repository/remote/two-at-once-forget-nothing", Fixture, NULL, fixture_set_up,
              two_at_once_forget_nothing, fixture_tear_down);
  g_test_add ("/repository/remote/a-damaged-memory-is-told", Fixture, NULL, fixture_set_up,
              a_damaged_memory_is_told, fixture_tear_down);
  return g_test_run ();
}
