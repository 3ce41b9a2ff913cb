/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The pool's loop device. Two of them over one file would corrupt it: what is attached is found and shared.
 */
#include "storage-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* XFS is made with sectors of this size: direct I/O on the pool file then works on disks of any kind. */
#define BLOCK_SIZE 4096
#define ATTEMPTS   64

/* Whether the kernel says that loopN is on a file of this name: others' devices are better not opened, as
 * that delays their end. */
static bool
name_fits (const char *device, const char *image_name)
{
  char path[300], backing[VMFORGE_PATH_MAX + 16];
  snprintf (path, sizeof path, "/sys/block/%.200s/loop/backing_file", device);
  autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read (fd, backing, sizeof backing - 1);
  if (n <= 0)
    return false;
  backing[n] = '\0';
  const char *base = strrchr (backing, '/');
  return base && strncmp (base + 1, image_name, strlen (image_name)) == 0;
}

static bool
is_on (int loop_fd, const struct stat *image)
{
  struct loop_info64 info;
  return ioctl (loop_fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_device == image->st_dev &&
         info.lo_inode == image->st_ino && info.lo_offset == 0;
}

int
loop_find (int image_fd, const char *image_name, char path[64])
{
  struct stat image;
  DIR *folder = opendir ("/sys/block");
  int found = -1;
  if (!folder || fstat (image_fd, &image) < 0) {
    if (folder)
      closedir (folder);
    return -1;
  }
  for (struct dirent *entry; found < 0 && (entry = readdir (folder));) {
    if (strncmp (entry->d_name, "loop", 4) != 0 || !name_fits (entry->d_name, image_name))
      continue;
    snprintf (path, 64, "/dev/%.50s", entry->d_name);
    /* Holding it keeps it attached until it is mounted. */
    found = open (path, O_RDWR | O_CLOEXEC);
    if (found >= 0 && !is_on (found, &image))
      fd_clear (&found);
  }
  closedir (folder);
  return found;
}

int
loop_attach (int image_fd, char path[64])
{
  struct loop_config config = {.fd = (uint32_t)image_fd, .block_size = BLOCK_SIZE};
  /* Autoclear: unmounting the pool frees the device. Direct I/O: the pool's own page cache is enough. */
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  snprintf ((char *)config.info.lo_file_name, sizeof config.info.lo_file_name, "vmforge pool");
  autofd int control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0)
    return -1;
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    int number = ioctl (control, LOOP_CTL_GET_FREE);
    if (number < 0)
      return -1;
    snprintf (path, 64, "/dev/loop%d", number);
    autofd int fd = open (path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
      return -1;
    if (ioctl (fd, LOOP_CONFIGURE, &config) == 0)
      return fd_steal (&fd);
    /* Another program took this one between the two calls. */
    if (errno != EBUSY)
      return -1;
  }
  errno = EBUSY;
  return -1;
}

int
loop_resize (int loop_fd)
{
  return ioctl (loop_fd, LOOP_SET_CAPACITY, 0);
}
