/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "storage-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define FULL (UINT64_C (1) << 20) /* bytes: where less is free, writes fail */

bool
is_full (const char *folder)
{
  struct statvfs host;
  return statvfs (folder, &host) == 0 && (uint64_t)host.f_bavail * host.f_frsize < FULL;
}

int
fail_errno (call_t *call, const char *folder, const char *format, ...)
{
  int saved = errno;
  char message[VMFORGE_PATH_MAX + 256];
  va_list args;
  va_start (args, format);
  vsnprintf (message, sizeof message, format, args);
  va_end (args);
  /* A pool whose file cannot grow has write errors, and may end in a shutdown of its filesystem. */
  switch (saved == EIO && is_full (folder) ? ENOSPC : saved) {
  case ENOSPC:
  case EDQUOT:
    call->host->error (call, VMFORGE_PLUGIN_NO_SPACE, "%s: the filesystem of '%s' is full", message, folder);
    break;
  case EROFS:
  case EACCES:
  case EPERM:
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "%s: %s", message, strerror (saved));
    break;
  default:
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "%s: %s", message, strerror (saved));
  }
  return -1;
}

static int
read_parameter (struct store *store, call_t *call, const char **dir, const char *name, const char *value)
{
  static const char *const uses[] = {[POOL_AUTO] = "auto", [POOL_ALWAYS] = "always", [POOL_NEVER] = "never"};
  if (strcmp (name, "dir") == 0) {
    *dir = value;
    return 0;
  }
  if (strcmp (name, "pool_size") == 0) {
    store->pool_size = strtoull (value, NULL, 10);
    if (store->pool_size >= UINT64_C (1) << 30 && store->pool_size < UINT64_C (1) << 60)
      return 0;
    call->host->error (call, VMFORGE_PLUGIN_INVALID,
                       "pool_size=%s is too small or too large: 1GiB is the least", value);
    return -1;
  }
  for (size_t i = 0; strcmp (name, "pool") == 0 && i < sizeof uses / sizeof *uses; i++) {
    if (strcmp (value, uses[i]) == 0) {
      store->pool_use = (enum pool_use)i;
      return 0;
    }
  }
  call->host->error (call, VMFORGE_PLUGIN_INVALID,
                     "parameter '%s=%s' is unknown: pool is auto, always or never", name, value);
  return -1;
}

static int
make_folder (call_t *call, const char *path)
{
  if (mkdir (path, 0700) == 0 || errno == EEXIST)
    return 0;
  return fail_errno (call, path, "cannot make the folder '%s'", path);
}

static int
open_base (struct store *store, call_t *call, const struct vmforge_storage_config *config, const char *dir)
{
  int length = dir ? snprintf (store->base, sizeof store->base, "%s/%s", dir, config->store_id)
                   : snprintf (store->base, sizeof store->base, "%s", config->store_path);
  if (length < 0 || (size_t)length >= sizeof store->base) {
    call->host->error (call, VMFORGE_PLUGIN_INVALID, "the path '%.100s…' is too long", store->base);
    return -1;
  }
  if (dir && make_folder (call, store->base) < 0)
    return -1;
  store->base_fd = open (store->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return store->base_fd < 0 ? fail_errno (call, store->base, "cannot open '%s'", store->base) : 0;
}

static void
file_close (void *handle)
{
  struct store *store = handle;
  if (store->removed)
    pool_trim (store, true);
  fd_clear (&store->folder_fd);
  fd_clear (&store->base_fd);
  free (store);
}

static int
file_open (call_t *call, const struct vmforge_storage_config *config, void **handle)
{
  struct store *store = calloc (1, sizeof *store);
  const char *dir = NULL;
  if (!store) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "out of memory");
    return -1;
  }
  store->base_fd = store->folder_fd = -1;
  for (const char *const *p = config->parameters; p && p[0]; p += 2) {
    if (read_parameter (store, call, &dir, p[0], p[1]) < 0) {
      file_close (store);
      return -1;
    }
  }
  if (open_base (store, call, config, dir) < 0 || place_open (store, call) < 0) {
    file_close (store);
    return -1;
  }
  *handle = store;
  return 0;
}

