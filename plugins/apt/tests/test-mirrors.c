/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Archives, their mirrors, and dates of their indexes. */
#include "fake-host.h"

static const char profile[] = "{\"id\": \"toy\", \"package_arch\": \"amd64\", \"settings\": {"
                              "\"mirror\": \"http://main.example/toy\","
                              "\"security_mirror\": \"http://main.example/toy-security/\","
                              "\"components\": [\"main\"], \"suites\": [\"one\", \"one-security\"]}}";

static const char *const host_sources[] = {"one|main|http://near.example/toy/", NULL};
static const char *const own[] = {"http://own.example/a", "http://own.example/b/", NULL};

/* The host has a mirror of the main archive; user: the spec names two of its own. */
static void
setup (FakeHost *fake, gboolean user)
{
  fake_host_init (fake, profile);
  fake->output = host_sources;
  g_assert_cmpint (apt_host_read (&fake->call, &fake->apt), ==, 0);
  fake->apt.mirrors = user ? g_strdupv ((char **)own) : NULL;
}

static void
assert_urls (const FakeHost *fake, const char *url, const char *expected)
{
  g_autoptr (GPtrArray) urls = apt_mirror_urls (&fake->apt, url);
  g_ptr_array_add (urls, NULL);
  g_autofree char *joined = g_strjoinv (" ", (char **)urls->pdata);
  g_ptr_array_set_size (urls, (int)urls->len - 1);
  g_assert_cmpstr (joined, ==, expected);
}

static void
assert_public (const FakeHost *fake, const char *base, const char *expected)
{
  g_autofree char *url = apt_public_url (&fake->apt, base);
  g_assert_cmpstr (url, ==, expected);
}

static void
a_package_is_known_by_the_url_of_the_archive (void)
{
  g_auto (FakeHost) fake;
  setup (&fake, FALSE);
  assert_public (&fake, "http://near.example/toy", "http://main.example/toy/");
  assert_public (&fake, "http://main.example/toy-security", "http://main.example/toy-security/");
  assert_public (&fake, "http://more.example/x", "http://more.example/x/");
}

static void
the_host_s_mirror_is_asked_before_the_archive (void)
{
  g_auto (FakeHost) fake;
  setup (&fake, FALSE);
  assert_urls (&fake, "http://main.example/toy/pool/a.deb",
               "http://near.example/toy/pool/a.deb http://main.example/toy/pool/a.deb");
  assert_urls (&fake, "http://main.example/toy-security/pool/a.deb",
               "http://main.example/toy-security/pool/a.deb");
  assert_urls (&fake, "http://main.example/toys/a.deb", "http://main.example/toys/a.deb");
}

static void
mirrors_of_the_user_are_asked_and_no_other (void)
{
  g_auto (FakeHost) fake;
  setup (&fake, TRUE);
  assert_public (&fake, "http://own.example/a/", "http://main.example/toy/");
  assert_urls (&fake, "http://main.example/toy/pool/a.deb",
               "http://own.example/a/pool/a.deb http://own.example/b/pool/a.deb");
  assert_urls (&fake, "http://main.example/toy-security/a.deb", "http://main.example/toy-security/a.deb");
}

static void
dates_are_read_whatever_the_locale (void)
{
  g_assert_cmpint (apt_date_parse ("Thu, 01 Jan 1970 00:00:01 UTC"), ==, 1);
  g_assert_cmpint (apt_date_parse ("Sat, 14 Nov 2026 08:12:33 UTC"), ==, 1794643953);
  g_assert_cmpint (apt_date_parse ("Sat,  4 Nov 2023 08:12:33 +0000"), ==, 1699085553);
  static const char *const wrong[] = {"",
                                      "yesterday",
                                      "Sat, 14 Nov 2026",
                                      "Sat, 14 anF 2026 08:12:33 UTC",
                                      "Sat, 31 Feb 2026 08:12:33 UTC",
                                      "Sat, 14 Nov 2026 25:12:33 UTC",
                                      "Sat, 14 Nov 2026 08:12:33 CET",
                                      "Sat, 14 Nov 1926 08:12:33 UTC"};
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    g_assert_cmpint (apt_date_parse (wrong[i]), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/apt/mirrors/a package is known by the URL of the archive",
                   a_package_is_known_by_the_url_of_the_archive);
  g_test_add_func ("/apt/mirrors/the host's mirror is asked before the archive",
                   the_host_s_mirror_is_asked_before_the_archive);
  g_test_add_func ("/apt/mirrors/mirrors of the user are asked and no other",
                   mirrors_of_the_user_are_asked_and_no_other);
  g_test_add_func ("/apt/mirrors/dates are read whatever the locale", dates_are_read_whatever_the_locale);
  return g_test_run ();
}
