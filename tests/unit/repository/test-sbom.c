/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The bill of materials of an image: what is in it, byte by byte. */
#include "repository/sbom.h"

#include "support/error.h"

#include <fcntl.h>
#include <string.h>

static char *
data_path (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "repository", "data", name, NULL);
}

static VfJson *
read_manifest (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = data_path ("manifest.json");
  VfJson *manifest = vf_json_read (AT_FDCWD, path, &error);
  g_assert_no_error (error);
  return manifest;
}

static char *
make (VfJson *manifest)
{
  g_autoptr (GError) error = NULL;
  char *sbom = vf_sbom_make (manifest, &error);
  g_assert_no_error (error);
  return sbom;
}

/* The golden file is indented, for people: both are compared in the canonical form, which is what is made. */
static void
it_says_what_the_manifest_says (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJson) manifest = read_manifest ();
  g_autofree char *path = data_path ("sbom.spdx.json"), *sbom = make (manifest);
  g_autoptr (VfJson) golden = vf_json_read (AT_FDCWD, path, &error);
  g_assert_no_error (error);
  g_autofree char *wanted = vf_json_canonical (golden);
  g_assert_cmpstr (sbom, ==, wanted);
}

static VfJson *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  VfJson *json = vf_json_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  return json;
}

static void
another_manifest_has_another_namespace (void)
{
  g_autoptr (VfJson) manifest = read_manifest ();
  g_autofree char *before = make (manifest), *again = make (manifest);
  g_assert_cmpstr (before, ==, again);
  vf_json_set_bool (manifest, "reproducible", FALSE); /* which is not in the document */
  g_autofree char *after = make (manifest);
  g_autoptr (VfJson) old = parse (before), new = parse (after);
  g_assert_cmpstr (vf_json_string (old, "documentNamespace", ""), !=,
                   vf_json_string (new, "documentNamespace", ""));
}

/* What an older vmforge wrote, or another distribution has. */
static void
what_is_unknown_is_left_out (void)
{
  g_autoptr (VfJson) manifest =
      parse ("{\"name\":\"old\",\"version\":\"1\",\"arch\":\"x86_64\",\"created\":0,"
             "\"packages\":[{\"id\":\"a\",\"name\":\"a\",\"version\":\"1\","
             "\"arch\":\"amd64\",\"digest\":\"tooshort\"}]}");
  g_autofree char *sbom = make (manifest);
  g_autoptr (VfJson) document = parse (sbom);
  VfJson *package = json_object_array_get_idx (vf_json_array (document, "packages"), 1);
  g_assert_cmpstr (vf_json_string (package, "name", ""), ==, "a");
  g_assert_false (json_object_object_get_ex (package, "externalRefs", NULL));
  g_assert_false (json_object_object_get_ex (package, "checksums", NULL));
  g_assert_nonnull (strstr (sbom, "\"created\":\"1970-01-01T00:00:00Z\",\"creators\":[\"Tool: vmforge\"]"));
}

static void
identifiers_of_different_packages_differ (void)
{
  g_autoptr (VfJson) manifest = parse ("{\"created\":0,\"packages\":["
                                       "{\"id\":\"a+\",\"name\":\"a+\",\"version\":\"1\"},"
                                       "{\"id\":\"a.2B\",\"name\":\"a.2B\",\"version\":\"1\"}]}");
  g_autofree char *sbom = make (manifest);
  g_assert_nonnull (strstr (sbom, "\"SPDXRef-Package-a.2B\""));
  g_assert_nonnull (strstr (sbom, "\"SPDXRef-Package-a.2E2B\""));
}

static void
what_makes_no_document_is_an_error (void)
{
  static const char *const texts[][2] = {
      {"{\"created\":9223372036854775807}", "created at 9223372036854775807, no time"},
      {"{\"packages\":[{\"name\":\"a\"}]}", "a package without a name or version"},
      {"{\"packages\":[7]}", "a package without a name or version"},
      {"{\"packages\":[{\"name\":\"a\",\"version\":\"1\"},{\"name\":\"a\",\"version\":\"2\"}]}",
       "has package 'a' twice"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfJson) manifest = parse (texts[i][0]);
    g_assert_null (vf_sbom_make (manifest, &error));
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
    g_assert_nonnull (strstr (error->message, texts[i][1]));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sbom/it says what the manifest says", it_says_what_the_manifest_says);
  g_test_add_func ("/sbom/another manifest has another namespace", another_manifest_has_another_namespace);
  g_test_add_func ("/sbom/what is unknown is left out", what_is_unknown_is_left_out);
  g_test_add_func ("/sbom/identifiers of different packages differ",
                   identifiers_of_different_packages_differ);
  g_test_add_func ("/sbom/what makes no document is an error", what_makes_no_document_is_an_error);
  return g_test_run ();
}
