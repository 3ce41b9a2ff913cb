/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a child begins with: environment, folder, descriptors, signals, group. */

#include "common.h"

#include "support/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void
run (VfProcess *process)
{
  g_autoptr (GError) error = NULL;
  vf_process_run (process, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
clear_inherited (void)
{
  static const char *const names[] = {
      "http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY",
      "FTP_PROXY",  "NO_PROXY",    "ALL_PROXY", "HOME",     "TERM",      "SECRET",     "SOURCE_DATE_EPOCH"};
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    g_unsetenv (names[i]);
}

static void
assert_environment (VfProcess *process, const char *const *wanted)
{
  run (process);
  g_auto (GStrv) lines = g_strsplit (vf_process_get_output (process), "\n", -1);
  for (guint i = 0; wanted[i] != NULL; i++)
    g_assert_true (g_strv_contains ((const char *const *)lines, wanted[i]));
  /* And the empty one after the last newline. */
  g_assert_cmpuint (g_strv_length (lines), ==, g_strv_length ((char **)wanted) + 1);
}

static void
test_minimal_environment (void)
{
  clear_inherited ();
  g_setenv ("SECRET", "x", TRUE);
  g_setenv ("TERM", "xterm", TRUE);
  g_autoptr (VfProcess) process = vf_process_new_args ("env", NULL);
  const char *const wanted[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/root", NULL};
  assert_environment (process, wanted);
}

static void
test_inherited_environment (void)
{
  clear_inherited ();
  g_setenv ("HOME", "/home/me", TRUE);
  g_setenv ("https_proxy", "http://proxy:1", TRUE);
  g_setenv ("NO_PROXY", "local", TRUE);
  g_setenv ("SOURCE_DATE_EPOCH", "1", TRUE);
  g_autoptr (VfProcess) process = vf_process_new_args ("env", NULL);
  const char *const wanted[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                "LC_ALL=C.UTF-8",
                                "TZ=UTC",
                                "HOME=/home/me",
                                "https_proxy=http://proxy:1",
                                "NO_PROXY=local",
                                "SOURCE_DATE_EPOCH=1",
                                NULL};
  assert_environment (process, wanted);
  clear_inherited ();
}

static void
test_added_environment (void)
{
  clear_inherited ();
  g_autoptr (VfProcess) process = vf_process_new_args ("env", NULL);
  vf_process_add_env (process, "TZ=CET");
  vf_process_add_env (process, "TZX=1");
  const char *const wanted[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                "LC_ALL=C.UTF-8",
                                "TZ=CET",
                                "TZX=1",
                                "HOME=/root",
                                NULL};
  assert_environment (process, wanted);
}

static void
test_root_folder (void)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("pwd", NULL);
  run (process);
  g_assert_cmpstr (vf_process_get_output (process), ==, "/\n");
}

static void
test_other_folder (void)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("pwd", NULL);
  vf_process_set_cwd (process, "/usr");
  run (process);
  g_assert_cmpstr (vf_process_get_output (process), ==, "/usr\n");
}

static void
test_absent_folder (void)
{
  g_autoptr (VfProcess) process = vf_process_new_args ("pwd", NULL);
  vf_process_set_cwd (process, "/absent");
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "in the folder '/absent': No such file");
}

static void
test_unrunnable (void)
{
  char *folder = begin_folder ();
  g_autofree char *path = make_file (folder, "garbage",
                                     "\x7f"
                                     "ELF",
                                     0755);
  g_autoptr (VfProcess) process = vf_process_new_args (path, NULL);
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "/garbage': Exec format error");
  end_folder (folder);
}

