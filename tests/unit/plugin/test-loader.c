/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"

#include <elf.h>
#include <glib/gstdio.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>

/* A plugin that is bad in one way, and words of the message that says so. */
typedef struct {
  const char *name;
  const char *text;
} Refusal;

static const Refusal refusals[] = {
    {"no-symbol", "it exports no symbol 'vmforge_plugin'"},
    {"function", "its symbol 'vmforge_plugin' is not data"},
    {"newer-abi", "needs plugin ABI 1, this vmforge has 0"},
    {"small", "has a descriptor of 24 bytes"},
    {"small-table", "has a table of 40 bytes, the smallest of a storage plugin has"},
    {"missing-member", "lacks the callback 'seal'"},
    {"bad-name", "has a bad plugin name 'Bad_Name'"},
    {"other-name", "calls itself 'quite-another': its file must be named vmforge-quite-another.so"},
    {"wrong-table", "is of kind package but lacks a package table"},
    {"unknown-kind", "is a plugin of kind 77"},
    {"undefined", "undefined symbol: vmforge_test_is_nowhere"},
};

static void
assert_refused (const char *path, const char *text)
{
  GError *error = NULL;
  g_assert_null (vf_plugin_load (path, &error));
  g_assert_nonnull (strstr (error->message, path));
  fixture_assert_error (&error, VMFORGE_ERROR_ENVIRONMENT, text);
}

static void
refuses_a_bad_plugin (Fixture *fixture, gconstpointer data)
{
  const Refusal *refusal = data;
  g_autofree char *file = g_strdup_printf ("vmforge-%s.so", refusal->name);
  g_autofree char *path = fixture_install (fixture, refusal->name, file);
  assert_refused (path, refusal->text);
}

static void
refuses_what_is_no_elf_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = fixture_write (fixture, "vmforge-text.so", "#!/bin/sh\n", 10);
  g_autofree char *empty = fixture_write (fixture, "vmforge-empty.so", "", 0);
  g_autofree char *pipe = g_build_filename (fixture->folder, "vmforge-pipe.so", NULL);
  g_assert_cmpint (mkfifo (pipe, 0755), ==, 0);
  assert_refused (text, "is not an ELF file");
  assert_refused (empty, "is not an ELF file");
  assert_refused (pipe, "is not an ELF file");
}

static char *
read_toy (gsize *length)
{
  g_autofree char *source = g_strdup_printf ("%s/vmforge-toy.so", plugin_test_dir);
  char *bytes = NULL;
  GError *error = NULL;
  g_file_get_contents (source, &bytes, length, &error);
  g_assert_no_error (error);
  return bytes;
}

static void
refuses_another_architecture (Fixture *fixture, gconstpointer data)
{
  gsize length;
  g_autofree char *bytes = read_toy (&length);
  ElfW (Ehdr) *header = (void *)bytes;
  header->e_machine = EM_S390;
  g_autofree char *path = fixture_write (fixture, "vmforge-toy.so", bytes, length);
  assert_refused (path, "is for another architecture (s390");
}

static void
refuses_an_object_file (Fixture *fixture, gconstpointer data)
{
  gsize length;
  g_autofree char *bytes = read_toy (&length);
  ElfW (Ehdr) *header = (void *)bytes;
  header->e_type = ET_REL;
  g_autofree char *path = fixture_write (fixture, "vmforge-toy.so", bytes, length);
  assert_refused (path, "is not an ELF shared object");
}

/* Whatever a broken file says, it is refused before any of it runs: cut short, or with bytes turned over
 * where the reader looks. */
static void
survives_damaged_files (Fixture *fixture, gconstpointer data)
{
  gsize length;
  g_autofree char *bytes = read_toy (&length);
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261122);
  for (int i = 0; i < 200; i++) {
    g_autofree char *file = g_strdup_printf ("vmforge-cut%d.so", i);
    gsize cut = (gsize)g_rand_int_range (rand, 0, 2000);
    g_autofree char *path = fixture_write (fixture, file, bytes, cut);
    GError *error = NULL;
    g_assert_null (vf_plugin_load (path, &error));
    g_clear_error (&error);
  }
  ElfW (Ehdr) *header = (void *)bytes;
  for (int i = 0; i < 200; i++) {
    g_autofree char *copy = g_memdup2 (bytes, length);
    /* Every load segment points elsewhere or the tables do: nothing that is left can be a descriptor. */
    ElfW (Phdr) *segments = (void *)(copy + header->e_phoff);
    for (int s = 0; s < header->e_phnum; s++) {
      segments[s].p_offset =
          ((guint64)g_rand_int (rand) << 32 | g_rand_int (rand)) >> g_rand_int_range (rand, 0, 60);
      segments[s].p_filesz =
          ((guint64)g_rand_int (rand) << 32 | g_rand_int (rand)) >> g_rand_int_range (rand, 0, 60);
    }
    memset (copy + header->e_phoff + sizeof *segments * header->e_phnum, 0xff,
            length - header->e_phoff - sizeof *segments * header->e_phnum);
    g_autofree char *file = g_strdup_printf ("vmforge-bent%d.so", i);
    g_autofree char *path = fixture_write (fixture, file, copy, length);
    GError *error = NULL;
    g_assert_null (vf_plugin_load (path, &error));
    g_clear_error (&error);
  }
}

