/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/diff-tree.h"

#include "support/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STEP (256 * 1024)

/* As many bytes as there are, up to length; -1 with error. */
static gssize
read_at (int fd, guint8 *buffer, gsize length, gint64 offset, GError **error)
{
  gsize done = 0;
  while (done < length) {
    ssize_t got = pread (fd, buffer + done, length - done, offset + (gint64)done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      vf_error_set_errno (error, "cannot read");
      return -1;
    }
    if (got == 0)
      break;
    done += (gsize)got;
  }
  return (gssize)done;
}

gint64
vf_diff_content (int fd_a, int fd_b, gint64 offset, gint64 length, GCancellable *cancellable, GError **error)
{
  g_autofree guint8 *a = g_malloc (STEP), *b = g_malloc (STEP);
  posix_fadvise (fd_a, offset, 0, POSIX_FADV_SEQUENTIAL);
  posix_fadvise (fd_b, offset, 0, POSIX_FADV_SEQUENTIAL);
  while (length > 0) {
    gsize step = (gsize)MIN (length, STEP);
    gssize got_a =
        vf_error_set_if_cancelled (cancellable, error) ? -1 : read_at (fd_a, a, step, offset, error);
    gssize got_b = got_a < 0 ? -1 : read_at (fd_b, b, step, offset, error);
    if (got_b < 0)
      return -2;
    gsize both = (gsize)MIN (got_a, got_b);
    if (memcmp (a, b, both) != 0) {
      gsize at = 0;
      while (a[at] == b[at])
        at++;
      return offset + (gint64)at;
    }
    if (got_a != got_b)
      return offset + (gint64)both;
    if (both < step)
      return -1;
    offset += (gint64)both;
    length -= (gint64)both;
  }
  return -1;
}
