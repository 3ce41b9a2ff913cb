/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A storage plugin that only says where its files are, and goes wrong in that. */
#include "faulty.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static int
open_store (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle)
{
  char path[VMFORGE_PATH_MAX + 80];
  for (const char *const *p = config->parameters; p && p[0]; p += 2)
    snprintf (fault, sizeof fault, "%s", p[1]);
  snprintf (path, sizeof path, "%s/faulty-files", config->store_path);
  if (mkdir (path, 0700) < 0 && errno != EEXIST) {
    call->host->error (call, errno == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED,
                       "cannot make '%s': %s", path, strerror (errno));
    return -1;
  }
  *handle = strdup (path);
  return 0;
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
  if (go_wrong ("folder"))
    return -1;
  strcpy (path, faulty ("folder:relative") ? "volumes" : faulty ("folder:absent") ? "/nonexistent" : handle);
  return 0;
}

static const struct vmforge_parameter parameters[] = {
    {"fault", "string", "none", "CALLBACK:KIND, what to do wrong"},
    {NULL, NULL, NULL, NULL},
};

static const struct vmforge_storage table = {
    .size = sizeof table, .open = open_store, .close = close_store, .folder = folder};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof table, .name = "faulty-files", .version = "1",
                .description = "wrong where it is told to be", .license = "LGPL-2.1-or-later",
                .parameters = parameters, .storage = &table);
