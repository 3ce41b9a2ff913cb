/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which folder the volumes are in. What an earlier run decided stays decided while volumes are there. */
#include "storage-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define VOLUMES "volumes"

static int
open_folder (struct store *store, call_t *call)
{
  if (mkdirat (store->base_fd, VOLUMES, 0700) < 0 && errno != EEXIST)
    return fail_errno (call, store->base, "cannot make the folder '%s/" VOLUMES "'", store->base);
  int fd = openat (store->base_fd, VOLUMES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? fail_errno (call, store->base, "cannot open '%s/" VOLUMES "'", store->base) : fd;
}

static bool
has_volumes (struct store *store)
{
  autofd int fd = openat (store->base_fd, VOLUMES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir (fd) : NULL;
  if (!folder)
    return false;
  fd_steal (&fd);
  bool found = false;
  for (struct dirent *entry; !found && (entry = readdir (folder));)
    found = strlen (entry->d_name) == 36 && strcmp (entry->d_name + 32, ".raw") == 0;
  closedir (folder);
  return found;
}

static int
use_pool (struct store *store, call_t *call, bool required)
{
  if (pool_open (store, call, required) < 0)
    return -1;
  if (store->folder_fd >= 0) {
    store->place = PLACE_POOL;
    store->folder = "pool";
  }
  return 0;
}

static int
use_folder (struct store *store, call_t *call)
{
  autofd int fd = open_folder (store, call);
  int clones = fd < 0 ? -1 : clone_probe (call, fd, store->base);
  if (clones < 0)
    return -1;
  store->place = clones ? PLACE_REFLINK : PLACE_COPY;
  store->folder = VOLUMES;
  store->folder_fd = fd_steal (&fd);
  return 0;
}

static int
fail_elsewhere (struct store *store, call_t *call, const char *what, const char *setting)
{
  call->host->error (call, VMFORGE_PLUGIN_INVALID,
                     "%s has volumes in '%s/%s': %s would lose sight of them; remove them or this setting",
                     "this store", store->base, what, setting);
  return -1;
}

int
place_open (struct store *store, call_t *call)
{
  if (pool_exists (store))
    return store->pool_use == POOL_NEVER ? fail_elsewhere (store, call, "pool", "pool=never")
                                         : use_pool (store, call, true);
  if (store->pool_use == POOL_ALWAYS)
    return has_volumes (store) ? fail_elsewhere (store, call, VOLUMES, "pool=always")
                               : use_pool (store, call, true);

  if (use_folder (store, call) < 0)
    return -1;
  if (store->place == PLACE_COPY && store->pool_use == POOL_AUTO && !has_volumes (store)) {
    autofd int folder = fd_steal (&store->folder_fd);
    if (use_pool (store, call, false) < 0)
      return -1;
    if (store->place == PLACE_POOL)
      unlinkat (store->base_fd, VOLUMES, AT_REMOVEDIR);
    else
      store->folder_fd = fd_steal (&folder);
  }
  if (store->place == PLACE_COPY)
    call->host->log (call, VMFORGE_LOG_WARNING,
                     "clones are copies: the filesystem of '%s' cannot clone files and there is no pool",
                     store->base);
  return 0;
}
