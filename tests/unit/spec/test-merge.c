/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* `extends`, profiles and the configuration: what comes of several files. */
#include "fixture.h"

#include "spec/config.h"
#include "spec/merge.h"
#include "support/json.h"

#include <string.h>

static void
assert_merged (const char *parent, const char *child, VfMergeLists lists, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfNode) a = vf_node_parse (parent, strlen (parent), "a", &error);
  g_assert_no_error (error);
  g_autoptr (VfNode) b = vf_node_parse (child, strlen (child), "b", &error);
  g_assert_no_error (error);
  g_autoptr (VfNode) merged = vf_merge (a, b, lists);
  g_autoptr (VfJson) json = vf_node_to_json (merged);
  g_autofree char *text = vf_json_canonical (json);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_rules (void)
{
  assert_merged ("{a: {b: 1, c: 2}}", "{a: {c: 3, d: 4}}", VF_MERGE_APPEND_LISTS,
                 "{\"a\":{\"b\":1,\"c\":3,\"d\":4}}");
  assert_merged ("{a: [1, 2]}", "{a: [2, 3]}", VF_MERGE_APPEND_LISTS, "{\"a\":[1,2,2,3]}");
  assert_merged ("{a: [1, 2]}", "{a: [3]}", VF_MERGE_REPLACE_LISTS, "{\"a\":[3]}");
  assert_merged ("{a: [1]}", "{a: x}", VF_MERGE_APPEND_LISTS, "{\"a\":\"x\"}");
  assert_merged ("{a: [1]}", "{a: }", VF_MERGE_APPEND_LISTS, "{\"a\":[1]}");
  assert_merged ("{a: 1}", "{a: }", VF_MERGE_APPEND_LISTS, "{\"a\":null}");
}

static void
test_paths_are_relative_to_their_file (Folder *folder, gconstpointer data)
{
  folder_write (folder, "site/base.yaml", "base:\n  files: [{from: motd, to: /etc/motd}]\n  packages: [a]\n");
  folder_write (folder, "site/motd", "site");
  folder_write (folder, "own", "own");
  g_autoptr (VmforgeSpec) spec = folder_load_text (
      folder, "extends: site/base.yaml\nbase:\n  files: [{from: own, to: /etc/own}]\n  packages: [b]\n",
      NULL);
  const VfSpecFile *first = g_ptr_array_index (spec->stages[VMFORGE_STAGE_BASE].files, 0);
  const VfSpecFile *second = g_ptr_array_index (spec->stages[VMFORGE_STAGE_BASE].files, 1);
  g_assert_true (g_str_has_suffix (first->from, "/site/motd"));
  g_assert_false (g_str_has_suffix (second->from, "/site/own"));
  assert_words (spec->stages[VMFORGE_STAGE_BASE].packages, "a b");
}

static void
test_several_parents (Folder *folder, gconstpointer data)
{
  folder_write (folder, "one.yaml", "version: \"1\"\nextends: zero.yaml\nbase: {packages: [one]}\n");
  folder_write (folder, "two.yaml", "version: \"2\"\nbase: {packages: [two]}\n");
  folder_write (folder, "zero.yaml", "base: {packages: [zero]}\n");
  g_autoptr (VmforgeSpec) spec =
      folder_load_text (folder, "extends: [one.yaml, two.yaml]\nbase: {packages: [own]}", NULL);
  g_assert_cmpstr (spec->version, ==, "2");
  assert_words (spec->stages[VMFORGE_STAGE_BASE].packages, "zero one two own");
}

static void
test_one_parent_twice_is_no_circle (Folder *folder, gconstpointer data)
{
  folder_write (folder, "one.yaml", "extends: zero.yaml\n");
  folder_write (folder, "two.yaml", "extends: zero.yaml\n");
  folder_write (folder, "zero.yaml", "base: {packages: [zero]}\n");
  g_autoptr (VmforgeSpec) spec = folder_load_text (folder, "extends: [one.yaml, two.yaml]", NULL);
  assert_words (spec->stages[VMFORGE_STAGE_BASE].packages, "zero");
}

static VfProfile *
load_profile (const char *release, const char *arch, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfNode) where = vf_node_new (VF_NODE_NULL, "test", 1, 1);
  VfProfile *profile = vf_profile_load ("toy", release, arch, where, &error);
  if (expected == NULL)
    g_assert_no_error (error);
  else {
    g_assert_null (profile);
    g_assert_cmpstr (error->message, ==, expected);
  }
  return profile;
}

static void
test_profile_parts (Folder *folder, gconstpointer data)
{
  fixture_use_profiles (TRUE);
  g_autoptr (VfProfile) old = load_profile ("1", "x86_64", NULL);
  g_autoptr (VfProfile) small = load_profile ("alpha", "i386", NULL);
  g_assert_cmpstr (old->release, ==, "alpha");
  g_assert_cmpstr (old->package_arch, ==, "amd64");
  g_assert_cmpstr (old->plugin, ==, "yum");
  g_assert_cmpstr (old->network_backend, ==, "NetworkManager");
  assert_words (old->bootstrap_packages, "init");
  assert_words (old->kernel_arguments, "quiet");
  assert_words (small->kernel_arguments, "loud small"); /* replaced, not appended */
  assert_words (old->filesystem_features, "-x");
  g_assert_cmpuint (old->nominal_size, ==, G_GUINT64_CONSTANT (1) << 30);
  g_autoptr (VfJson) json = vf_node_to_json (small->node);
  g_autofree char *text = vf_json_canonical (json);
  g_assert_cmpstr (
      text, ==,
      "{\"arch\":\"i386\",\"bootstrap_packages\":[\"init\"],\"disk\":{\"filesystems\":{\"ext4\":{\"mkfs\":"
      "[\"-x\"]},\"xfs\":{\"mkfs\":[]}},\"nominal_size\":\"1GiB\"},\"hostname\":\"toy\",\"id\":\"toy\","
      "\"kernel_arguments\":[\"loud\",\"small\"],\"network_backend\":\"NetworkManager\",\"package_arch\":"
      "\"i686\",\"plugin\":\"yum\",\"profile\":1,\"release\":\"alpha\",\"roles\":{\"kernel\":[\"linux\"],"
      "\"ssh\":[]},\"settings\":{\"key\":\"a\",\"url\":\"http://a.example/alpha\"}}");
}

