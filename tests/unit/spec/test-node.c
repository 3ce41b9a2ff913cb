/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* YAML to a tree: types, positions, bounds. */
#include "fixture.h"

#include "support/json.h"

#include <string.h>

static VfNode *
parse (const char *text, const char *expected)
{
  g_autoptr (GError) error = NULL;
  VfNode *node = vf_node_parse (text, strlen (text), "t", &error);
  if (expected == NULL) {
    g_assert_no_error (error);
    return node;
  }
  g_assert_null (node);
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_assert_cmpstr (error->message, ==, expected);
  return NULL;
}

static void
test_plain_scalars_have_types (void)
{
  static const struct {
    const char *text;
    VfNodeType type;
  } cases[] = {
      {"a", VF_NODE_STRING},
      {"1.4", VF_NODE_STRING},
      {"yes", VF_NODE_STRING},
      {"on", VF_NODE_STRING},
      {"0x10", VF_NODE_STRING},
      {"\"12\"", VF_NODE_STRING},
      {"'true'", VF_NODE_STRING},
      {"12", VF_NODE_INT},
      {"-3", VF_NODE_INT},
      {"0644", VF_NODE_INT},
      {"true", VF_NODE_BOOL},
      {"False", VF_NODE_BOOL},
      {"~", VF_NODE_NULL},
      {"null", VF_NODE_NULL},
      {"", VF_NODE_NULL},
      {"\"\"", VF_NODE_STRING},
      {"99999999999999999999", VF_NODE_STRING},
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf ("a: %s\n", cases[i].text);
    g_autoptr (VfNode) node = parse (text, NULL);
    g_assert_cmpint (vf_node_get (node, "a")->type, ==, cases[i].type);
  }
}

static void
test_positions_are_those_of_the_text (void)
{
  g_autoptr (VfNode) node = parse ("a: 1\nb:\n  - x\n  - ü: {c: y}\n", NULL);
  const VfNode *c = vf_node_get (vf_node_get (vf_node_at (vf_node_get (node, "b"), 1), "ü"), "c");
  g_assert_cmpstr (c->file, ==, "t");
  g_assert_cmpint (c->line, ==, 4);
  g_assert_cmpint (c->column, ==, 12);
}

static void
test_json_keeps_types (void)
{
  g_autoptr (VfNode) node = parse ("{a: [1, true, ~, x, \"2\"]}", NULL);
  g_autoptr (VfJson) json = vf_node_to_json (node);
  g_autofree char *text = vf_json_canonical (json);
  g_assert_cmpstr (text, ==, "{\"a\":[1,true,null,\"x\",\"2\"]}");
}

static void
test_aliases_are_copies (void)
{
  g_autoptr (VfNode) node = parse ("a: &x [1, 2]\nb: *x\n", NULL);
  g_assert_cmpuint (vf_node_length (vf_node_get (node, "b")), ==, 2);
  g_assert_true (vf_node_get (node, "a") != vf_node_get (node, "b"));
}

static void
test_alias_bomb_is_bounded (void)
{
  g_autoptr (GString) text = g_string_new ("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
  for (int i = 1; i < 10; i++) {
    g_string_append_printf (text, "a%d: &a%d [", i, i);
    for (int j = 0; j < 10; j++)
      g_string_append_printf (text, "%s*a%d", j == 0 ? "" : ", ", i - 1);
    g_string_append (text, "]\n");
  }
  parse (text->str, "t:5:45: more than 100000 values (aliases expanded)");
}

static void
test_alias_bomb_of_text_is_bounded (void)
{
  g_autofree char *long_text = g_strnfill (1024 * 1024, 'x');
  g_autofree char *text = g_strdup_printf ("a: &a %s\nb: [*a, *a, *a, *a]\n", long_text);
  parse (text, "t:2:13: more than 4194304 bytes of text (aliases expanded)");
}

static void
test_depth_is_bounded (void)
{
  g_autofree char *open = g_strnfill (100000, '[');
  parse (open, "t:1:65: nested deeper than 64 levels");
}

static void
test_depth_is_bounded_with_aliases (void)
{
  g_autofree char *open = g_strnfill (40, '[');
  g_autofree char *close = g_strnfill (40, ']');
  g_autofree char *text = g_strdup_printf ("a: &a %s%s\nb: %s*a%s\n", open, close, open, close);
  parse (text, "t:2:44: nested deeper than 64 levels");
}

static void
test_bytes_are_bounded (void)
{
  g_autofree char *text = g_strnfill (VF_NODE_MAX_BYTES + 1, '#');
  parse (text, "t: more than 4194304 bytes");
}

static void
test_values_are_bounded (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (int i = 0; i < VF_NODE_MAX_NODES; i++)
    g_string_append (text, "-\n");
  parse (text->str, "t:100000:2: more than 100000 values (aliases expanded)");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spec/node/plain scalars have types", test_plain_scalars_have_types);
  g_test_add_func ("/spec/node/positions are those of the text", test_positions_are_those_of_the_text);
  g_test_add_func ("/spec/node/JSON keeps types", test_json_keeps_types);
  g_test_add_func ("/spec/node/aliases are copies", test_aliases_are_copies);
  g_test_add_func ("/spec/node/an alias bomb is bounded", test_alias_bomb_is_bounded);
  g_test_add_func ("/spec/node/an alias bomb of text is bounded", test_alias_bomb_of_text_is_bounded);
  g_test_add_func ("/spec/node/depth is bounded", test_depth_is_bounded);
  g_test_add_func ("/spec/node/depth is bounded through aliases", test_depth_is_bounded_with_aliases);
  g_test_add_func ("/spec/node/bytes are bounded", test_bytes_are_bounded);
  g_test_add_func ("/spec/node/values are bounded", test_values_are_bounded);
  return g_test_run ();
}
