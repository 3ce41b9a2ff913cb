/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which input changes which keys. */
#include "fixture.h"
#include "support/process.h"

#include <stdio.h>
#include <string.h>

#define SPEC    "spec.yaml"
#define PROFILE "profiles/fake.yaml"

/* One change, and the lowest stage whose key it changes. */
typedef struct {
  const char *name;
  const char *file, *from, *to;
  guint first;
} Change;

#define CORE      VMFORGE_STAGE_CORE
#define BASE      VMFORGE_STAGE_BASE
#define IMAGE     VMFORGE_STAGE_IMAGE
#define APPLIANCE VMFORGE_STAGE_APPLIANCE
#define NONE      VMFORGE_N_STAGES

static const Change changes[] = {
    {"a package of Core changes all keys", SPEC, "core-package", "other-package", CORE},
    {"a package of Base changes those from Base", SPEC, "base-package", "other-package", BASE},
    {"a package of Image changes those from Image", SPEC, "image-package", "other-package", IMAGE},
    {"a package of Appliance changes Appliance's", SPEC, "appliance-package", "other-package", APPLIANCE},
    {"a name that is installed below counts", SPEC, "image-package", "image-package, base-package", IMAGE},
    {"a package that is named twice changes no key", SPEC, "[image-package]",
     "[image-package, image-package]", NONE},
    {"a removed package counts", SPEC, "[image-package]", "[image-package]\n  remove: [base-package]", IMAGE},
    {"a feature counts", SPEC, "features: [ssh]", "features: [ssh, editor]", BASE},
    {"the URL of a repository counts", SPEC, "more.example", "less.example", BASE},
    {"the suite of a repository counts", SPEC, "suite: stable", "suite: testing", BASE},
    {"the components of a repository count", SPEC, "[main]", "[main, contrib]", BASE},
    {"the name of a repository counts", SPEC, "name: more", "name: less", BASE},
    {"the content of a repository's key counts", "key.asc", "old", "new", BASE},
    {"the name of a user counts", SPEC, "name: ada", "name: bob", IMAGE},
    {"the password of a user counts", SPEC, "$hash", "$hush", IMAGE},
    {"a group of a user counts", SPEC, "[wheel]", "[wheel, adm]", IMAGE},
    {"an SSH key of a user counts", SPEC, "C3Nz ada", "D4Oz ada", IMAGE},
    {"the shell of a user counts", SPEC, "groups:", "shell: /bin/sh, groups:", IMAGE},
    {"the home of a user counts", SPEC, "groups:", "home: /srv/ada, groups:", IMAGE},
    {"the number of a user counts", SPEC, "groups:", "uid: 1234, groups:", IMAGE},
    {"the full name of a user counts", SPEC, "groups:", "gecos: Ada, groups:", IMAGE},
    {"that a user is one of the system counts", SPEC, "groups:", "system: true, groups:", IMAGE},
    {"inline content counts", SPEC, "content: inline", "content: outline", IMAGE},
    {"the content of a file counts", "data.txt", "old", "new", IMAGE},
    {"the content of a file with a fixed mode counts", "fixed.txt", "old", "new", IMAGE},
    {"the content of a folder counts", "tree/below/leaf", "old", "new", IMAGE},
    {"the mode of a file counts", SPEC, "\"0640\"", "\"0644\"", IMAGE},
    {"the target of a file counts", SPEC, "to: /etc/data", "to: /etc/date", IMAGE},
    {"the owner of a file counts", SPEC, "root:adm", "root:sys", IMAGE},
    {"the target of a link counts", SPEC, "../target", "../other", IMAGE},
    {"a command counts", SPEC, "echo first", "echo second", IMAGE},
    {"the content of a script counts", "step.sh", "old", "new", IMAGE},
    {"the network of a command counts", SPEC, "network: false", "network: true", IMAGE},
    {"the order of commands counts", SPEC, "    - echo first\n    - {script: step.sh}",
     "    - {script: step.sh}\n    - echo first", IMAGE},
    {"the size of a stage counts", SPEC, "  packages: [base-", "  size: 2GiB\n  packages: [base-", BASE},
    {"the host name counts in Appliance", SPEC, "hostname: host", "hostname: other", APPLIANCE},
    {"the locale counts in Appliance", SPEC, "en_US.UTF-8", "de_DE.UTF-8", APPLIANCE},
    {"the time zone counts in Appliance", SPEC, "Europe/Berlin", "Europe/Paris", APPLIANCE},
    {"an address counts in Appliance", SPEC, "192.0.2.2/24", "192.0.2.4/24", APPLIANCE},
    {"the gateway counts in Appliance", SPEC, "gateway: 192.0.2.1", "gateway: 192.0.2.9", APPLIANCE},
    {"a name server counts in Appliance", SPEC, "dns: [192.0.2.3]", "dns: [192.0.2.8]", APPLIANCE},
    {"a kernel argument counts in Appliance", SPEC, "[nosmt]", "[nosmt, debug]", APPLIANCE},
    {"the size of the disk counts in Appliance", SPEC, "size: 3GiB", "size: 4GiB", APPLIANCE},
    {"the filesystem changes all keys", SPEC, "filesystem: ext4", "filesystem: xfs", CORE},
    {"the firmware changes all keys", SPEC, "[bios, uefi]", "[uefi]", CORE},
    {"the order of firmwares changes no key", SPEC, "[bios, uefi]", "[uefi, bios]", NONE},
    {"a mirror changes all keys", SPEC, "mirror.example", "mirror2.example", CORE},
    {"a setting of the plugin changes all keys", PROFILE,
     "releases:", "settings: {setting: new}\nreleases:", CORE},
    {"kernel arguments of the profile change all keys", PROFILE, "[quiet]", "[loud]", CORE},
    {"mkfs options of the profile change all keys", PROFILE, "[-O, none]", "[-O, all]", CORE},
    {"the nominal size changes all keys", PROFILE, "nominal_size: 1GiB", "nominal_size: 2GiB", CORE},
    {"bootstrap packages change all keys", PROFILE, "[init]", "[init, udev]", CORE},
    {"the profile's host name changes all keys", PROFILE, "fakehost", "otherhost", CORE},
    {"the network backend changes all keys", PROFILE, "systemd-networkd", "NetworkManager", CORE},
    {"an overridden profile changes all keys", SPEC, "arch: x86_64",
     "arch: x86_64, override: {kernel_arguments: [loud]}", CORE},
    {"a role counts where it is used", PROFILE, "[sshd]", "[dropbear]", BASE},
    {"a role that nobody uses changes no key", PROFILE, "[ed]", "[vim]", NONE},
    {"the profile's name changes no key", PROFILE, "Fake Linux", "Fake GNU/Linux", NONE},
    {"the profile's package URLs change no key", PROFILE, "Fake Linux", "Fake Linux\npurl: deb/fake", NONE},
    {"the options of another filesystem change no key", PROFILE, "xfs: {mkfs: []}", "xfs: {mkfs: [-f]}",
     NONE},
    {"the spec's name changes no key", SPEC, "planned", "renamed", NONE},
    {"the spec's version changes no key", SPEC, "version: \"1\"", "version: \"2\"", NONE},
    {"the output changes no key", SPEC, "[raw]", "[raw, qcow2]", NONE},
    {"a test changes no key", SPEC, "output:", "test: {boot: true}\noutput:", NONE},
    {"the machine changes no key", SPEC, "output:", "machine: {memory: 2GiB}\noutput:", NONE},
    {"a comment changes no key", SPEC, "vmforge: 1\n", "# Hello.\n\nvmforge: 1\n", NONE},
};