/* The report of a start that failed has a descriptor of its own, whatever numbers are passed. */
static void
test_unrunnable_with_high_descriptors (void)
{
  char *folder = begin_folder ();
  g_autofree char *path = make_file (folder, "garbage",
                                     "\x7f"
                                     "ELF",
                                     0755);
  g_autoptr (VfProcess) process = vf_process_new_args (path, NULL);
  for (int number = 64; number < 70; number++)
    vf_process_pass_fd (process, 2, number);
  GError *error = NULL;
  g_assert_false (vf_process_run (process, NULL, NULL, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "Exec format error");
  end_folder (folder);
}

static int
make_memory (const char *text)
{
  int fd = memfd_create (text, MFD_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (int)strlen (text));
  return fd;
}

static void
test_passed_descriptor (void)
{
  vf_autofd int fd = make_memory ("hello");
  g_autoptr (VfProcess) process = vf_process_new_args ("cat", "/proc/self/fd/9", NULL);
  vf_process_pass_fd (process, fd, 9);
  run (process);
  g_assert_cmpstr (vf_process_get_output (process), ==, "hello");
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
}

static void
test_swapped_descriptors (void)
{
  vf_autofd int a = make_memory ("a"), b = make_memory ("b");
  g_autofree char *script = g_strdup_printf ("cat /proc/self/fd/%d; cat /proc/self/fd/%d", a, b);
  g_autoptr (VfProcess) process = shell (script);
  vf_process_pass_fd (process, a, b);
  vf_process_pass_fd (process, b, a);
  run (process);
  g_assert_cmpstr (vf_process_get_output (process), ==, "ba");
}

static void
test_nothing_else_open (void)
{
  vf_autofd int leaky = dup (2), passed = make_memory ("x");
  g_assert_cmpint (fcntl (leaky, F_GETFD), ==, 0);
  g_autoptr (VfProcess) process = vf_process_new_args ("ls", "/proc/self/fd", NULL);
  vf_process_pass_fd (process, passed, 7);
  run (process);
  /* 3 is the folder that ls reads. */
  g_assert_cmpstr (vf_process_get_output (process), ==, "0\n1\n2\n3\n7\n");
}

static void
test_signals (void)
{
  sigset_t set, before;
  sigemptyset (&set);
  sigaddset (&set, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &set, &before);
  struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
  sigaction (SIGINT, &ignore, &old);
  g_autoptr (VfProcess) process =
      vf_process_new_args ("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL);
  run (process);
  sigaction (SIGINT, &old, NULL);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  g_assert_cmpstr (vf_process_get_output (process), ==,
                   "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void
test_our_signals_stay (void)
{
  sigset_t before, after;
  pthread_sigmask (SIG_SETMASK, NULL, &before);
  g_autoptr (VfProcess) process = vf_process_new_args ("true", NULL);
  run (process);
  pthread_sigmask (SIG_SETMASK, NULL, &after);
  for (int number = 1; number < NSIG; number++)
    g_assert_cmpint (sigismember (&before, number), ==, sigismember (&after, number));
}

static void
test_own_group (void)
{
  g_autoptr (VfProcess) process =
      vf_process_new_args ("cut", "-d", " ", "-f", "1,5", "/proc/self/stat", NULL);
  run (process);
  g_auto (GStrv) numbers = g_strsplit (g_strchomp ((char *)vf_process_get_output (process)), " ", -1);
  g_assert_cmpstr (numbers[0], ==, numbers[1]);
}

static void
test_interactive_group (void)
{
  g_autofree char *script =
      g_strdup_printf ("test \"$(cut -d ' ' -f 5 /proc/$$/stat)\" = %d", (int)getpgrp ());
  g_autoptr (VfProcess) process = shell (script);
  vf_process_set_interactive (process);
  run (process);
}

static void
test_interactive_terminal (void)
{
  g_setenv ("TERM", "vt100", TRUE);
  g_autoptr (VfProcess) process = shell ("test \"$TERM\" = vt100");
  vf_process_set_interactive (process);
  run (process);
  g_unsetenv ("TERM");
}

static gboolean
tell_pid (int stream, const char *line, gpointer user_data, GError **error)
{
  pid_t pid = (pid_t)g_ascii_strtoll (line, NULL, 10);
  return write (*(int *)user_data, &pid, sizeof pid) == sizeof pid;
}

static void
test_dies_with_parent (void)
{
  int ends[2];
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  pid_t helper = fork ();
  if (helper == 0) {
    VfProcess *process = shell ("echo $$; exec sleep 300");
    vf_process_set_line_func (process, tell_pid, &ends[1]);
    vf_process_run (process, NULL, NULL, NULL);
    _exit (0);
  }
  close (ends[1]);
  pid_t child = 0;
  g_assert_cmpint (read (ends[0], &child, sizeof child), ==, sizeof child);
  close (ends[0]);
  kill (helper, SIGKILL);
  waitpid (helper, NULL, 0);
  assert_goes (child);
}

static gpointer
run_twenty (gpointer data)
{
  for (int i = 0; i < 20; i++) {
    g_autofree char *word = g_strdup_printf ("%d-%d", GPOINTER_TO_INT (data), i);
    g_autoptr (VfProcess) process = vf_process_new_args ("cat", NULL);
    vf_process_set_input (process, word);
    run (process);
    g_assert_cmpstr (vf_process_get_output (process), ==, word);
  }
  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[8];
  for (int i = 0; i < 8; i++)
    threads[i] = g_thread_new ("runner", run_twenty, GINT_TO_POINTER (i));
  for (int i = 0; i < 8; i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process/the environment is minimal", test_minimal_environment);
  g_test_add_func ("/process/proxies, HOME and SOURCE_DATE_EPOCH are inherited", test_inherited_environment);
  g_test_add_func ("/process/an added variable replaces that of the same name", test_added_environment);
  g_test_add_func ("/process/the working folder is the root", test_root_folder);
  g_test_add_func ("/process/the working folder can be another", test_other_folder);
  g_test_add_func ("/process/an absent working folder is an error that names it", test_absent_folder);
  g_test_add_func ("/process/a file that cannot be run is an error that says why", test_unrunnable);
  g_test_add_func ("/process/high descriptors do not hide that a file cannot be run",
                   test_unrunnable_with_high_descriptors);
  g_test_add_func ("/process/a passed descriptor has its number in the child", test_passed_descriptor);
  g_test_add_func ("/process/descriptors can be passed crosswise", test_swapped_descriptors);
  g_test_add_func ("/process/what was not passed is not open in the child", test_nothing_else_open);
  g_test_add_func ("/process/signals are neither blocked nor ignored in the child", test_signals);
  g_test_add_func ("/process/our own signal mask stays", test_our_signals_stay);
  g_test_add_func ("/process/a child leads a group of its own", test_own_group);
  g_test_add_func ("/process/an interactive child stays in our group", test_interactive_group);
  g_test_add_func ("/process/an interactive child knows our terminal", test_interactive_terminal);
  g_test_add_func ("/process/a child dies with its parent", test_dies_with_parent);
  g_test_add_func ("/process/threads can run programs at the same time", test_threads);
  return g_test_run ();
}
