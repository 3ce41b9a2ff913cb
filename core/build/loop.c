/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/loop.h"

#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

/* Another process may take a free device between our two questions to the kernel. */
#define ATTEMPTS 64
/* 30 s: a slow disk may have much to write back. */
#define UNMOUNT_ATTEMPTS 15000
#define UNMOUNT_PAUSE    2000 /* microseconds */

static int
configure (int device, int backing, guint64 offset, guint64 length)
{
  struct loop_config config = {
      .fd = backing,
      .info = {.lo_offset = offset, .lo_sizelimit = length, .lo_flags = LO_FLAGS_AUTOCLEAR},
  };
  return ioctl (device, LOOP_CONFIGURE, &config);
}

/* One try with a device that is free now. NULL without error: taken meanwhile. */
static VfLoop *
try_free_device (int control, int backing, guint64 offset, guint64 length, GError **error)
{
  int number = ioctl (control, LOOP_CTL_GET_FREE);
  if (number < 0) {
    vf_error_set_errno (error, "cannot get a free loop device");
    return NULL;
  }
  g_autofree char *path = g_strdup_printf ("/dev/loop%d", number);
  vf_autofd int fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    vf_error_set_errno (error, "cannot open '%s'", path);
    return NULL;
  }
  if (configure (fd, backing, offset, length) != 0) {
    if (errno != EBUSY)
      vf_error_set_errno (error, "cannot set up '%s'", path);
    return NULL;
  }
  VfLoop *loop = g_new (VfLoop, 1);
  loop->path = g_steal_pointer (&path);
  loop->fd = vf_fd_steal (&fd);
  return loop;
}

/* A device is as writable as the descriptor of its file. */
static VfLoop *
attach (const char *file, int access, guint64 offset, guint64 length, GError **error)
{
  vf_autofd int backing = open (file, access | O_CLOEXEC);
  if (backing < 0) {
    vf_error_set_errno (error, "cannot open '%s'", file);
    return NULL;
  }
  vf_autofd int control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) {
    int saved = errno;
    vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                  "cannot open '/dev/loop-control': %s (load the kernel module 'loop')", g_strerror (saved));
    return NULL;
  }
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    g_autoptr (GError) local = NULL;
    VfLoop *loop = try_free_device (control, backing, offset, length, &local);
    if (loop)
      return loop;
    if (local) {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
    g_usleep (1000 * (attempt + 1));
  }
  vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                "all loop devices are busy: other programs keep taking them");
  return NULL;
}

VfLoop *
vf_loop_attach (const char *file, guint64 offset, guint64 length, GError **error)
{
  return attach (file, O_RDWR, offset, length, error);
}

VfLoop *
vf_loop_attach_read_only (const char *file, guint64 offset, guint64 length, GError **error)
{
  return attach (file, O_RDONLY, offset, length, error);
}

gboolean
vf_loop_wait_unmounted (VfLoop *loop, GError **error)
{
  for (int attempt = 0; attempt < UNMOUNT_ATTEMPTS; attempt++) {
    /* Filesystems hold their devices exclusively; we keep this one from being detached and used by others. */
    vf_autofd int fd = open (loop->path, O_RDONLY | O_EXCL | O_CLOEXEC);
    if (fd >= 0)
      return TRUE;
    if (errno != EBUSY)
      return vf_error_set_errno (error, "cannot open '%s'", loop->path);
    g_usleep (UNMOUNT_PAUSE);
  }
  return vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "'%s' is unmounted, but still in use by another process's mounts", loop->path);
}

void
vf_loop_detach (VfLoop *loop)
{
  if (!loop)
    return;
  vf_fd_clear (&loop->fd);
  g_free (loop->path);
  g_free (loop);
}
