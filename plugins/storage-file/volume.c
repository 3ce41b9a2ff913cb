/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A volume is the file ID.raw; that its owner may not write to it says that it is sealed. */
#include "storage-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

void
volume_name (char name[VOLUME_NAME_MAX], const char *id)
{
  snprintf (name, VOLUME_NAME_MAX, "%.32s.raw", id);
}

int
volume_open (struct store *store, call_t *call, const char *id, int flags, bool *sealed, uint64_t *bytes)
{
  char name[VOLUME_NAME_MAX];
  struct stat status;
  volume_name (name, id);
  autofd int fd = openat (store->folder_fd, name, flags | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "there is no volume %s in '%s/%s'", id, store->base,
                       store->folder);
    return -1;
  }
  if (fd < 0 || fstat (fd, &status) < 0)
    return fail_errno (call, store->base, "cannot open volume %s", id);
  if (sealed)
    *sealed = !(status.st_mode & S_IWUSR);
  if (bytes)
    *bytes = (uint64_t)status.st_size;
  return fd_steal (&fd);
}
