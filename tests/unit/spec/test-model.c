/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* From a spec's text to the model. */
#include "fixture.h"

#include "vmforge/plugin.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHd0 me@example"

static void
test_defaults (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec = folder_load_text (folder, "", NULL);
  g_assert_cmpstr (spec->name, ==, "test");
  g_assert_cmpstr (spec->version, ==, "0");
  g_assert_cmpstr (spec->profile->arch, ==, "x86_64");
  g_assert_cmpuint (spec->disk_size, ==, spec->profile->nominal_size);
  g_assert_cmpstr (spec->filesystem, ==, "ext4");
  g_assert_cmpuint (spec->firmware, ==, VMFORGE_FIRMWARE_BIOS | VMFORGE_FIRMWARE_UEFI);
  assert_words (spec->formats, "raw");
  g_assert_null (spec->mirrors);
  g_assert_null (spec->hostname);
  g_assert_cmpuint (spec->network->len, ==, 0);
  g_assert_null (spec->stages[VMFORGE_STAGE_IMAGE].node);
  g_assert_cmpuint (g_strv_length (spec->stages[VMFORGE_STAGE_IMAGE].packages), ==, 0);
  g_assert_true (g_strv_contains ((const char *const *)spec->stages[VMFORGE_STAGE_CORE].packages, "init"));
}

static void
test_empty_sections (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec =
      folder_load_text (folder, "image:\nappliance:\n  packages:\nmirrors:\n", NULL);
  g_assert_null (spec->stages[VMFORGE_STAGE_IMAGE].node);
}

static void
test_reserved_keys (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec =
      folder_load_text (folder, "test: {a: 1}\nmachine: {memory: 1GiB}\ncontext: [x]\n", NULL);
  g_assert_nonnull (spec);
}

static void
test_numbers_are_texts (Folder *folder, gconstpointer data)
{
  folder_write (
      folder, "a.yaml",
      "vmforge: 1\nname: test\nversion: 1.40\ndistro: {id: debian, release: 12}\nimage: {packages: [0ad]}\n");
  g_autoptr (VmforgeSpec) spec = folder_load (folder, "a.yaml", NULL);
  g_assert_cmpstr (spec->version, ==, "1.40");
  g_assert_cmpstr (spec->profile->release, ==, "bookworm");
}

static void
test_packages (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec = folder_load_text (folder,
                                                   "image:\n  features: [sudo, certificates, sudo]\n"
                                                   "  packages: [b, a, b, {debian: [c, d], default: x}, "
                                                   "{default: e, fedora: f}, {debian: ~, default: g}, sudo]\n"
                                                   "  remove: [{debian: nano, default: vi}, ed]\n",
                                                   NULL);
  assert_words (spec->stages[VMFORGE_STAGE_IMAGE].features, "sudo certificates");
  assert_words (spec->stages[VMFORGE_STAGE_IMAGE].packages, "sudo ca-certificates b a c d e");
  assert_words (spec->stages[VMFORGE_STAGE_IMAGE].remove, "nano ed");
}

static void
test_users (Folder *folder, gconstpointer data)
{
  folder_write (folder, "keys/admin.pub", "# mine\n" KEY "\n\nssh-rsa AAAAB3NzaC1yc2E= old\n");
  g_autoptr (VmforgeSpec) spec =
      folder_load_text (folder,
                        "base:\n  users:\n    - name: admin\n      password: $6$salt$abc./\n      uid: "
                        "1234\n      shell: /bin/sh\n"
                        "      groups: [adm, {debian: sudo, default: wheel}]\n"
                        "      ssh_keys: [file: keys/admin.pub, '" KEY
                        "']\n    - {name: root, password: \"!locked\", system: true}\n",
                        NULL);
  GPtrArray *users = spec->stages[VMFORGE_STAGE_BASE].users;
  const VfSpecUser *admin = g_ptr_array_index (users, 0);
  const VfSpecUser *root = g_ptr_array_index (users, 1);
  g_assert_cmpstr (admin->password, ==, "$6$salt$abc./");
  g_assert_cmpint (admin->uid, ==, 1234);
  assert_words (admin->groups, "adm sudo");
  g_assert_cmpuint (g_strv_length (admin->ssh_keys), ==, 2);
  g_assert_cmpstr (admin->ssh_keys[0], ==, KEY);
  g_assert_cmpint (root->uid, ==, -1);
  g_assert_cmpstr (root->password, ==, "!locked");
  g_assert_true (root->system);
}

