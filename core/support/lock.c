/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/lock.h"

#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

/* So often a lock is asked for until its holder counts as unknown: about 150 ms. */
#define PATIENCE 4

struct _VfLock {
  int fd;
};

static VfLock *
lock_new (int *fd, VfLockMode mode)
{
  if (mode == VF_LOCK_EXCLUSIVE) {
    char text[32];
    int length = g_snprintf (text, sizeof text, "%-10d\n", (int)getpid ());
    /* Who holds it is told to those who wait; a lock works without. Always of one length and written at once,
     * so that they never read a half. */
    if (pwrite (*fd, text, (size_t)length, 0) < 0)
      g_debug ("cannot write the holder of a lock: %s", g_strerror (errno));
  }
  VfLock *lock = g_new0 (VfLock, 1);
  lock->fd = vf_fd_steal (fd);
  return lock;
}

static int
open_lock (int dirfd, const char *path, GError **error)
{
  int fd = openat (dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0)
    vf_error_set_errno (error, "cannot open the lock '%s'", path);
  return fd;
}

/* 1 taken, 0 held by another, -1 failed. */
static int
try_once (int fd, const char *path, VfLockMode mode, GError **error)
{
  int operation = (mode == VF_LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (flock (fd, operation) < 0) {
    if (errno == EWOULDBLOCK)
      return 0;
    if (errno != EINTR) {
      vf_error_set_errno (error, "cannot lock '%s'", path);
      return -1;
    }
  }
  return 1;
}

static pid_t
read_holder (int fd)
{
  char text[32] = "";
  ssize_t length = pread (fd, text, sizeof text - 1, 0);
  return length <= 0 ? 0 : (pid_t)g_ascii_strtoll (text, NULL, 10);
}

VfLock *
vf_lock_acquire (int dirfd, const char *path, VfLockMode mode, VfLockWaitFunc func, gpointer user_data,
                 GCancellable *cancellable, GError **error)
{
  vf_autofd int fd = open_lock (dirfd, path, error);
  if (fd < 0)
    return NULL;
  gboolean told = func == NULL;
  guint asked = 0;
  /* flock() that blocks cannot be cancelled without signals, so this asks again, ever more slowly. By the
   * second time the holder has written who it is, if it ever does. */
  for (gulong pause = 10000;; pause = MIN (pause * 2, 100000)) {
    int taken = try_once (fd, path, mode, error);
    if (taken != 0)
      return taken < 0 ? NULL : lock_new (&fd, mode);
    if (vf_error_set_if_cancelled (cancellable, error))
      return NULL;
    pid_t holder = told || asked == 0 ? 0 : read_holder (fd);
    if (!told && (holder != 0 || asked == PATIENCE)) {
      func (holder, user_data);
      told = TRUE;
    }
    asked++;
    g_usleep (pause);
  }
}

VfLock *
vf_lock_try (int dirfd, const char *path, VfLockMode mode, GError **error)
{
  vf_autofd int fd = open_lock (dirfd, path, error);
  if (fd < 0 || try_once (fd, path, mode, error) != 1)
    return NULL;
  return lock_new (&fd, mode);
}

gboolean
vf_lock_is_at (const VfLock *lock, int dirfd, const char *path)
{
  struct stat held, there;
  return fstat (lock->fd, &held) == 0 && fstatat (dirfd, path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

int
vf_lock_get_fd (const VfLock *lock)
{
  return lock->fd;
}

void
vf_lock_release (VfLock *lock)
{
  if (lock == NULL)
    return;
  vf_fd_clear (&lock->fd);
  g_free (lock);
}