static void
refuses_a_bad_file_name (Fixture *fixture, gconstpointer data)
{
  g_autofree char *upper = fixture_install (fixture, "toy", "vmforge-Toy_1.so");
  g_autofree char *other = fixture_install (fixture, "toy", "toy.so");
  assert_refused (upper, "has a bad plugin name 'Toy_1'");
  assert_refused (other, "is not named vmforge-NAME.so");
}

static void
refuses_what_others_can_write (Fixture *fixture, gconstpointer data)
{
  if (geteuid () != 0) {
    g_test_skip ("only root minds");
    return;
  }
  g_autofree char *path = fixture_install (fixture, "toy", "vmforge-toy.so");
  g_assert_cmpint (g_chmod (path, 0775), ==, 0);
  assert_refused (path, "is writable by others (mode 0775)");
}

static void
refuses_what_a_link_to_another_user_leads_to (Fixture *fixture, gconstpointer data)
{
  if (geteuid () != 0) {
    g_test_skip ("only root minds");
    return;
  }
  g_autofree char *path = fixture_install (fixture, "toy", "theirs");
  g_autofree char *link = g_build_filename (fixture->folder, "vmforge-toy.so", NULL);
  g_assert_cmpint (chown (path, 65534, 65534), ==, 0);
  g_assert_cmpint (symlink (path, link), ==, 0);
  assert_refused (link, "is owned by user 65534");
}

static void
lists_what_it_finds_and_runs_no_code_of_it (Fixture *fixture, gconstpointer data)
{
  g_free (fixture_install (fixture, "toy", "vmforge-toy.so"));
  g_free (fixture_install (fixture, "missing-member", "vmforge-missing-member.so"));
  g_free (fixture_write (fixture, "vmforge-abc.so", "text", 4));
  g_autoptr (GPtrArray) plugins = vf_plugin_scan ();
  g_assert_cmpuint (plugins->len, ==, 3);
  const VfPlugin *abc = plugins->pdata[0], *missing = plugins->pdata[1], *toy = plugins->pdata[2];
  g_assert_cmpstr (abc->name, ==, "abc");
  g_assert_error (abc->error, VMFORGE_ERROR, VMFORGE_ERROR_ENVIRONMENT);
  g_assert_no_error (toy->error);
  g_assert_cmpint (toy->kind, ==, VMFORGE_PLUGIN_STORAGE);
  g_assert_null (toy->descriptor);
  /* What only its own code can tell is found out when it is loaded. */
  g_assert_no_error (missing->error);
  g_assert_null (vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "missing-member", NULL));
  g_assert_error (missing->error, VMFORGE_ERROR, VMFORGE_ERROR_ENVIRONMENT);
  g_assert_cmpint (missing->kind, ==, 0);
  g_assert_nonnull (vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "toy", NULL));
  g_assert_cmpstr (toy->descriptor->description, ==, "a toy for tests");
}

static void
the_first_of_two_with_one_name_wins (Fixture *fixture, gconstpointer data)
{
  g_autofree char *second = g_build_filename (fixture->folder, "second", NULL);
  g_autofree char *path = g_strdup_printf ("%s:%s", fixture->folder, second);
  g_assert_cmpint (g_mkdir (second, 0755), ==, 0);
  g_setenv ("VMFORGE_PLUGIN_PATH", path, TRUE);
  g_autofree char *first = fixture_install (fixture, "toy", "vmforge-toy.so");
  g_free (fixture_install (fixture, "toy", "second/vmforge-toy.so"));
  g_autoptr (GPtrArray) plugins = vf_plugin_scan ();
  g_assert_cmpuint (plugins->len, ==, 2);
  const VfPlugin *winner = plugins->pdata[0], *loser = plugins->pdata[1];
  g_assert_cmpstr (winner->path, ==, first);
  g_assert_no_error (winner->error);
  g_assert_nonnull (strstr (loser->error->message, "has the name of"));
  g_assert_nonnull (strstr (loser->error->message, first));
}