static void
test_files (Folder *folder, gconstpointer data)
{
  folder_write (folder, "conf/site.conf", "x");
  g_autofree char *from = g_build_filename (folder->path, "conf", "site.conf", NULL);
  g_autoptr (VmforgeSpec) spec = folder_load_text (
      folder,
      "image:\n  files:\n    - {from: conf/site.conf, to: /etc//x/./site.conf, mode: 0640, owner: root:adm}\n"
      "    - {content: \"\", to: /etc/empty, mode: \"4755\"}\n    - {link: ../y, to: /etc/link}\n"
      "    - {from: conf, to: /}\n    - {content: 12, to: /etc/number}\n",
      NULL);
  GPtrArray *files = spec->stages[VMFORGE_STAGE_IMAGE].files;
  const VfSpecFile *file = g_ptr_array_index (files, 0);
  g_assert_cmpstr (file->from, ==, from);
  g_assert_cmpstr (file->to, ==, "/etc/x/site.conf");
  g_assert_cmpint (file->mode, ==, 0640);
  g_assert_cmpstr (file->owner, ==, "root:adm");
  file = g_ptr_array_index (files, 1);
  g_assert_cmpstr (file->content, ==, "");
  g_assert_cmpint (file->mode, ==, 04755);
  file = g_ptr_array_index (files, 2);
  g_assert_cmpstr (file->link, ==, "../y");
  g_assert_cmpint (file->mode, ==, -1);
  file = g_ptr_array_index (files, 3);
  g_assert_cmpstr (file->to, ==, "/");
  file = g_ptr_array_index (files, 4);
  g_assert_cmpstr (file->content, ==, "12");
}

static void
test_run (Folder *folder, gconstpointer data)
{
  folder_write (folder, "setup.sh", "#!/bin/sh\ntrue\n");
  g_autoptr (VmforgeSpec) spec = folder_load_text (
      folder, "image:\n  run: [\"true\", {command: ls, network: true}, {script: setup.sh}, true]\n", NULL);
  GPtrArray *steps = spec->stages[VMFORGE_STAGE_IMAGE].run;
  const VfSpecRun *run = g_ptr_array_index (steps, 0);
  g_assert_cmpstr (run->command, ==, "true");
  g_assert_false (run->network);
  run = g_ptr_array_index (steps, 1);
  g_assert_true (run->network);
  g_assert_cmpint (run->node->line, ==, 5);
  run = g_ptr_array_index (steps, 2);
  g_assert_null (run->command);
  g_assert_true (g_str_has_suffix (run->script, "/setup.sh"));
  g_assert_cmpstr (run->script_text, ==, "#!/bin/sh\ntrue\n");
  g_assert_cmpuint (run->script_length, ==, 15);
  run = g_ptr_array_index (steps, 3); /* a bare true is a command as well */
  g_assert_cmpstr (run->command, ==, "true");
}

