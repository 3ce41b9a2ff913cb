/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A plugin that goes wrong while it is loaded: START says how. */
#include "faulty.h"

__attribute__ ((constructor)) static void
start (void)
{
  strcpy (fault, "load:" START);
  go_wrong ("load");
}

static int
refuse (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle)
{
  (void)config, (void)handle;
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "it is there to be loaded");
  return -1;
}

static void
close_store (void *handle)
{
  (void)handle;
}

static int
folder (void *handle, struct vmforge_call *call, char *path)
{
  (void)handle, (void)call, (void)path;
  return -1;
}

static const struct vmforge_storage table = {
    .size = sizeof table, .open = refuse, .close = close_store, .folder = folder};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof table, .name = "start-" START, .version = "1",
                .description = "wrong while it is loaded", .license = "LGPL-2.1-or-later", .storage = &table);
