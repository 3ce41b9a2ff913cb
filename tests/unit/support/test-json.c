/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/json.h"

#include "common.h"
#include "support/digest.h"

#include <fcntl.h>
#include <string.h>

static VfJson *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  VfJson *json = vf_json_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  g_assert_nonnull (json);
  return json;
}

static void
assert_canonical (const char *text, const char *wanted)
{
  g_autoptr (VfJson) json = parse (text);
  g_autofree char *canonical = vf_json_canonical (json);
  g_assert_cmpstr (canonical, ==, wanted);
}

static void
assert_refused (const char *text, gsize length)
{
  GError *error = NULL;
  VfJson *json = vf_json_parse (text, length, &error);
  if (json != NULL)
    g_error ("'%s' was parsed", text);
  assert_error (error, VMFORGE_ERROR_FAILED, "not JSON: ");
}

/* The examples of docs/canonical-json.md. */
static void
test_documented (void)
{
  static const char *const examples[][3] = {
      {"{}", "{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
      {"[]", "[]", "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"},
      {"{ \"b\": 1, \"a\": [true, null, \"x/y\"] }", "{\"a\":[true,null,\"x/y\"],\"b\":1}",
       "278ce3971035487a35626502e8cc490b5eec89ba2ab39fe3a810fcd4dc70f70f"},
      {"{\"text\": \"tab\\t quote\\\" bell\\u0007 é\"}", "{\"text\":\"tab\\t quote\\\" bell\\u0007 é\"}",
       "c8a9414baf3c0bf447117c90d68f99f7ee5b008a9dc24d5c2cb207c4e92336ab"},
      {"{\"n\": -5, \"Z\": 0, \"a\": 9007199254740993}", "{\"Z\":0,\"a\":9007199254740993,\"n\":-5}",
       "8497b3c1e5d0e600a0ee823dd7f82a9cb66144a898b2cd9c3c0e51bbebd8358c"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS (examples); i++) {
    assert_canonical (examples[i][0], examples[i][1]);
    g_autofree char *digest = vf_digest_text (examples[i][1]);
    g_assert_cmpstr (digest, ==, examples[i][2]);
  }
}

static void
test_key_order (void)
{
  assert_canonical ("{\"é\":1,\"b\":1,\"a\":1,\"aa\":1,\"B\":1,\"\":1,\"€\":1,\"😀\":1,\"\xef\xbf\xbd\":1}",
                    "{\"\":1,\"B\":1,\"a\":1,\"aa\":1,\"b\":1,\"é\":1,\"€\":1,\"\xef\xbf\xbd\":1,\"😀\":1}");
}

static void
test_escapes (void)
{
  assert_canonical ("[\"\\b\\f\\n\\r\\t\\\"\\\\\\/\\u0000\\u001f\\u007f\\u00e9\\ud83d\\ude00\"]",
                    "[\"\\b\\f\\n\\r\\t\\\"\\\\/\\u0000\\u001f\x7f"
                    "é😀\"]");
}

static void
test_integers (void)
{
  assert_canonical ("[0,-0,9223372036854775807,-9223372036854775808]",
                    "[0,0,9223372036854775807,-9223372036854775808]");
}

static void
test_double (void)
{
  g_autoptr (VfJson) json = parse ("[1.5]");
  g_test_expect_message ("vmforge", G_LOG_LEVEL_CRITICAL, "*floating point*");
  g_autofree char *text = vf_json_canonical (json);
  g_test_assert_expected_messages ();
}

static void
test_too_large_integer (void)
{
  g_autoptr (VfJson) json = parse ("[9223372036854775808]");
  g_test_expect_message ("vmforge", G_LOG_LEVEL_CRITICAL, "*beyond 2^63-1*");
  g_autofree char *text = vf_json_canonical (json);
  g_test_assert_expected_messages ();
}

static void
test_parse_refuses (void)
{
  static const char *const bad[] = {
      "",
      " ",
      "{",
      "{}x",
      "{} {}",
      "[1,]",
      "{\"a\":1,}",
      "{'a':1}",
      "{a:1}",
      "[NaN]",
      "[Infinity]",
      "[1] // no",
      "/* no */ {}",
      "[01]",
      "[+1]",
      "[\"a]",
      "[\"\\x\"]",
      "[1 2]",
      "[tru]",
      "[\"a\nb\"]",
      "{\"a\" 1}",
      "[nul]",
      "[True]",
      "[\"\\\xc3\xa9\"]",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (bad[i], strlen (bad[i]));
}

static void
test_parse_utf8 (void)
{
  assert_refused ("[\"\xff\"]", 5);
  assert_refused ("[\"\xc0\xaf\"]", 6);
  assert_refused ("[\"\xed\xa0\x80\"]", 7);
}

static void
test_parse_nul (void)
{
  assert_refused ("[]\0", 3);
  assert_refused ("[]\0x", 4);
}

static void
test_parse_length (void)
{
  g_autoptr (VfJson) json = vf_json_parse ("[1] and more", 3, NULL);
  g_assert_nonnull (json);
}

static void
test_parse_space (void)
{
  g_autoptr (VfJson) json = parse (" \t\r\n[1]\n\n");
  g_assert_cmpuint (json_object_array_length (json), ==, 1);
}

static char *
nest (guint depth)
{
  g_autofree char *open = g_strnfill (depth, '['), *close = g_strnfill (depth, ']');
  return g_strconcat (open, close, NULL);
}

static void
test_depth (void)
{
  g_autofree char *allowed = nest (64), *deeper = nest (65), *deepest = nest (100000);
  g_autoptr (VfJson) json = parse (allowed);
  assert_refused (deeper, strlen (deeper));
  assert_refused (deepest, strlen (deepest));
}

static void
test_file (void)
{
  char *folder = begin_folder ();
  g_autofree char *path = g_build_filename (folder, "x.json", NULL), *text = NULL;
  g_autoptr (VfJson) json = parse ("{\"b\":[1],\"a\":\"é\"}");
  g_assert_true (vf_json_write (AT_FDCWD, path, json, NULL));
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "{\"a\":\"é\",\"b\":[1]}");
  g_autoptr (VfJson) back = vf_json_read (AT_FDCWD, path, NULL);
  g_assert_true (json_object_equal (json, back));
  end_folder (folder);
}

static void
test_bad_file (void)
{
  char *folder = begin_folder ();
  g_autofree char *path = make_file (folder, "x.json", "{", 0644);
  GError *error = NULL;
  g_assert_null (vf_json_read (AT_FDCWD, path, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "x.json': not JSON: ");
  end_folder (folder);
}

static void
test_members (void)
{
  g_autoptr (VfJson) json = parse ("{\"s\":\"x\",\"i\":7,\"b\":true,\"o\":{},\"a\":[]}");
  g_assert_cmpstr (vf_json_string (json, "s", NULL), ==, "x");
  g_assert_cmpint (vf_json_int (json, "i", 0), ==, 7);
  g_assert_true (vf_json_bool (json, "b", FALSE));
  g_assert_nonnull (vf_json_object (json, "o"));
  g_assert_nonnull (vf_json_array (json, "a"));
}

static void
test_defaults (void)
{
  g_autoptr (VfJson) json = parse ("{\"s\":1,\"i\":\"7\",\"b\":1,\"o\":[],\"a\":{},\"n\":null}");
  g_assert_cmpstr (vf_json_string (json, "s", "d"), ==, "d");
  g_assert_cmpstr (vf_json_string (json, "n", "d"), ==, "d");
  g_assert_cmpstr (vf_json_string (json, "absent", "d"), ==, "d");
  g_assert_cmpint (vf_json_int (json, "i", 3), ==, 3);
  g_assert_false (vf_json_bool (json, "b", FALSE));
  g_assert_null (vf_json_object (json, "o"));
  g_assert_null (vf_json_array (json, "a"));
}

static void
test_no_object (void)
{
  g_autoptr (VfJson) array = parse ("[1]");
  g_assert_cmpint (vf_json_int (array, "i", 3), ==, 3);
  g_assert_cmpint (vf_json_int (NULL, "i", 3), ==, 3);
}

static void
test_strv (void)
{
  g_autoptr (VfJson) json = parse ("{\"a\":[\"x\",null,3,\"y\"]}");
  g_auto (GStrv) strings = vf_json_strv (json, "a"), none = vf_json_strv (json, "absent");
  g_assert_cmpuint (g_strv_length (strings), ==, 2);
  g_assert_cmpstr (strings[1], ==, "y");
  g_assert_cmpuint (g_strv_length (none), ==, 0);
}

static void
test_setters (void)
{
  const char *const words[] = {"x", "y", NULL};
  g_autoptr (VfJson) json = json_object_new_object ();
  vf_json_set_string (json, "s", "old");
  vf_json_set_string (json, "s", "new");
  vf_json_set_int (json, "i", G_MININT64);
  vf_json_set_bool (json, "b", FALSE);
  vf_json_set (json, "a", vf_json_from_strv (words));
  vf_json_set (json, "n", NULL);
  g_autofree char *text = vf_json_canonical (json);
  g_assert_cmpstr (text, ==,
                   "{\"a\":[\"x\",\"y\"],\"b\":false,\"i\":-9223372036854775808,\"n\":null,\"s\":\"new\"}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/the documented examples are canonical", test_documented);
  g_test_add_func ("/json/keys are sorted by their bytes", test_key_order);
  g_test_add_func ("/json/only what must be is escaped", test_escapes);
  g_test_add_func ("/json/all 64 bits of integers are kept", test_integers);
  g_test_add_func ("/json/a floating point number has no canonical form", test_double);
  g_test_add_func ("/json/an integer beyond 64 bits has no canonical form", test_too_large_integer);
  g_test_add_func ("/json/what is not JSON is refused", test_parse_refuses);
  g_test_add_func ("/json/what is not UTF-8 is refused", test_parse_utf8);
  g_test_add_func ("/json/NUL bytes are refused", test_parse_nul);
  g_test_add_func ("/json/no more than the length is read", test_parse_length);
  g_test_add_func ("/json/space around is fine", test_parse_space);
  g_test_add_func ("/json/64 levels are allowed and no more", test_depth);
  g_test_add_func ("/json/a written file is canonical and reads back", test_file);
  g_test_add_func ("/json/the error of a bad file names it", test_bad_file);
  g_test_add_func ("/json/members are read by their type", test_members);
  g_test_add_func ("/json/members of another type are the default", test_defaults);
  g_test_add_func ("/json/what is no object has no members", test_no_object);
  g_test_add_func ("/json/a list of strings has only the strings", test_strv);
  g_test_add_func ("/json/members are set and replaced", test_setters);
  return g_test_run ();
}
