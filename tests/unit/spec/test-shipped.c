/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The specs and profiles that ship. */
#include "fixture.h"

#include "spec/config.h"
#include "spec/schema.h"
#include "vmforge/plugin.h"

static char *
shipped (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "..", "..", "specs", name, NULL);
}

static VmforgeSpec *
load_shipped (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = shipped (name);
  VmforgeSpec *spec = vmforge_spec_load (path, &error);
  g_assert_no_error (error);
  return spec;
}

static void
test_all_validate (void)
{
  g_autofree char *folder = shipped ("");
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint count = 0;
  while ((name = g_dir_read_name (dir)) != NULL) {
    if (!g_str_has_suffix (name, ".yaml"))
      continue;
    g_autoptr (VmforgeSpec) spec = load_shipped (name);
    g_autofree char *expected = g_strconcat (vmforge_spec_get_name (spec), ".yaml", NULL);
    g_assert_cmpstr (name, ==, expected);
    g_assert_cmpuint (spec->disk_size, ==, G_GUINT64_CONSTANT (4) << 30);
    count++;
  }
  g_assert_cmpuint (count, >=, 6);
}

static void
test_debian_12 (void)
{
  g_autoptr (VmforgeSpec) spec = load_shipped ("debian-12.yaml");
  g_assert_cmpstr (spec->profile->plugin, ==, "apt");
  g_assert_cmpstr (spec->profile->package_arch, ==, "amd64");
  g_assert_cmpstr (spec->filesystem, ==, "ext4");
  g_assert_cmpuint (spec->firmware, ==, VMFORGE_FIRMWARE_BIOS | VMFORGE_FIRMWARE_UEFI);
  const char *const *core = (const char *const *)spec->stages[VMFORGE_STAGE_CORE].packages;
  static const char *const wanted[] = {"apt", "init", "linux-image-cloud-amd64", "openssh-server"};
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    g_assert_true (g_strv_contains (core, wanted[i]));
  assert_words (spec->stages[VMFORGE_STAGE_BASE].packages, "sudo systemd-timesyncd ca-certificates");
}

static void
test_i386_has_its_own_kernel (void)
{
  g_autoptr (VmforgeSpec) spec = load_shipped ("debian-12-i386.yaml");
  const char *const *core = (const char *const *)spec->stages[VMFORGE_STAGE_CORE].packages;
  g_assert_cmpstr (spec->profile->package_arch, ==, "i386");
  g_assert_true (g_strv_contains (core, "linux-image-686"));
  g_assert_false (g_strv_contains (core, "linux-image-cloud-amd64"));
}

/* The same stages below: what differs would be built twice. */
static void
test_web_server_shares_core_and_base (void)
{
  g_autoptr (VmforgeSpec) debian = load_shipped ("debian-12.yaml");
  g_autoptr (VmforgeSpec) web = load_shipped ("web-server.yaml");
  for (guint i = VMFORGE_STAGE_CORE; i <= VMFORGE_STAGE_BASE; i++) {
    g_autofree char *packages = g_strjoinv (" ", debian->stages[i].packages);
    assert_words (web->stages[i].packages, packages);
  }
  assert_words (web->stages[VMFORGE_STAGE_IMAGE].packages, "nginx-light");
  const VfSpecFile *page = g_ptr_array_index (web->stages[VMFORGE_STAGE_APPLIANCE].files, 0);
  g_assert_true (g_path_is_absolute (page->from));
  g_assert_cmpstr (web->hostname, ==, "web");
}

static void
test_profiles_load_for_every_release (void)
{
  static const char *const known[][3] = {
      {"debian", "bookworm", "x86_64"}, {"debian", "bookworm", "i386"}, {"debian", "trixie", "x86_64"},
      {"debian", "sid", "x86_64"},      {"ubuntu", "jammy", "x86_64"},  {"ubuntu", "noble", "x86_64"},
  };
  g_autoptr (VfNode) where = vf_node_new (VF_NODE_NULL, "test", 1, 1);
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfProfile) profile = vf_profile_load (known[i][0], known[i][1], known[i][2], where, &error);
    g_assert_no_error (error);
    static const char *const roles[] = {"kernel",  "bootloader", "init",      "ssh",
                                        "network", "growroot",   "cloud-init"};
    for (guint j = 0; j < G_N_ELEMENTS (roles); j++)
      g_assert_nonnull (vf_profile_role (profile, roles[j]));
    const VfNode *apt = vf_node_get (profile->node, "settings");
    g_assert_cmpuint (vf_node_length (vf_node_get (apt, "suites")), >=, 1);
    g_assert_nonnull (vf_node_get (vf_node_get (apt, "keyring"), "path"));
    g_assert_cmpstr (profile->filesystem_features[0], ==, "-O");
    g_assert_null (vf_node_get (profile->node, "releases"));
  }
}

static void
test_configuration_names_storage_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "core", "spec", "vmforge.yaml", NULL);
  g_autoptr (VfConfig) config = vf_config_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (config->storage, ==, "storage-file");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fixture_use_profiles (FALSE);
  g_test_add_func ("/spec/shipped/every spec validates", test_all_validate);
  g_test_add_func ("/spec/shipped/debian-12 has what boots", test_debian_12);
  g_test_add_func ("/spec/shipped/i386 has its own kernel", test_i386_has_its_own_kernel);
  g_test_add_func ("/spec/shipped/the web server shares Core and Base", test_web_server_shares_core_and_base);
  g_test_add_func ("/spec/shipped/every release of every profile loads",
                   test_profiles_load_for_every_release);
  g_test_add_func ("/spec/shipped/the configuration names storage-file",
                   test_configuration_names_storage_file);
  return g_test_run ();
}