static void
one_file_under_two_paths_is_no_duplicate (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_strdup_printf ("%s:%s/.", fixture->folder, fixture->folder);
  g_setenv ("VMFORGE_PLUGIN_PATH", path, TRUE);
  g_free (fixture_install (fixture, "toy", "vmforge-toy.so"));
  g_autoptr (GPtrArray) plugins = vf_plugin_scan ();
  g_assert_cmpuint (plugins->len, ==, 1);
}

static void
two_plugins_are_not_taken_for_one (Fixture *fixture, gconstpointer data)
{
  g_free (fixture_install (fixture, "older", "vmforge-older.so"));
  g_free (fixture_install (fixture, "larger", "vmforge-larger.so"));
  GError *error = NULL;
  const VfPlugin *older = vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "older", &error);
  g_assert_no_error (error);
  const VfPlugin *larger = vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "larger", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (older->descriptor->name, ==, "older");
  g_assert_cmpstr (larger->descriptor->name, ==, "larger");
}

static void
members_beyond_an_older_table_are_absent (Fixture *fixture, gconstpointer data)
{
  g_free (fixture_install (fixture, "older", "vmforge-older.so"));
  const VfPlugin *older = vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "older", NULL);
  g_assert_nonnull (older->descriptor->storage->list);
  g_assert_null (older->descriptor->storage->extents);
  g_assert_null (older->descriptor->storage->deactivate);
}

static void
an_unknown_name_gets_a_suggestion (Fixture *fixture, gconstpointer data)
{
  g_free (fixture_install (fixture, "toy-package", "vmforge-toy-package.so"));
  GError *error = NULL;
  g_assert_null (vf_plugin_find (VMFORGE_PLUGIN_PACKAGE, "toy-pakage", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_SPEC,
                        "no package plugin 'toy-pakage' (did you mean 'toy-package'?)");
  g_assert_null (vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "toy-package", &error));
  fixture_assert_error (&error, VMFORGE_ERROR_SPEC, "is a package plugin, not a storage plugin");
}

static void
parameters_are_checked_and_normalised (Fixture *fixture, gconstpointer data)
{
  g_free (fixture_install (fixture, "toy", "vmforge-toy.so"));
  GError *error = NULL;
  const VfPlugin *toy = vf_plugin_find (VMFORGE_PLUGIN_STORAGE, "toy", &error);
  g_assert_no_error (error);
  g_auto (GStrv) words = NULL;
  g_assert_true (vf_plugin_parse_parameters (toy, "toy:bytes=2KiB,yes=on,where=/a//b/", &words, &error));
  g_autofree char *joined = g_strjoinv ("|", words);
  g_assert_cmpstr (joined, ==, "bytes|2048|yes|true|where|/a/b");

  static const char *const bad[][2] = {
      {"toy:byte=1", "has no parameter 'byte' (did you mean 'bytes'?)"},
      {"toy:bytes=many", "must be a size"},
      {"toy:yes=maybe", "must be true or false"},
      {"toy:where=here", "must be an absolute path"},
      {"toy:bytes=1,bytes=2", "is given twice"},
      {"toy:bytes", "of the form key=value"},
  };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    char **none = NULL;
    g_assert_false (vf_plugin_parse_parameters (toy, bad[i][0], &none, &error));
    g_assert_null (none);
    fixture_assert_error (&error, VMFORGE_ERROR_SPEC, bad[i][1]);
  }
}

#define ADD(function)                                                                                        \
  g_test_add ("/plugin/loader/" #function, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++) {
    g_autofree char *path = g_strdup_printf ("/plugin/loader/refuses/%s", refusals[i].name);
    g_test_add (path, Fixture, &refusals[i], fixture_set_up, refuses_a_bad_plugin, fixture_tear_down);
  }
  ADD (refuses_what_is_no_elf_file);
  ADD (refuses_another_architecture);
  ADD (refuses_an_object_file);
  ADD (survives_damaged_files);
  ADD (refuses_a_bad_file_name);
  ADD (refuses_what_others_can_write);
  ADD (refuses_what_a_link_to_another_user_leads_to);
  ADD (lists_what_it_finds_and_runs_no_code_of_it);
  ADD (the_first_of_two_with_one_name_wins);
  ADD (one_file_under_two_paths_is_no_duplicate);
  ADD (two_plugins_are_not_taken_for_one);
  ADD (members_beyond_an_older_table_are_absent);
  ADD (an_unknown_name_gets_a_suggestion);
  ADD (parameters_are_checked_and_normalised);
  return g_test_run ();
}