static void
check_change (Fixture *fixture, gconstpointer data)
{
  const Change *change = data;
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_edit (fixture, change->file, change->from, change->to);
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, change->first);
}

static void
the_mode_of_a_source_counts_where_the_spec_sets_none (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_chmod (fixture, "data.txt", 0755);
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, IMAGE);
}

static void
the_mode_of_a_source_does_not_count_where_the_spec_sets_one (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_chmod (fixture, "fixed.txt", 0755);
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, NONE);
}

static void
modes_in_a_folder_count_where_the_spec_sets_none (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_chmod (fixture, "tree/below/leaf", 0755);
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, IMAGE);
}

static void
modes_in_a_folder_do_not_count_where_the_spec_sets_one (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, SPEC, "from: tree,", "from: tree, mode: \"0644\",");
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_chmod (fixture, "tree/below/leaf", 0755);
  fixture_chmod (fixture, "tree/below", 0700);
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, NONE);
}

static void
the_mode_of_a_key_does_not_count (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_chmod (fixture, "key.asc", 0600);
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, NONE);
}

static void
the_reproducible_clock_counts (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  g_setenv ("SOURCE_DATE_EPOCH", "1", TRUE);
  g_auto (GStrv) after = fixture_keys (fixture);
  g_unsetenv ("SOURCE_DATE_EPOCH");
  fixture_assert_changed (before, after, CORE);
}

