/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a run answers: output, status, errors. */

#include "common.h"
#include "support/error.h"

#include <string.h>

static void
test_output (void)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("printf", "a\\nb", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_process_run (process, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (vf_process_get_output (process), ==, "a\nb");
}

static void
test_added_argument (void)
{
  const char *const argv[] = {"echo", "a b", NULL};
  g_autoptr (VfProcess) process = vf_process_new (argv);
  vf_process_add_argument (process, "$HOME;");
  g_assert_true (vf_process_run (process, NULL, NULL, NULL));
  g_assert_cmpstr (vf_process_get_output (process), ==, "a b $HOME;\n");
}

static gboolean
count_down (gpointer user_data, GError **error)
{
  guint *left = user_data;
  return --*left > 0 || vf_error_set (error, VMFORGE_ERROR_NO_SPACE, "no more");
}

static void
test_tick_ends_it (void)
{
  g_autoptr (VfProcess) process = shell ("echo begun; sleep 100");
  guint left = 3;
  GError *error = NULL;
  gint64 begin = g_get_monotonic_time ();
  vf_process_set_tick (process, 20, count_down, &left);
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_NO_SPACE, "no more");
  g_assert_cmpuint (left, ==, 0);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 50 * G_USEC_PER_SEC);
}

static void
test_tick_lets_it_run (void)
{
  g_autoptr (VfProcess) process = shell ("sleep 0.3; echo done");
  guint left = 1000;
  vf_process_set_tick (process, 20, count_down, &left);
  g_assert_true (vf_process_run (process, NULL, NULL, NULL));
  g_assert_cmpstr (vf_process_get_output (process), ==, "done\n");
  g_assert_cmpuint (left, <, 999);
  g_assert_cmpuint (left, >, 900);
}

static void
test_failure (void)
{
  g_autoptr (VfProcess) process = shell ("echo first >&2; echo second >&2; exit 3");
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'sh' exited with status 3: first; second");
}

static void
test_failure_of_one_line (void)
{
  g_autoptr (VfProcess) process = shell ("echo no such thing >&2; exit 3");
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'sh' exited with status 3: no such thing");
}

static void
test_silent_failure (void)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("false", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  g_assert_cmpstr (error->message, ==, "'false' exited with status 1");
}

static void
test_tail (void)
{
  g_autoptr (VfProcess) process = shell ("seq 1 50 >&2");
  g_assert_true (vf_process_run (process, NULL, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (vf_process_get_error_tail (process), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 20);
  g_assert_cmpstr (lines[0], ==, "31");
  g_assert_cmpstr (lines[19], ==, "50");
}

static void
test_tail_is_text (void)
{
  g_autoptr (VfProcess) process = shell ("printf 'bad \\377 byte\\n' >&2; exit 1");
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_nonnull (strstr (error->message, "bad "));
}

static void
test_status (void)
{
  int status = -1;
  g_autoptr (VfProcess) process = shell ("exit 7");
  g_assert_true (vf_process_run (process, &status, NULL, NULL));
  g_assert_cmpint (status, ==, 7);
}

static void
test_status_of_signal (void)
{
  int status = -1;
  g_autoptr (VfProcess) process = shell ("kill -KILL $$");
  g_assert_true (vf_process_run (process, &status, NULL, NULL));
  g_assert_cmpint (status, ==, 128 + 9);
}

static void
test_signal (void)
{
  g_autoptr (VfProcess) process = shell ("kill -KILL $$");
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'sh' was ended by signal 9 (Killed)");
}

static void
test_high_status (void)
{
  g_autoptr (VfProcess) process = shell ("exit 255");
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'sh' exited with status 255");
}

static void
test_too_much (void)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("head", "-c", "70000000", "/dev/zero", NULL);
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "'head' writes more than 64 MiB");
}

static void
test_find (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = vf_process_find ("sh", &error);
  g_assert_no_error (error);
  g_assert_true (g_path_is_absolute (path));
  g_assert_true (g_str_has_suffix (path, "/sh"));
}

