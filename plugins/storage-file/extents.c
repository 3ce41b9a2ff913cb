/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "storage-file.h"

#include <fcntl.h>

int
next_range (int fd, uint64_t offset, uint64_t size, uint64_t *end, bool *data)
{
  off_t start = lseek (fd, (off_t)offset, SEEK_DATA);
  if (start < 0 && errno != ENXIO)
    return -1;
  *data = start == (off_t)offset;
  if (start < 0)
    start = (off_t)size; /* a hole to the end */
  if (*data && (start = lseek (fd, (off_t)offset, SEEK_HOLE)) < 0)
    return -1;
  *end = (uint64_t)start < size ? (uint64_t)start : size;
  if (*end <= offset) {
    errno = EIO;
    return -1;
  }
  return 0;
}
