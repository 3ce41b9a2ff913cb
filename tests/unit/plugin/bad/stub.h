/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Callbacks that do nothing, for plugins that must not be loaded, or that are good except for one. */
#pragma once

#include "vmforge/plugin.h"

#include <stddef.h>

static int
stub_open (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle)
{
  *handle = NULL;
  return 0;
}
static void
stub_close (void *handle)
{
}
static int
stub_create (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  return 0;
}
static int
stub_clone (void *handle, struct vmforge_call *call, const char *id, const char *parent)
{
  return 0;
}
static int
stub_map (void *handle, struct vmforge_call *call, const char *id, uint32_t flags, char *path)
{
  return 0;
}
static int
stub_volume (void *handle, struct vmforge_call *call, const char *id)
{
  return 0;
}
static int
stub_list (void *handle, struct vmforge_call *call)
{
  return 0;
}

#define STUB_TABLE(SIZE)                                                                                     \
  .size = (SIZE), .open = stub_open, .close = stub_close, .create = stub_create, .clone = stub_clone,        \
  .map = stub_map, .grow = stub_create, .remove = stub_volume, .list = stub_list

#define STUB_TEXTS .version = "1", .description = "a plugin for tests"
