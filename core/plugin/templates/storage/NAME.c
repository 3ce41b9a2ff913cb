/* SPDX-License-Identifier: 0BSD */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes are the files ID.raw of STORE/@NAME@, and clones are copies of them: a plugin that says where its files
 * are leaves the rest to the engine. What your storage does better is a callback more in the table below. */
#include <vmforge/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The handle is the path of the folder: all state lives there. */
static int
open_store (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle)
{
  char path[VMFORGE_PATH_MAX];
  int length = snprintf (path, sizeof path, "%s/@NAME@", config->store_path);
  if (length >= (int)sizeof path)
    errno = ENAMETOOLONG;
  else if ((mkdir (path, 0700) == 0 || errno == EEXIST) && (*handle = strdup (path)))
    return 0;
  call->host->error (call, errno == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED,
                     "cannot make the folder '%s': %s", path, strerror (errno));
  return -1;
}

static void
close_store (void *handle)
{
  free (handle);
}

static int
folder (void *handle, struct vmforge_call *call, char *path)
{
  (void)call;
  strcpy (path, handle);
  return 0;
}

static const struct vmforge_storage table = {
    .size = sizeof table,
    .open = open_store,
    .close = close_store,
    .folder = folder,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof table, .name = "@NAME@", .version = "0.1.0",
                .description = "volumes as files in a folder", .license = "0BSD", .storage = &table);
