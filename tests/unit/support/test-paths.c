/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The file beside the program is read once and found by the program's own place: each test runs a copy of
 * this program, which prints what it found, in a folder of its own. */

#include "support/paths.h"

#include "common.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF                                                                                                 \
  "plugin_dir=/b/one\nplugin_dir=/b/two\n\nnonsense\nunknown=/x\nprofile_dir=/s/profiles\nworker=/b/"        \
  "worker\n"

static int
print_paths (void)
{
  for (const char *const *dir = vf_paths_plugin_dirs (); *dir != NULL; dir++)
    printf ("plugins %s\n", *dir);
  for (const char *const *dir = vf_paths_profile_dirs (); *dir != NULL; dir++)
    printf ("profiles %s\n", *dir);
  printf ("worker %s\n", vf_paths_worker ());
  return 0;
}

typedef struct {
  char *path, *program;
  char **lines;
} Copy;

static void
set_up (Copy *copy, gconstpointer data)
{
  g_autofree char *self = NULL;
  gsize length;
  copy->path = begin_folder ();
  copy->program = g_build_filename (copy->path, "program", NULL);
  g_assert_true (g_file_get_contents ("/proc/self/exe", &self, &length, NULL));
  g_assert_true (g_file_set_contents (copy->program, self, (gssize)length, NULL));
  g_assert_cmpint (chmod (copy->program, 0755), ==, 0);
}

static void
tear_down (Copy *copy, gconstpointer data)
{
  g_strfreev (copy->lines);
  g_free (copy->program);
  end_folder (copy->path);
}

static void
run (Copy *copy)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfProcess) process = vf_process_new_args (copy->program, "--print", NULL);
  vf_process_run (process, NULL, NULL, &error);
  g_assert_no_error (error);
  copy->lines = g_strsplit (vf_process_get_output (process), "\n", -1);
}

static void
assert_compiled_in (Copy *copy)
{
  run (copy);
  g_assert_cmpuint (g_strv_length (copy->lines), ==, 5);
  g_assert_true (g_str_has_prefix (copy->lines[0], "plugins /"));
  g_assert_true (g_str_has_suffix (copy->lines[1], "/vmforge/profiles.d"));
  g_assert_true (g_str_has_suffix (copy->lines[2], "/vmforge/profiles"));
  g_assert_true (g_str_has_suffix (copy->lines[3], "/vmforge/vmforge-worker"));
}

static void
test_compiled_in (Copy *copy, gconstpointer data)
{
  assert_compiled_in (copy);
}

static void
test_conf (Copy *copy, gconstpointer data)
{
  g_autofree char *conf = make_file (copy->path, "vmforge-tree.conf", CONF, 0644);
  run (copy);
  g_assert_cmpstr (copy->lines[0], ==, "plugins /b/one");
  g_assert_cmpstr (copy->lines[1], ==, "plugins /b/two");
  g_assert_true (g_str_has_suffix (copy->lines[2], "/vmforge/profiles.d"));
  g_assert_cmpstr (copy->lines[3], ==, "profiles /s/profiles");
  g_assert_cmpstr (copy->lines[4], ==, "worker /b/worker");
}

static void
test_part (Copy *copy, gconstpointer data)
{
  g_autofree char *conf = make_file (copy->path, "vmforge-tree.conf", "worker=/b/worker\n", 0644);
  run (copy);
  g_assert_true (g_str_has_suffix (copy->lines[2], "/vmforge/profiles"));
  g_assert_cmpstr (copy->lines[3], ==, "worker /b/worker");
}

static void
test_writable (Copy *copy, gconstpointer data)
{
  g_autofree char *conf = make_file (copy->path, "vmforge-tree.conf", CONF, 0646);
  assert_compiled_in (copy);
}

static void
test_foreign (Copy *copy, gconstpointer data)
{
  g_autofree char *conf = make_file (copy->path, "vmforge-tree.conf", CONF, 0644);
  if (chown (conf, 65533, (gid_t)-1) < 0) {
    g_test_skip ("only root can give a file away");
    return;
  }
  assert_compiled_in (copy);
}

static void
test_link (Copy *copy, gconstpointer data)
{
  g_autofree char *other = make_file (copy->path, "other.conf", CONF, 0644);
  g_autofree char *conf = g_build_filename (copy->path, "vmforge-tree.conf", NULL);
  g_assert_cmpint (symlink (other, conf), ==, 0);
  assert_compiled_in (copy);
}

static void
test_below (Copy *copy, gconstpointer data)
{
  g_autofree char *conf = make_file (copy->path, "vmforge-tree.conf", CONF, 0644);
  g_autofree char *folder = g_build_filename (copy->path, "sub", NULL),
                  *moved = g_build_filename (folder, "p", NULL);
  g_assert_cmpint (mkdir (folder, 0755), ==, 0);
  g_assert_cmpint (rename (copy->program, moved), ==, 0);
  g_free (copy->program);
  copy->program = g_steal_pointer (&moved);
  assert_compiled_in (copy);
}

static void
test_config_file (Copy *copy, gconstpointer data)
{
  g_assert_true (g_path_is_absolute (vf_paths_config_file ()));
  g_assert_true (g_str_has_suffix (vf_paths_config_file (), "/vmforge/vmforge.yaml"));
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*func) (Copy *, gconstpointer);
  } tests[] = {
      {"/paths/an installed program uses what was compiled in", test_compiled_in},
      {"/paths/the file beside the program is used", test_conf},
      {"/paths/what the file does not say is compiled in", test_part},
      {"/paths/a file that others can write is ignored", test_writable},
      {"/paths/a file of another user is ignored", test_foreign},
      {"/paths/a symbolic link is ignored", test_link},
      {"/paths/a file above the program's folder is ignored", test_below},
      {"/paths/the configuration lies in its folder", test_config_file},
  };
  if (argc == 2 && strcmp (argv[1], "--print") == 0)
    return print_paths ();
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].name, Copy, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
