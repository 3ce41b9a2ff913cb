/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/lock.h"

#include "common.h"
#include "support/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

typedef struct {
  char *path;
  int fd;
  GCancellable *cancellable;
  VfLock *held; /* released once somebody waits */
  int n_waits;
  pid_t holder;
} Folder;

static void
set_up (Folder *folder, gconstpointer data)
{
  folder->path = begin_folder ();
  folder->fd = open (folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  folder->cancellable = g_cancellable_new ();
  folder->holder = -1;
}

static void
tear_down (Folder *folder, gconstpointer data)
{
  vf_fd_clear (&folder->fd);
  end_folder (folder->path);
  g_object_unref (folder->cancellable);
}

static VfLock *
try_lock (Folder *folder, VfLockMode mode)
{
  g_autoptr (GError) error = NULL;
  VfLock *lock = vf_lock_try (folder->fd, "lock", mode, &error);
  g_assert_no_error (error);
  return lock;
}

static void
on_wait (pid_t holder, gpointer user_data)
{
  Folder *folder = user_data;
  folder->n_waits++;
  folder->holder = holder;
  g_clear_pointer (&folder->held, vf_lock_release);
}

static VfLock *
acquire (Folder *folder, VfLockMode mode)
{
  g_autoptr (GError) error = NULL;
  VfLock *lock = vf_lock_acquire (folder->fd, "lock", mode, on_wait, folder, NULL, &error);
  g_assert_no_error (error);
  return lock;
}

static void
test_exclusive (Folder *folder, gconstpointer data)
{
  g_autoptr (VfLock) lock = try_lock (folder, VF_LOCK_EXCLUSIVE);
  g_assert_nonnull (lock);
  g_assert_null (try_lock (folder, VF_LOCK_EXCLUSIVE));
  g_assert_null (try_lock (folder, VF_LOCK_SHARED));
}

static void
test_shared (Folder *folder, gconstpointer data)
{
  g_autoptr (VfLock) a = try_lock (folder, VF_LOCK_SHARED), b = try_lock (folder, VF_LOCK_SHARED);
  g_assert_nonnull (a);
  g_assert_nonnull (b);
  g_assert_null (try_lock (folder, VF_LOCK_EXCLUSIVE));
}

static void
test_release (Folder *folder, gconstpointer data)
{
  vf_lock_release (try_lock (folder, VF_LOCK_EXCLUSIVE));
  g_autoptr (VfLock) lock = try_lock (folder, VF_LOCK_EXCLUSIVE);
  g_assert_nonnull (lock);
}

static void
test_descriptor (Folder *folder, gconstpointer data)
{
  g_autoptr (VfLock) lock = try_lock (folder, VF_LOCK_EXCLUSIVE);
  g_assert_cmpint (fcntl (vf_lock_get_fd (lock), F_GETFD), ==, FD_CLOEXEC);
}

static void
test_handed_on (Folder *folder, gconstpointer data)
{
  VfLock *lock = try_lock (folder, VF_LOCK_EXCLUSIVE);
  vf_autofd int worker = fcntl (vf_lock_get_fd (lock), F_DUPFD_CLOEXEC, 3);
  vf_lock_release (lock);
  g_assert_null (try_lock (folder, VF_LOCK_EXCLUSIVE));
  vf_fd_clear (&worker);
  g_autoptr (VfLock) again = try_lock (folder, VF_LOCK_EXCLUSIVE);
  g_assert_nonnull (again);
}

static void
test_free_lock (Folder *folder, gconstpointer data)
{
  g_autoptr (VfLock) lock = acquire (folder, VF_LOCK_EXCLUSIVE);
  g_assert_nonnull (lock);
  g_assert_cmpint (folder->n_waits, ==, 0);
}

static void
test_wait (Folder *folder, gconstpointer data)
{
  folder->held = try_lock (folder, VF_LOCK_EXCLUSIVE);
  g_autoptr (VfLock) lock = acquire (folder, VF_LOCK_EXCLUSIVE);
  g_assert_nonnull (lock);
  g_assert_cmpint (folder->n_waits, ==, 1);
  g_assert_cmpint (folder->holder, ==, getpid ());
}

static void
test_unknown_holder (Folder *folder, gconstpointer data)
{
  folder->held = try_lock (folder, VF_LOCK_SHARED); /* those do not say who they are */
  g_autoptr (VfLock) lock = acquire (folder, VF_LOCK_EXCLUSIVE);
  g_assert_nonnull (lock);
  g_assert_cmpint (folder->n_waits, ==, 1);
  g_assert_cmpint (folder->holder, ==, 0);
}

static gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (200000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancelled (Folder *folder, gconstpointer data)
{
  g_autoptr (VfLock) held = try_lock (folder, VF_LOCK_EXCLUSIVE);
  GThread *thread = g_thread_new ("cancel", cancel_later, folder->cancellable);
  GError *error = NULL;
  g_assert_null (
      vf_lock_acquire (folder->fd, "lock", VF_LOCK_EXCLUSIVE, NULL, NULL, folder->cancellable, &error));
  assert_error (error, VMFORGE_ERROR_CANCELLED, "");
  g_thread_join (thread);
}

static void
test_killed_holder (Folder *folder, gconstpointer data)
{
  int ends[2];
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  pid_t child = fork ();
  if (child == 0) {
    VfLock *lock = vf_lock_try (folder->fd, "lock", VF_LOCK_EXCLUSIVE, NULL);
    if (write (ends[1], lock == NULL ? "n" : "y", 1) == 1)
      pause ();
    _exit (0);
  }
  char answer = 0;
  g_assert_cmpint (read (ends[0], &answer, 1), ==, 1);
  g_assert_cmpint (answer, ==, 'y');
  g_assert_null (try_lock (folder, VF_LOCK_EXCLUSIVE));
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  g_autoptr (VfLock) lock = try_lock (folder, VF_LOCK_EXCLUSIVE);
  g_assert_nonnull (lock);
  close (ends[0]);
  close (ends[1]);
}

static gpointer
release_later (gpointer lock)
{
  g_usleep (300000);
  vf_lock_release (lock);
  return NULL;
}

static void
on_alarm (int number)
{
}

static void
test_interrupted (Folder *folder, gconstpointer data)
{
  struct sigaction action = {.sa_handler = on_alarm}, ignore = {.sa_handler = SIG_IGN};
  struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
  VfLock *held = try_lock (folder, VF_LOCK_EXCLUSIVE);
  sigaction (SIGALRM, &action, NULL);
  setitimer (ITIMER_REAL, &often, NULL);
  GThread *thread = g_thread_new ("release", release_later, held);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLock) lock = vf_lock_acquire (folder->fd, "lock", VF_LOCK_EXCLUSIVE, NULL, NULL, NULL, &error);
  setitimer (ITIMER_REAL, &never, NULL);
  sigaction (SIGALRM, &ignore, NULL); /* one that is under way would end us, as valgrind delivers them late */
  g_thread_join (thread);
  g_assert_no_error (error);
  g_assert_nonnull (lock);
}

static void
test_symlink (Folder *folder, gconstpointer data)
{
  g_assert_cmpint (symlinkat ("elsewhere", folder->fd, "lock"), ==, 0);
  GError *error = NULL;
  g_assert_null (vf_lock_try (folder->fd, "lock", VF_LOCK_EXCLUSIVE, &error));
  assert_error (error, VMFORGE_ERROR_FAILED, "cannot open the lock 'lock'");
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*func) (Folder *, gconstpointer);
  } tests[] = {
      {"/lock/one that is exclusive keeps all others out", test_exclusive},
      {"/lock/one that is shared keeps out only the exclusive", test_shared},
      {"/lock/a released lock can be taken again", test_release},
      {"/lock/the descriptor is not inherited by accident", test_descriptor},
      {"/lock/a descriptor that was handed on still holds it", test_handed_on},
      {"/lock/a free lock is taken without a word", test_free_lock},
      {"/lock/who waits is told once who holds it", test_wait},
      {"/lock/one who waits is told so even where the holder is unknown", test_unknown_holder},
      {"/lock/waiting can be cancelled", test_cancelled},
      {"/lock/a lock ends with a holder that was killed", test_killed_holder},
      {"/lock/signals do not end the waiting", test_interrupted},
      {"/lock/a symbolic link is no lock", test_symlink},
  };
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].name, Folder, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
