/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What is said of inputs that moved. */
#include "plan/explain.h"
#include "support/json.h"

#include <string.h>

typedef struct {
  const char *name, *before, *after;
  const char *said; /* one line each */
} Change;

static const Change changes[] = {
    {"nothing moved", "{\"a\":1}", "{\"a\":1}", ""},
    {"the parent is told elsewhere", "{\"parent\":\"x\"}", "{\"parent\":\"y\"}", ""},
    {"a version", "{\"packages\":[{\"id\":\"openssl\",\"version\":\"3.0.13-1\"}]}",
     "{\"packages\":[{\"id\":\"openssl\",\"version\":\"3.0.14-1\"}]}", "openssl 3.0.13-1 → 3.0.14-1"},
    {"the digest of one version", "{\"packages\":[{\"id\":\"a\",\"version\":\"1\",\"digest\":\"x\"}]}",
     "{\"packages\":[{\"id\":\"a\",\"version\":\"1\",\"digest\":\"y\"}]}", "packages: 'a' changed"},
    {"a package more and one less", "{\"packages\":[{\"id\":\"a\",\"version\":\"1\"}]}",
     "{\"packages\":[{\"id\":\"b\",\"version\":\"2\"}]}", "packages: 'a' 1 is gone\npackages: 'b' 2 is new"},
    {"a word of a list", "{\"install\":[\"a\",\"b\"]}", "{\"install\":[\"a\",\"c\"]}",
     "install: 'b' is gone\ninstall: 'c' is new"},
    {"the order of a list", "{\"install\":[\"a\",\"b\"]}", "{\"install\":[\"b\",\"a\"]}",
     "install: the order changed"},
    {"the content of a file", "{\"files\":[{\"to\":\"/etc/x\",\"digest\":\"1\"}]}",
     "{\"files\":[{\"to\":\"/etc/x\",\"digest\":\"2\"}]}", "files: '/etc/x' changed"},
    {"a number deep below", "{\"disk\":{\"bytes\":1,\"same\":2}}", "{\"disk\":{\"bytes\":3,\"same\":2}}",
     "disk.bytes 1 → 3"},
    {"a key that came and one that went", "{\"old\":1}", "{\"new\":1}", "new is new\nold is gone"},
    {"a long value is not repeated",
     "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890123\"}", "{\"a\":\"b\"}",
     "a changed"},
};

static void
says (gconstpointer data)
{
  const Change *change = data;
  g_autoptr (VfJson) before = vf_json_parse (change->before, strlen (change->before), NULL);
  g_autoptr (VfJson) after = vf_json_parse (change->after, strlen (change->after), NULL);
  g_autoptr (GPtrArray) reasons = g_ptr_array_new_with_free_func (g_free);
  vf_explain_inputs (before, after, reasons);
  g_ptr_array_add (reasons, NULL);
  g_autofree char *said = g_strjoinv ("\n", (char **)reasons->pdata);
  g_assert_cmpstr (said, ==, change->said);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autofree char *path = g_strconcat ("/plan/explain/", changes[i].name, NULL);
    g_test_add_data_func (path, &changes[i], says);
  }
  return g_test_run ();
}
