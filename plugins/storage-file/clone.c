/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Whether a filesystem clones files by reference. */
#include "storage-file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static bool
is_unsupported (int number)
{
  return number == EOPNOTSUPP || number == ENOTTY || number == EINVAL || number == EXDEV || number == ENOSYS;
}

int
clone_probe (call_t *call, int folder_fd, const char *folder)
{
  static const char block[4096] = "vmforge tries whether this filesystem clones files";
  autofd int from = openat (folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (from < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
    return 0;
  autofd int to = from < 0 ? -1 : openat (folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (to < 0 || write (from, block, sizeof block) != sizeof block)
    return fail_errno (call, folder, "cannot write to '%s'", folder);
  if (ioctl (to, FICLONE, from) == 0)
    return 1;
  return is_unsupported (errno) ? 0 : fail_errno (call, folder, "cannot clone a file in '%s'", folder);
}
