/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"

#include "support/fs.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char profile_text[] =
    "profile: 1\n"
    "id: fake\n"
    "name: Fake Linux\n"
    "plugin: fake\n"
    "arches: {x86_64: amd64}\n"
    "kernel_arguments: [quiet]\n"
    "network_backend: systemd-networkd\n"
    "hostname: fakehost\n"
    "disk: {nominal_size: 1GiB, filesystem: ext4, filesystems: {ext4: {mkfs: [-O, none]}, xfs: {mkfs: []}}}\n"
    "bootstrap_packages: [init]\n"
    "roles: {kernel: [linux], ssh: [sshd], editor: [ed], locale: [locales], timezone: [tzdata]}\n"
    "releases: {one: {arches: {x86_64: }}}\n";

static const char spec_text[] =
    "vmforge: 1\n"
    "name: planned\n"
    "version: \"1\"\n"
    "distro: {id: fake, release: one, arch: x86_64}\n"
    "disk: {size: 3GiB, filesystem: ext4, firmware: [bios, uefi]}\n"
    "mirrors: [\"http://mirror.example/\"]\n"
    "output: {formats: [raw]}\n"
    "core:\n"
    "  packages: [core-package]\n"
    "base:\n"
    "  repositories: [{url: \"http://more.example/\", suite: stable, components: [main], key: key.asc, name: "
    "more}]\n"
    "  features: [ssh]\n"
    "  packages: [base-package]\n"
    "image:\n"
    "  packages: [image-package]\n"
    "  users:\n"
    "    - {name: ada, password: \"$6$salt$hash\", groups: [wheel], ssh_keys: [ssh-ed25519 AAAAC3Nz ada]}\n"
    "  files:\n"
    "    - {content: inline, to: /etc/inline, mode: \"0640\", owner: root:adm}\n"
    "    - {from: data.txt, to: /etc/data}\n"
    "    - {from: fixed.txt, to: /etc/fixed, mode: \"0600\"}\n"
    "    - {from: tree, to: /opt/tree}\n"
    "    - {link: ../target, to: /etc/link}\n"
    "  run:\n"
    "    - echo first\n"
    "    - {script: step.sh}\n"
    "    - {command: echo last, network: false}\n"
    "appliance:\n"
    "  packages: [appliance-package]\n"
    "  hostname: host\n"
    "  locale: en_US.UTF-8\n"
    "  timezone: Europe/Berlin\n"
    "  network: {addresses: [192.0.2.2/24], gateway: 192.0.2.1, dns: [192.0.2.3]}\n"
    "  kernel_arguments: [nosmt]\n";

/* In place of the C library's: nothing here has to survive a crash, and to wait for the disk takes longer
 * than all the rest. */
int
fsync (int fd)
{
  return 0;
}

void
fixture_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (program);
  g_autofree char *plugins = g_strdup_printf ("%s/plan:%s/store", folder, folder);
  g_setenv ("VMFORGE_PLUGIN_PATH", plugins, TRUE);
  g_unsetenv ("VMFORGE_STORE");
  g_unsetenv ("SOURCE_DATE_EPOCH");
}

void
fixture_setup (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fixture->path = g_dir_make_tmp ("vmforge-plan-XXXXXX", &error);
  g_assert_no_error (error);
  g_autofree char *profiles = g_build_filename (fixture->path, "profiles", NULL);
  g_setenv ("VMFORGE_PROFILE_PATH", profiles, TRUE);
  fixture_write (fixture, "profiles/fake.yaml", profile_text);
  fixture_write (fixture, "spec.yaml", spec_text);
  fixture_write (fixture, "key.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\nold\n");
  fixture_write (fixture, "data.txt", "old data");
  fixture_write (fixture, "fixed.txt", "old fixed");
  fixture_write (fixture, "step.sh", "#!/bin/sh\nold step\n");
  fixture_write (fixture, "tree/below/leaf", "old leaf");
  g_autofree char *store = g_build_filename (fixture->path, "store", NULL);
  fixture->store = vmforge_store_open (store, "plain", &error);
  g_assert_no_error (error);
  fixture_set_world (fixture, "");
  fixture->offline = FALSE;
  fixture->refresh_seconds = 3600;
  fixture->spec = "spec.yaml";
  fixture->n_stages = VMFORGE_N_STAGES;
}