static void
the_name_of_a_source_does_not_count (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_write (fixture, "renamed.txt", "old data");
  fixture_edit (fixture, SPEC, "data.txt", "renamed.txt");
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, NONE);
}

static void
the_folder_of_the_spec_does_not_count (Fixture *fixture, gconstpointer data)
{
  Fixture other = {0};
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_setup (&other, NULL);
  g_auto (GStrv) after = fixture_keys (&other);
  fixture_teardown (&other, NULL);
  fixture_assert_changed (before, after, NONE);
}

/* Prints the keys, for a test in another process. */
static int
print_keys (const char *path)
{
  Fixture fixture = {
      .path = (char *)path, .refresh_seconds = 3600, .spec = SPEC, .n_stages = VMFORGE_N_STAGES};
  g_autofree char *store = g_build_filename (path, "store", NULL);
  fixture.store = vmforge_store_open (store, "plain", NULL);
  g_auto (GStrv) keys = fixture_keys (&fixture);
  g_autofree char *text = g_strjoinv (" ", keys);
  printf ("%s", text);
  vmforge_store_free (fixture.store);
  return 0;
}

/* newer: with the plugin of the other cache version. */
static char **
keys_of_another_process (Fixture *fixture, gboolean newer)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (program);
  g_autofree char *plugins =
      g_strdup_printf ("VMFORGE_PLUGIN_PATH=%s/plan%s:%s/store", folder, newer ? "/newer" : "", folder);
  g_autofree char *profiles = g_strdup_printf ("VMFORGE_PROFILE_PATH=%s/profiles", fixture->path);
  g_autoptr (VfProcess) process = vf_process_new_args (program, "keys", fixture->path, NULL);
  vf_process_add_env (process, plugins);
  vf_process_add_env (process, profiles);
  vf_process_run (process, NULL, NULL, &error);
  g_assert_no_error (error);
  char **keys = g_strsplit (vf_process_get_output (process), " ", -1);
  g_assert_cmpuint (g_strv_length (keys), ==, VMFORGE_N_STAGES);
  return keys;
}

static void
keys_are_the_same_in_every_run (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  g_auto (GStrv) after = keys_of_another_process (fixture, FALSE);
  fixture_assert_changed (before, after, NONE);
}

static void
the_cache_version_of_the_plugin_changes_all_keys (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  g_auto (GStrv) after = keys_of_another_process (fixture, TRUE);
  fixture_assert_changed (before, after, CORE);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "keys") == 0)
    return print_keys (argv[2]);
  fixture_init (&argc, &argv);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autofree char *name = g_strconcat ("/keys/", changes[i].name, NULL);
    for (char *slash = strchr (name + 6, '/'); slash != NULL; slash = strchr (slash, '/'))
      *slash = ' ';
    g_test_add (name, Fixture, &changes[i], fixture_setup, check_change, fixture_teardown);
  }
  FIXTURE_ADD ("/keys/the mode of a source counts where the spec sets none",
               the_mode_of_a_source_counts_where_the_spec_sets_none);
  FIXTURE_ADD ("/keys/the mode of a source does not count where the spec sets one",
               the_mode_of_a_source_does_not_count_where_the_spec_sets_one);
  FIXTURE_ADD ("/keys/modes in a folder count where the spec sets none",
               modes_in_a_folder_count_where_the_spec_sets_none);
  FIXTURE_ADD ("/keys/modes in a folder do not count where the spec sets one",
               modes_in_a_folder_do_not_count_where_the_spec_sets_one);
  FIXTURE_ADD ("/keys/the mode of a key does not count", the_mode_of_a_key_does_not_count);
  FIXTURE_ADD ("/keys/the reproducible clock counts", the_reproducible_clock_counts);
  FIXTURE_ADD ("/keys/the name of a source does not count", the_name_of_a_source_does_not_count);
  FIXTURE_ADD ("/keys/the folder of the spec does not count", the_folder_of_the_spec_does_not_count);
  FIXTURE_ADD ("/keys/keys are the same in every run", keys_are_the_same_in_every_run);
  FIXTURE_ADD ("/keys/the cache version of the plugin changes all keys",
               the_cache_version_of_the_plugin_changes_all_keys);
  return g_test_run ();
}