/* No descriptor but folder_fd leads to an unmounted pool. */
static bool
is_active (struct store *store, call_t *call)
{
  if (store->folder_fd >= 0)
    return true;
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "the pool of '%s' was unmounted: open the store again",
                     store->base);
  return false;
}

static int
file_folder (void *handle, call_t *call, char *path)
{
  struct store *store = handle;
  if (!is_active (store, call))
    return -1;
  /* A pool whose disk is full may have stopped. */
  autofd int fd = openat (store->base_fd, store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return fail_errno (call, store->base, "cannot reach '%s/%s'", store->base, store->folder);
  snprintf (path, VMFORGE_PATH_MAX, "%s/%s", store->base, store->folder);
  return 0;
}

/* Removed blocks of a pool go back to the host when the store is closed. */
static int
file_remove (void *handle, call_t *call, const char *id)
{
  struct store *store = handle;
  char name[VOLUME_NAME_MAX];
  if (!is_active (store, call))
    return -1;
  volume_name (name, id);
  if (unlinkat (store->folder_fd, name, 0) < 0 && errno != ENOENT)
    return fail_errno (call, store->base, "cannot remove volume %s", id);
  store->removed = true;
  return 0;
}

static int
file_differences (void *handle, call_t *call, const char *a, const char *b)
{
  return is_active (handle, call) ? volume_differences (handle, call, a, b) : -1;
}

/* A pool has room while both it and the filesystem that its file is on have. */
static int
file_capacity (void *handle, call_t *call, struct vmforge_capacity *capacity)
{
  struct store *store = handle;
  struct statvfs inside, host;
  if (!is_active (store, call))
    return -1;
  pool_trim (store, false);
  if (fstatvfs (store->folder_fd, &inside) < 0 || fstatvfs (store->base_fd, &host) < 0)
    return fail_errno (call, store->base, "cannot ask for the free space of '%s'", store->base);
  uint64_t available = (uint64_t)inside.f_bavail * inside.f_frsize;
  uint64_t host_available = (uint64_t)host.f_bavail * host.f_frsize;
  capacity->total = (uint64_t)inside.f_blocks * inside.f_frsize;
  capacity->available = available < host_available ? available : host_available;
  return 0;
}

static int
file_can_snapshot (void *handle, call_t *call, int *answer)
{
  struct store *store = handle;
  *answer = store->place != PLACE_COPY;
  return 0;
}

static int
file_deactivate (void *handle, call_t *call)
{
  struct store *store = handle;
  if (store->place != PLACE_POOL)
    return 0;
  pool_trim (store, true);
  fd_clear (&store->folder_fd);
  return pool_umount (store, call);
}

static const struct vmforge_parameter parameters[] = {
    {"dir", "path", NULL, "where volumes live instead of the store"},
    {"pool", "string", "auto", "auto, always or never: the XFS pool file"},
    {"pool_size", "size", NULL, "size of the pool; default: that of the filesystem that it is on"},
    {NULL, NULL, NULL, NULL},
};

/* All else is what plugin.h does by default for files of a folder. */
static const struct vmforge_storage table = {
    .size = sizeof table,
    .open = file_open,
    .close = file_close,
    .folder = file_folder,
    .remove = file_remove,
    .differences = file_differences,
    .capacity = file_capacity,
    .deactivate = file_deactivate,
    .can_snapshot = file_can_snapshot,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof (struct vmforge_storage), .name = "storage-file",
                .version = VMFORGE_VERSION, .description = "volumes as sparse files, cloned by reference",
                .license = "LGPL-2.1-or-later", .parameters = parameters, .storage = &table);
