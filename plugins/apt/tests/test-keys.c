/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What apt is told about keys: copies of ours, of what the plan saw. */
#include "fake-host.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define PROFILE                                                                                              \
  "{\"id\":\"toy\",\"settings\":{\"mirror\":\"http://toy.example/toy\",\"suites\":[\"one\"],\"components\":" \
  "[\"main\"],\"keyring\":{\"path\":\"@FOLDER@/the keys, "                                                   \
  "all.gpg\",\"package\":\"toy-keyring\",\"fingerprints\":[\"AA01\",\"BB02\"]}}}"
#define ARMOURED "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"

static char *
digest_of (const char *text)
{
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

static void
the_content_decides_the_ending (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, PROFILE);
  static const char *const contents[] = {ARMOURED, "some words first\n" ARMOURED, "\x99\x01 binary"};
  static const char *const endings[] = {".asc", ".asc", ".gpg"};
  for (guint i = 0; i < G_N_ELEMENTS (contents); i++) {
    g_autofree char *path = fake_host_write (&fake, "a key, of mine.txt", contents[i]);
    g_autofree char *digest = digest_of (contents[i]);
    g_autofree char *wanted = g_strconcat (digest, endings[i], NULL);
    g_autofree char *name = apt_key_copy (&fake.call, &fake.apt, path, digest, NULL, NULL);
    g_assert_cmpstr (name, ==, wanted);
    g_autofree char *copy = g_build_filename (fake.apt.cache_path, APT_KEYS_FOLDER, name, NULL);
    g_autofree char *text = NULL;
    g_assert_true (g_file_get_contents (copy, &text, NULL, NULL));
    g_assert_cmpstr (text, ==, contents[i]);
  }
}

static void
a_key_that_changed_since_the_plan_is_refused (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, PROFILE);
  g_autofree char *path = fake_host_write (&fake, "key", "new");
  g_autofree char *digest = digest_of ("old");
  g_assert_null (apt_key_copy (&fake.call, &fake.apt, path, digest, NULL, NULL));
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED, "changed since the plan: run the build again");
}

static void
a_copy_serves_until_it_is_damaged (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, PROFILE);
  g_autofree char *path = fake_host_write (&fake, "key", ARMOURED);
  g_autofree char *digest = digest_of (ARMOURED);
  g_autofree char *first = apt_key_copy (&fake.call, &fake.apt, path, digest, NULL, NULL);
  g_assert_nonnull (first);
  g_assert_true (g_file_set_contents (path, "another", -1, NULL));
  g_autofree char *content = NULL;
  gsize length = 0;
  g_autofree char *second = apt_key_copy (&fake.call, &fake.apt, path, digest, &content, &length);
  g_assert_cmpstr (second, ==, first);
  g_assert_cmpstr (content, ==, ARMOURED);
  g_assert_cmpuint (length, ==, strlen (ARMOURED));

  g_autofree char *in_cache = g_strdup_printf ("cache/keys/%s", first);
  g_autofree char *copy = fake_host_write (&fake, in_cache, "damaged");
  g_assert_null (apt_key_copy (&fake.call, &fake.apt, path, digest, NULL, NULL));
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED, "changed since the plan");
  g_assert_true (g_file_set_contents (path, ARMOURED, -1, NULL));
  g_autofree char *third = apt_key_copy (&fake.call, &fake.apt, path, digest, NULL, NULL);
  g_assert_cmpstr (third, ==, first);
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (copy, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, ARMOURED);
}

static void
a_source_names_the_copy (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, PROFILE);
  g_autofree char *keyring = fake_host_write (&fake, "the keys, all.gpg", "binary");
  g_autofree char *path = fake_host_write (&fake, "a key, of mine", ARMOURED);
  g_autofree char *keyring_digest = digest_of ("binary"), *digest = digest_of (ARMOURED);
  const struct vmforge_repository repository = {.size = sizeof repository,
                                                .url = "http://more.example/debian",
                                                .suite = "two",
                                                .key_path = path,
                                                .key_digest = digest};
  const struct vmforge_repository *const repositories[] = {&repository, NULL};
  const struct vmforge_package_request request = {.size = sizeof request, .repositories = repositories};
  g_autofree char *sources = apt_sources_for_build (&fake.call, &fake.apt, &request);
  g_autofree char *wanted =
      g_strdup_printf ("deb [signed-by=" APT_KEYS_INSIDE "%s.gpg] http://toy.example/toy one main\n"
                       "deb [signed-by=" APT_KEYS_INSIDE "%s.asc] http://more.example/debian two\n",
                       keyring_digest, digest);
  g_assert_cmpstr (sources, ==, wanted);

  g_autoptr (AptConfig) config = apt_config_new (&fake.call, &fake.apt, sources, "");
  g_assert_nonnull (config);
  g_autofree char *list = pkg_memfd_path (config->sources_fd), *text = NULL;
  g_assert_true (g_file_get_contents (list, &text, NULL, NULL));
  g_assert_null (strstr (text, APT_KEYS_INSIDE));
  const char *start = strstr (text, "signed-by=") + strlen ("signed-by=");
  g_autofree char *named = g_strndup (start, strcspn (start, "]"));
  g_assert_null (strpbrk (named, " ,"));
  g_assert_true (g_file_test (named, G_FILE_TEST_IS_REGULAR));
}

static void
a_missing_keyring_is_told_with_what_brings_it (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, PROFILE);
  const struct vmforge_package_request request = {.size = sizeof request};
  g_assert_null (apt_sources_for_build (&fake.call, &fake.apt, &request));
  fake_host_assert_error (
      &fake, VMFORGE_PLUGIN_ENVIRONMENT,
      "the keys, all.gpg' is missing, without which bookworm cannot be verified: install the "
      "package 'toy-keyring', or put these keys there: AA01, BB02");
}

static void
a_profile_without_a_keyring_is_refused (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, "{\"settings\":{\"suites\":[\"one\"]}}");
  const struct vmforge_package_request request = {.size = sizeof request};
  g_assert_null (apt_sources_for_build (&fake.call, &fake.apt, &request));
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_INVALID,
                          "the profile names no 'settings: {keyring: {path: …}}'");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/apt/keys/the_content_decides_the_ending", the_content_decides_the_ending);
  g_test_add_func ("/apt/keys/a_key_that_changed_since_the_plan_is_refused",
                   a_key_that_changed_since_the_plan_is_refused);
  g_test_add_func ("/apt/keys/a_copy_serves_until_it_is_damaged", a_copy_serves_until_it_is_damaged);
  g_test_add_func ("/apt/keys/a_source_names_the_copy", a_source_names_the_copy);
  g_test_add_func ("/apt/keys/a_missing_keyring_is_told_with_what_brings_it",
                   a_missing_keyring_is_told_with_what_brings_it);
  g_test_add_func ("/apt/keys/a_profile_without_a_keyring_is_refused",
                   a_profile_without_a_keyring_is_refused);
  return g_test_run ();
}