static void
test_find_ignores_path (void)
{
  g_autofree char *before = g_strdup (g_getenv ("PATH")), *folder = begin_folder ();
  g_autofree char *path = make_file (folder, "vmforge-only-here", "#!/bin/sh\n", 0755);
  g_setenv ("PATH", folder, TRUE);
  GError *error = NULL;
  g_assert_null (vf_process_find ("vmforge-only-here", &error));
  g_setenv ("PATH", before, TRUE);
  assert_error (error, VMFORGE_ERROR_ENVIRONMENT, "program 'vmforge-only-here' not found");
  end_folder (g_steal_pointer (&folder));
}

static void
test_absent (void)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("/absent/mcopy", "x", NULL);
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_ENVIRONMENT,
                "program '/absent/mcopy' not found: install the package 'mtools'");
}

static void
test_folder_is_no_program (void)
{
  GError *error = NULL;
  g_assert_null (vf_process_find ("/usr/bin", &error));
  assert_error (error, VMFORGE_ERROR_ENVIRONMENT, "program '/usr/bin' not found");
  error = NULL;
  g_assert_null (vf_process_find ("", &error));
  assert_error (error, VMFORGE_ERROR_ENVIRONMENT, "program '' not found");
}

static void
test_packages (void)
{
  static const char *const known[][2] = {
      {"bwrap", "bubblewrap"},    {"mmd", "mtools"},        {"mtools", "mtools"},
      {"mkfs.fat", "dosfstools"}, {"tune2fs", "e2fsprogs"}, {"xfs_growfs", "xfsprogs"},
      {"qemu-img", "qemu-utils"}, {"apt-cache", "apt"},     {"apt-helper", "apt"},
      {"dpkg-deb", "dpkg"},       {"tar", "tar"},           {"losetup", "mount"},
      {"umount", "mount"},        {"fstrim", "util-linux"}, {"qemu-system-x86_64", "qemu-system-x86"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS (known); i++) {
    g_autofree char *program = g_strdup_printf ("/absent/%s", known[i][0]);
    g_autofree char *wanted = g_strdup_printf ("install the package '%s'", known[i][1]);
    GError *error = NULL;
    g_assert_null (vf_process_find (program, &error));
    assert_error (error, VMFORGE_ERROR_ENVIRONMENT, wanted);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process/what a program writes is its output", test_output);
  g_test_add_func ("/process/arguments arrive as they are", test_added_argument);
  g_test_add_func ("/process/a failing program is an error that quotes its last lines", test_failure);
  g_test_add_func ("/process/a single last line is quoted in the same line", test_failure_of_one_line);
  g_test_add_func ("/process/a program that fails silently is named with its status", test_silent_failure);
  g_test_add_func ("/process/the error tail is the last twenty lines", test_tail);
  g_test_add_func ("/process/bytes that are no text do not spoil the error", test_tail_is_text);
  g_test_add_func ("/process/a failure is no error for who asks for the status", test_status);
  g_test_add_func ("/process/the status of a signal is 128 and its number", test_status_of_signal);
  g_test_add_func ("/process/a program ended by a signal is an error that names it", test_signal);
  g_test_add_func ("/process/an exit status above 128 is not taken for a signal", test_high_status);
  g_test_add_func ("/process/more than 64 MiB of output are an error", test_too_much);
  g_test_add_func ("/process/a tick that fails ends the program, with its error", test_tick_ends_it);
  g_test_add_func ("/process/a tick that is content lets it run", test_tick_lets_it_run);
  g_test_add_func ("/process/a program is found in the system folders", test_find);
  g_test_add_func ("/process/our own PATH does not matter", test_find_ignores_path);
  g_test_add_func ("/process/an absent program is an error that names the package", test_absent);
  g_test_add_func ("/process/a folder is no program", test_folder_is_no_program);
  g_test_add_func ("/process/the packages of the programs we use are known", test_packages);
  return g_test_run ();
}
