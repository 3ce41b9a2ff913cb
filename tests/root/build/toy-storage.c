/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The least storage plugin that workers can build on: STORE/volumes/ID are sparse files, clones are copies.
 */
#include "vmforge/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct handle {
  char folder[VMFORGE_PATH_MAX - 64];
  char path[VMFORGE_PATH_MAX];
};

static int
failed (struct vmforge_call *call, const char *id)
{
  call->host->error (call, errno == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED, "volume %s: %s",
                     id, strerror (errno));
  return -1;
}

static const char *
path_of (struct handle *handle, const char *id)
{
  snprintf (handle->path, sizeof handle->path, "%s/%s", handle->folder, id);
  return handle->path;
}

static int
toy_open (struct vmforge_call *call, const struct vmforge_storage_config *config, void **result)
{
  struct handle *handle = calloc (1, sizeof *handle);
  snprintf (handle->folder, sizeof handle->folder, "%s/volumes", config->store_path);
  mkdir (handle->folder, 0755);
  *result = handle;
  return 0;
}

static void
toy_close (void *handle)
{
  free (handle);
}

static int
toy_create (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  int fd = open (path_of (handle, id), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  int result = fd < 0 ? -1 : ftruncate (fd, (off_t)bytes);
  if (fd >= 0)
    close (fd);
  return result == 0 ? 0 : failed (call, id);
}

static int
copy_data (int from, int to, off_t end)
{
  static char buffer[1 << 20];
  off_t at = 0;
  while ((at = lseek (from, at, SEEK_DATA)) >= 0 && at < end) {
    ssize_t length = pread (from, buffer, sizeof buffer, at);
    if (length <= 0 || pwrite (to, buffer, length, at) != length)
      return -1;
    at += length;
  }
  return 0;
}

static int
toy_clone (void *handle, struct vmforge_call *call, const char *id, const char *parent)
{
  struct stat info;
  int from = open (path_of (handle, parent), O_RDONLY | O_CLOEXEC);
  if (from < 0 || fstat (from, &info) != 0)
    return failed (call, parent);
  if (toy_create (handle, call, id, (uint64_t)info.st_size) != 0)
    return -1;
  int to = open (path_of (handle, id), O_RDWR | O_CLOEXEC);
  int result = copy_data (from, to, info.st_size);
  close (from);
  close (to);
  return result == 0 ? 0 : failed (call, id);
}

static int
toy_map (void *handle, struct vmforge_call *call, const char *id, uint32_t flags, char *path)
{
  snprintf (path, VMFORGE_PATH_MAX, "%s", path_of (handle, id));
  return access (path, F_OK) == 0 ? 0 : failed (call, id);
}

static int
toy_grow (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  return truncate (path_of (handle, id), (off_t)bytes) == 0 ? 0 : failed (call, id);
}

static int
toy_seal (void *handle, struct vmforge_call *call, const char *id)
{
  return chmod (path_of (handle, id), 0444) == 0 ? 0 : failed (call, id);
}

static int
toy_remove (void *handle, struct vmforge_call *call, const char *id)
{
  return unlink (path_of (handle, id)) == 0 || errno == ENOENT ? 0 : failed (call, id);
}

static int
toy_list (void *handle, struct vmforge_call *call)
{
  return 0;
}

static const struct vmforge_storage storage = {
    .size = sizeof storage,
    .open = toy_open,
    .close = toy_close,
    .create = toy_create,
    .clone = toy_clone,
    .map = toy_map,
    .grow = toy_grow,
    .seal = toy_seal,
    .remove = toy_remove,
    .list = toy_list,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof (struct vmforge_storage), .name = "toystorage", .version = "1",
                .description = "copied files", .license = "LGPL-2.1-or-later", .storage = &storage);