static void
test_repositories (Folder *folder, gconstpointer data)
{
  folder_write (folder, "key.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
  folder_write (folder, "key.gpg", "\x99\x02\x0d\x04");
  g_autoptr (VmforgeSpec) spec = folder_load_text (
      folder,
      "base:\n  repositories:\n    - {url: https://a.example/Debian/, suite: stable, components: [main, "
      "extra], key: "
      "key.asc}\nimage:\n  repositories:\n    - {url: file:/srv/repo, key: key.gpg, name: mine}\n",
      NULL);
  const VfSpecRepository *repository = g_ptr_array_index (spec->stages[VMFORGE_STAGE_BASE].repositories, 0);
  g_assert_cmpstr (repository->name, ==, "a-example-debian-stable");
  g_assert_cmpstr (repository->suite, ==, "stable");
  assert_words (repository->components, "main extra");
  g_assert_true (g_path_is_absolute (repository->key_path));
  repository = g_ptr_array_index (spec->stages[VMFORGE_STAGE_IMAGE].repositories, 0);
  g_assert_cmpstr (repository->name, ==, "mine");
  g_assert_null (repository->suite);
  g_assert_cmpuint (g_strv_length (repository->components), ==, 0);
}

static void
test_sizes (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec = folder_load_text (
      folder, "core: {size: 512MiB}\nbase: {size: 1G}\nimage: {size: 1073741824}\ndisk: {size: 1 GiB}", NULL);
  g_assert_cmpuint (spec->stages[VMFORGE_STAGE_CORE].size, ==, 512 << 20);
  g_assert_cmpuint (spec->stages[VMFORGE_STAGE_IMAGE].size, ==, 1 << 30);
  g_assert_cmpuint (spec->disk_size, ==, 1 << 30);
}

static void
test_disk_is_as_large_as_the_largest_stage (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec = folder_load_text (folder, "image: {size: 6GiB}", NULL);
  g_assert_cmpuint (spec->disk_size, ==, G_GUINT64_CONSTANT (6) << 30);
}

static void
test_system (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec = folder_load_text (folder,
                                                   "locale: de_DE.UTF-8\nkernel_arguments: [quiet, "
                                                   "\"a.b=1,2\"]\nappliance:\n  hostname: web1.example.org\n"
                                                   "  timezone: Europe/Berlin\n",
                                                   NULL);
  g_assert_cmpstr (spec->hostname, ==, "web1.example.org");
  g_assert_cmpstr (spec->locale, ==, "de_DE.UTF-8");
  g_assert_cmpstr (spec->timezone, ==, "Europe/Berlin");
  assert_words (spec->kernel_arguments, "quiet a.b=1,2");
  /* tzdata is in Core already */
  assert_words (spec->stages[VMFORGE_STAGE_APPLIANCE].packages, "locales");
}

static void
test_built_in_locale_needs_no_package (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec = folder_load_text (folder, "locale: C.UTF-8\ntimezone: UTC", NULL);
  assert_words (spec->stages[VMFORGE_STAGE_APPLIANCE].packages, "");
}

static void
test_network (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) dhcp = folder_load_text (folder, "network: dhcp", NULL);
  g_assert_cmpuint (dhcp->network->len, ==, 0);
  g_autoptr (VmforgeSpec) fixed = folder_load_text (
      folder, "network: {addresses: [192.0.2.10/24, \"2001:db8::1/64\"], gateway: 192.0.2.1, dns: [\"::1\"]}",
      NULL);
  const VfSpecInterface *interface = g_ptr_array_index (fixed->network, 0);
  g_assert_null (interface->match);
  g_assert_false (interface->dhcp);
  assert_words (interface->addresses, "192.0.2.10/24 2001:db8::1/64");
  g_assert_cmpstr (interface->gateway, ==, "192.0.2.1");
  g_autoptr (VmforgeSpec) two = folder_load_text (
      folder,
      "appliance: {network: {interfaces: [{match: \"en*\"}, {match: eth1, addresses: [10.0.0.1/8]}]}}", NULL);
  interface = g_ptr_array_index (two->network, 0);
  g_assert_cmpstr (interface->match, ==, "en*");
  g_assert_true (interface->dhcp);
  interface = g_ptr_array_index (two->network, 1);
  g_assert_false (interface->dhcp);
}

static void
test_mirrors_and_formats (Folder *folder, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec = folder_load_text (
      folder, "mirrors: [\"http://a.example/debian\", \"file:/srv\"]\noutput: {formats: [qcow2, raw, qcow2]}",
      NULL);
  assert_words (spec->mirrors, "http://a.example/debian file:/srv");
  assert_words (spec->formats, "qcow2 raw");
}

#define ADD(name, func) g_test_add ("/spec/model/" name, Folder, NULL, folder_setup, func, folder_teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a short spec has defaults", test_defaults);
  ADD ("empty sections say nothing", test_empty_sections);
  ADD ("reserved keys have no effect", test_reserved_keys);
  ADD ("numbers are texts where texts are wanted", test_numbers_are_texts);
  ADD ("packages are those of features, then packages", test_packages);
  ADD ("users", test_users);
  ADD ("files", test_files);
  ADD ("run steps", test_run);
  ADD ("repositories", test_repositories);
  ADD ("sizes", test_sizes);
  ADD ("without disk.size the disk holds the largest stage", test_disk_is_as_large_as_the_largest_stage);
  ADD ("settings of the system", test_system);
  ADD ("a built-in locale needs no package", test_built_in_locale_needs_no_package);
  ADD ("network", test_network);
  ADD ("mirrors and formats", test_mirrors_and_formats);
  return g_test_run ();
}