static void
test_builtin_role (Folder *folder, gconstpointer data)
{
  fixture_use_profiles (TRUE);
  folder_write (
      folder, "a.yaml",
      "vmforge: 1\nname: a\ndistro: {id: toy, release: alpha}\nbase: {features: [ssh], packages: [a]}\n");
  g_autoptr (VmforgeSpec) spec = folder_load (folder, "a.yaml", NULL);
  assert_words (spec->stages[VMFORGE_STAGE_BASE].packages, "a");
}

static void
test_wrong_profiles (Folder *folder, gconstpointer data)
{
  static const struct {
    const char *id, *expected;
  } cases[] = {
      {"misnamed", "profiles/misnamed.yaml:2:5: 'id' is 'other', but the file's name says 'misnamed'"},
      {"unknown-key",
       "profiles/unknown-key.yaml:3:1: unknown key 'rolls' in the profile (did you mean 'roles'?)"},
      {"no-size", "profiles/no-size.yaml:7:7: 'disk' lacks 'nominal_size' or 'filesystems'"},
  };
  g_autoptr (VfNode) where = vf_node_new (VF_NODE_NULL, "test", 1, 1);
  fixture_use_profiles (TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (vf_profile_load (cases[i].id, "a", "x86_64", where, &error));
    g_assert_nonnull (strstr (error->message, cases[i].expected));
  }
}

static void
test_config (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *absent = g_build_filename (folder->path, "absent.yaml", NULL);
  g_autoptr (VfConfig) plain = vf_config_load (absent, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (plain->store, ==, "/var/lib/vmforge");
  g_assert_cmpstr (plain->storage, ==, "storage-file");
  g_assert_cmpint (plain->keep_images, ==, 3);
  g_assert_cmpuint (plain->store_limit, ==, 0);
  g_assert_cmpstr (plain->policy_roles[0], ==, "service");
  g_assert_null (plain->policy_roles[1]);
  g_assert_null (plain->policy_keys);
  const char *path =
      folder_write (folder, "c.yaml",
                    "store: /srv/forge\nstorage: \"storage-lvm:group=vg0,pool=forge\"\nkeep_images: 7\n"
                    "store_limit: 20GiB\npolicy: {require: [author], keys: [\"0123456789ABCDEF\"]}\n");
  g_autoptr (VfConfig) full = vf_config_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (full->store, ==, "/srv/forge");
  g_assert_cmpstr (full->storage, ==, "storage-lvm:group=vg0,pool=forge");
  g_assert_cmpint (full->keep_images, ==, 7);
  g_assert_cmpuint (full->store_limit, ==, G_GUINT64_CONSTANT (20) << 30);
  g_assert_cmpstr (full->policy_roles[0], ==, "author");
  g_assert_null (full->policy_roles[1]);
  g_assert_cmpstr (full->policy_keys[0], ==, "0123456789ABCDEF");
  g_assert_null (full->policy_keys[1]);
  g_autoptr (VfConfig) open =
      vf_config_load (folder_write (folder, "c.yaml", "policy: {require: []}\n"), &error);
  g_assert_no_error (error);
  g_assert_null (open->policy_roles[0]);
}

static void
test_wrong_configs (Folder *folder, gconstpointer data)
{
  static const struct {
    const char *text, *expected;
  } cases[] = {
      {"storee: /x\n", "@/c.yaml:1:1: unknown key 'storee' in the configuration (did you mean 'store'?)"},
      {"store: x\n", "@/c.yaml:1:8: 'store' cannot be 'x': it must be an absolute path"},
      {"keep_images: 0\n", "@/c.yaml:1:14: 'keep_images' must be at least 1"},
      {"store_limit: much\n", "@/c.yaml:1:14: 'store_limit' is no size: 'much' (write one such as 200GiB)"},
      {"policy: {require: [anybody]}\n",
       "@/c.yaml:1:20: an entry of 'require' in 'policy' cannot be 'anybody'; known: service, author"},
      {"policy: {keys: [x]}\n",
       "@/c.yaml:1:17: an entry of 'keys' in 'policy' cannot be 'x': it must be a key id of 16 hexadecimal "
       "digits, in capitals and quoted"},
      {"- a\n", "@/c.yaml:1:1: the configuration must be a map, but is a list"},
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (vf_config_load (folder_write (folder, "c.yaml", cases[i].text), &error));
    assert_error (error, folder->path, cases[i].expected);
  }
}

#define ADD(name, func) g_test_add ("/spec/merge/" name, Folder, NULL, folder_setup, func, folder_teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spec/merge/maps merge, lists append or replace, scalars replace", test_rules);
  ADD ("paths are relative to the file that wrote them", test_paths_are_relative_to_their_file);
  ADD ("several parents come in order", test_several_parents);
  ADD ("one parent by two ways is no circle", test_one_parent_twice_is_no_circle);
  ADD ("a profile's parts lie over the whole", test_profile_parts);
  ADD ("a role without packages is built in", test_builtin_role);
  ADD ("wrong profiles", test_wrong_profiles);
  ADD ("the configuration has defaults", test_config);
  ADD ("wrong configurations", test_wrong_configs);
  return g_test_run ();
}
