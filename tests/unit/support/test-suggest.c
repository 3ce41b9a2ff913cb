/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/suggest.h"

static const char *const keys[] = {"packages", "users", "files", "services", "run", NULL};

static void
test_one_missing (void)
{
  g_assert_cmpstr (vf_suggest ("pakages", keys), ==, "packages");
  g_assert_cmpstr (vf_suggest ("user", keys), ==, "users");
}

static void
test_one_more (void)
{
  g_assert_cmpstr (vf_suggest ("servicess", keys), ==, "services");
}

static void
test_swapped (void)
{
  const char *const formats[] = {"raw", "qcow2", NULL};
  g_assert_cmpstr (vf_suggest ("rwa", formats), ==, "raw");
}

static void
test_far (void)
{
  g_assert_null (vf_suggest ("kernel", keys));
  g_assert_null (vf_suggest ("pack", keys));
}

static void
test_nearest (void)
{
  const char *const words[] = {"lists", "lost", "list", NULL};
  g_assert_cmpstr (vf_suggest ("lists", words), ==, "lists");
  g_assert_cmpstr (vf_suggest ("liist", words), ==, "list");
}

static void
test_odd_words (void)
{
  const char *const none[] = {NULL};
  g_autofree char *longer = g_strnfill (10000, 'x'), *limit = g_strnfill (64, 'x'),
                  *near = g_strnfill (63, 'x');
  const char *const candidates[] = {longer, limit, NULL};
  g_assert_null (vf_suggest ("x", none));
  g_assert_null (vf_suggest ("x", NULL));
  g_assert_null (vf_suggest ("", keys));
  g_assert_null (vf_suggest (longer, candidates));
  g_assert_true (vf_suggest (near, candidates) == limit);
}

static void
test_hint (void)
{
  g_autofree char *hint = vf_suggest_hint ("pakages", keys), *none = vf_suggest_hint ("kernel", keys);
  g_assert_cmpstr (hint, ==, " (did you mean 'packages'?)");
  g_assert_cmpstr (none, ==, "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/suggest/a missing letter is found", test_one_missing);
  g_test_add_func ("/suggest/a doubled letter is found", test_one_more);
  g_test_add_func ("/suggest/two swapped letters count once", test_swapped);
  g_test_add_func ("/suggest/nothing is near to another word", test_far);
  g_test_add_func ("/suggest/the nearest wins", test_nearest);
  g_test_add_func ("/suggest/empty and very long words are fine", test_odd_words);
  g_test_add_func ("/suggest/a hint is a question or nothing", test_hint);
  return g_test_run ();
}