void
fixture_teardown (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  vmforge_store_free (fixture->store);
  vf_fs_remove (-1, fixture->path, &error);
  g_assert_no_error (error);
  g_free (fixture->path);
}

void
fixture_write (Fixture *fixture, const char *name, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->path, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  vf_fs_mkdir_p (-1, parent, 0755, &error);
  g_assert_no_error (error);
  vf_fs_write (-1, path, text, strlen (text), 0644, &error);
  g_assert_no_error (error);
}

void
fixture_edit (Fixture *fixture, const char *name, const char *from, const char *to)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->path, name, NULL);
  g_autofree char *text = vf_fs_read (-1, path, 65536, NULL, &error);
  g_assert_no_error (error);
  g_auto (GStrv) parts = g_strsplit (text, from, -1);
  g_assert_cmpuint (g_strv_length (parts), ==, 2);
  g_autofree char *edited = g_strjoinv (to, parts);
  struct stat st;
  g_assert_cmpint (stat (path, &st), ==, 0);
  fixture_write (fixture, name, edited);
  fixture_chmod (fixture, name, st.st_mode & 07777);
}

void
fixture_remove (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->path, name, NULL);
  g_assert_cmpint (unlink (path), ==, 0);
}

void
fixture_chmod (Fixture *fixture, const char *name, guint mode)
{
  g_autofree char *path = g_build_filename (fixture->path, name, NULL);
  g_assert_cmpint (chmod (path, (mode_t)mode), ==, 0);
}

void
fixture_set_world (Fixture *fixture, const char *text)
{
  fixture_write (fixture, "store/cache/fake/world", text);
}

VmforgeSpec *
fixture_load (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->path, fixture->spec, NULL);
  VmforgeSpec *spec = vmforge_spec_load (path, &error);
  g_assert_no_error (error);
  return spec;
}

VfPlan *
fixture_plan (Fixture *fixture, VmforgeSpec *spec, GError **error)
{
  static const VfHost host;
  VfPlanContext context = {.store = fixture->store,
                           .host = &host,
                           .offline = fixture->offline,
                           .refresh_seconds = fixture->refresh_seconds};
  return vf_plan_new (&context, spec, fixture->n_stages, error);
}

char **
fixture_keys (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  g_autoptr (VfPlan) plan = fixture_plan (fixture, spec, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (plan->n_stages, ==, VMFORGE_N_STAGES);
  char **keys = g_new0 (char *, VMFORGE_N_STAGES + 1);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    keys[i] = g_strdup (plan->stages[i]->key);
  return keys;
}

void
fixture_fails (Fixture *fixture, VmforgeError code, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  g_autoptr (VfPlan) plan = fixture_plan (fixture, spec, &error);
  g_assert_null (plan);
  g_assert_error (error, VMFORGE_ERROR, (int)code);
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' does not say '%s'", error->message, part);
}

/* What was noted; forgotten with that. */
static char *
take_calls (Fixture *fixture)
{
  g_autofree char *path = g_build_filename (fixture->path, "store/cache/fake/calls", NULL);
  g_autofree char *calls = vf_fs_read (-1, path, 65536, NULL, NULL);
  unlink (path);
  return calls == NULL ? g_strdup ("") : g_steal_pointer (&calls);
}

void
fixture_assert_calls (Fixture *fixture, const char *expected)
{
  g_autofree char *calls = take_calls (fixture);
  g_assert_cmpstr (calls, ==, expected);
}

void
fixture_forget_calls (Fixture *fixture)
{
  g_free (take_calls (fixture));
}

guint
fixture_count_calls (Fixture *fixture, const char *what)
{
  g_autofree char *calls = take_calls (fixture);
  g_auto (GStrv) words = g_strsplit (calls, " ", -1);
  guint count = 0;
  for (char **word = words; *word != NULL; word++)
    count += g_str_equal (*word, what);
  return count;
}

void
fixture_assert_changed (char **before, char **after, guint first)
{
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    if ((strcmp (before[i], after[i]) != 0) != (i >= first))
      g_error ("the key of %s %s", vmforge_stage_name ((VmforgeStageKind)i),
               i >= first ? "did not change" : "changed");
}
