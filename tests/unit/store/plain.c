/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A storage plugin for tests: STORE/volumes/ID are plain files, sealed ones read-only. */
#include "vmforge/plugin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct handle {
  int fd;
  char path[VMFORGE_PATH_MAX];
  unsigned long long available;
};

static int
failed (struct vmforge_call *call, const char *id)
{
  call->host->error (call, errno == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED, "volume %s: %s",
                     id, strerror (errno));
  return -1;
}

static int
plain_open (struct vmforge_call *call, const struct vmforge_storage_config *config, void **result)
{
  struct handle *handle = calloc (1, sizeof (*handle));
  if (handle == NULL)
    return failed (call, "-");
  snprintf (handle->path, sizeof (handle->path), "%s/volumes", config->store_path);
  handle->available = 1ULL << 40;
  for (const char *const *p = config->parameters; p != NULL && p[0] != NULL; p += 2)
    if (strcmp (p[0], "available") == 0)
      handle->available = strtoull (p[1], NULL, 10);
  mkdir (handle->path, 0755);
  handle->fd = open (handle->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle->fd < 0) {
    free (handle);
    return failed (call, "-");
  }
  *result = handle;
  return 0;
}

static void
plain_close (void *data)
{
  struct handle *handle = data;
  close (handle->fd);
  free (handle);
}

static int
make (struct handle *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  int fd = openat (handle->fd, id, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0)
    return failed (call, id);
  int result = ftruncate (fd, (off_t)bytes);
  close (fd);
  return result < 0 ? failed (call, id) : 0;
}

static int
plain_create (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  return make (handle, call, id, bytes);
}

static int
plain_clone (void *data, struct vmforge_call *call, const char *id, const char *parent)
{
  struct handle *handle = data;
  struct stat st;
  if (fstatat (handle->fd, parent, &st, 0) < 0)
    return failed (call, parent);
  return make (handle, call, id, (uint64_t)st.st_size);
}

static int
plain_map (void *data, struct vmforge_call *call, const char *id, uint32_t flags, char *path)
{
  struct handle *handle = data;
  if (faccessat (handle->fd, id, F_OK, 0) < 0)
    return failed (call, id);
  int length = snprintf (path, VMFORGE_PATH_MAX, "%s/%s", handle->path, id);
  errno = ENAMETOOLONG;
  return length < VMFORGE_PATH_MAX ? 0 : failed (call, id);
}

static int
plain_grow (void *data, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  struct handle *handle = data;
  int fd = openat (handle->fd, id, O_RDWR | O_CLOEXEC);
  int result = fd < 0 ? -1 : ftruncate (fd, (off_t)bytes);
  if (fd >= 0)
    close (fd);
  return result < 0 ? failed (call, id) : 0;
}

static int
plain_seal (void *data, struct vmforge_call *call, const char *id)
{
  struct handle *handle = data;
  return fchmodat (handle->fd, id, 0444, 0) < 0 ? failed (call, id) : 0;
}

static int
plain_remove (void *data, struct vmforge_call *call, const char *id)
{
  struct handle *handle = data;
  return unlinkat (handle->fd, id, 0) < 0 && errno != ENOENT ? failed (call, id) : 0;
}

static int
plain_list (void *data, struct vmforge_call *call)
{
  struct handle *handle = data;
  DIR *dir = opendir (handle->path);
  if (dir == NULL)
    return failed (call, "-");
  int result = 0;
  for (struct dirent *entry = NULL; result == 0 && (entry = readdir (dir)) != NULL;) {
    struct stat st;
    if (entry->d_name[0] == '.' || fstatat (handle->fd, entry->d_name, &st, 0) < 0)
      continue;
    struct vmforge_volume volume = {
        .size = sizeof (volume), .id = entry->d_name, .bytes = (uint64_t)st.st_size};
    if ((st.st_mode & 0200) == 0)
      volume.flags = VMFORGE_VOLUME_SEALED;
    result = call->host->emit_volume (call, &volume);
  }
  closedir (dir);
  return result;
}

static int
plain_capacity (void *data, struct vmforge_call *call, struct vmforge_capacity *capacity)
{
  struct handle *handle = data;
  capacity->total = 1ULL << 40;
  capacity->available = handle->available;
  return 0;
}

static const struct vmforge_parameter parameters[] = {
    {.name = "available", .type = "size", .help = "bytes that capacity() reports"},
    {.name = NULL},
};

static const struct vmforge_storage storage = {
    .size = sizeof (struct vmforge_storage),
    .open = plain_open,
    .close = plain_close,
    .create = plain_create,
    .clone = plain_clone,
    .map = plain_map,
    .grow = plain_grow,
    .seal = plain_seal,
    .remove = plain_remove,
    .list = plain_list,
    .capacity = plain_capacity,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof (struct vmforge_storage), .name = "plain", .version = "0",
                .description = "plain files, for tests", .license = "LGPL-2.1-or-later",
                .parameters = parameters, .storage = &storage);
