/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Copies of volumes: by reference where the filesystem can, else of the data alone. */
#include "storage-file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define COPY_STEP ((size_t)32 << 20)

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

static int
copy_range (struct store *store, call_t *call, int from, int to, uint64_t offset, uint64_t end, uint64_t size)
{
  off64_t in = (off64_t)offset, out = in;
  while ((uint64_t)in < end) {
    if (call->host->cancelled (call))
      return -1;
    uint64_t left = end - (uint64_t)in;
    ssize_t n = copy_file_range (from, &in, to, &out, left < COPY_STEP ? (size_t)left : COPY_STEP, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      errno = n == 0 ? EIO : errno;
      return fail_errno (call, store->base, "cannot copy a volume in '%s'", store->base);
    }
    call->host->progress (call, (double)in / (double)size, "copying the parent");
  }
  return 0;
}

static int
copy_data (struct store *store, call_t *call, int from, int to, uint64_t size)
{
  if (ftruncate (to, (off_t)size) < 0)
    return fail_errno (call, store->base, "cannot make a file in '%s'", store->base);
  for (uint64_t offset = 0, end; offset < size; offset = end) {
    bool data;
    if (next_range (from, offset, size, &end, &data) < 0)
      return fail_errno (call, store->base, "cannot read a volume in '%s'", store->base);
    if (data && copy_range (store, call, from, to, offset, end, size) < 0)
      return -1;
  }
  return 0;
}

int
clone_content (struct store *store, call_t *call, int from, int to, uint64_t bytes)
{
  if (store->place == PLACE_COPY)
    return copy_data (store, call, from, to, bytes);
  if (ioctl (to, FICLONE, from) < 0)
    return fail_errno (call, store->base, "cannot clone a volume in '%s/%s'", store->base, store->folder);
  return 0;
}
