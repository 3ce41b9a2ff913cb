/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/fs.h"

#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* Between two looks at the cancellable. */
#define STEP_BYTES (16 * 1024 * 1024)

/* For filesystems without copy_file_range between them. */
static gboolean
copy_by_hand (int from, int to, off_t offset, gsize length, GError **error)
{
  char buffer[65536];
  while (length > 0) {
    ssize_t got = pread (from, buffer, MIN (length, sizeof buffer), offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return vf_error_set_errno (error, "cannot read");
    if (got == 0)
      return TRUE;
    for (ssize_t done = 0; done < got;) {
      ssize_t put = pwrite (to, buffer + done, (gsize)(got - done), offset + done);
      if (put < 0 && errno != EINTR)
        return vf_error_set_errno (error, "cannot write");
      done += MAX (put, 0);
    }
    offset += got;
    length -= (gsize)got;
  }
  return TRUE;
}

gboolean
vf_fs_copy_range (int from, int to, off_t start, off_t end, GCancellable *cancellable, GError **error)
{
  while (start < end) {
    if (vf_error_set_if_cancelled (cancellable, error))
      return FALSE;
    off_t in = start, out = start;
    gsize step = (gsize)MIN (end - start, STEP_BYTES);
    ssize_t got = copy_file_range (from, &in, to, &out, step, 0);
    if (got < 0 && errno != EINTR) {
      if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS && errno != EBADF)
        return vf_error_set_errno (error, "cannot copy");
      if (!copy_by_hand (from, to, start, step, error))
        return FALSE;
      got = (ssize_t)step;
    }
    if (got == 0)
      break; /* the source became shorter */
    start += MAX (got, 0);
  }
  return TRUE;
}

gboolean
vf_fs_copy_data (int from, int to, GCancellable *cancellable, GError **error)
{
  struct stat st;
  /* Bytes that the target had would show through the holes, and behind the end of a clone. */
  if (fstat (to, &st) == 0 && S_ISREG (st.st_mode) && st.st_size > 0 && ftruncate (to, 0) < 0)
    return vf_error_set_errno (error, "cannot empty the copy");
  if (ioctl (to, FICLONE, from) == 0)
    return TRUE;
  if (fstat (from, &st) < 0)
    return vf_error_set_errno (error, "cannot look at the source");
  off_t size = lseek (from, 0, SEEK_END); /* a block device has no st_size */
  if (size < 0 || (S_ISREG (st.st_mode) && ftruncate (to, size) < 0))
    return vf_error_set_errno (error, "cannot set the size of the copy");
  for (off_t start = 0; start < size;) {
    off_t data = lseek (from, start, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
      break; /* a hole up to the end */
    off_t end = data < 0 ? size : lseek (from, data, SEEK_HOLE);
    if (data < 0)
      data = start; /* no holes known here: all of it */
    if (!vf_fs_copy_range (from, to, data, end < 0 ? size : end, cancellable, error))
      return FALSE;
    start = end < 0 ? size : end;
  }
  return TRUE;
}
