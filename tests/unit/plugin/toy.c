/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A storage plugin without storage: what it does wrong is what its parameter `does` says. */
#include "vmforge/plugin.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct toy {
  char does[64];
};

static bool
does (const struct toy *toy, const char *what)
{
  return strcmp (toy->does, what) == 0;
}

static int
toy_open (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle)
{
  struct toy *toy = calloc (1, sizeof *toy);
  for (const char *const *p = config->parameters; p && p[0]; p += 2)
    if (strcmp (p[0], "does") == 0)
      strncpy (toy->does, p[1], sizeof toy->does - 1);
  *handle = toy;
  return 0;
}

static void
toy_close (void *handle)
{
  free (handle);
}

static int
stop_at_line (void *user, int stream, const char *line)
{
  return 1;
}

static int
count_lines (void *user, int stream, const char *line)
{
  *(int *)user += stream;
  return 0;
}

static int
toy_run (struct toy *toy, struct vmforge_call *call)
{
  const char *const words[] = {"sh", "-c", "echo one; echo two >&2; exit 7", NULL};
  const char *const absent[] = {"vmforge-no-such-program", NULL};
  int sum = 0;
  struct vmforge_program program = {.size = sizeof program, .argv = words, .user = &sum};
  if (does (toy, "run-lines"))
    program.line = count_lines;
  if (does (toy, "run-stop"))
    program.line = stop_at_line;
  if (does (toy, "run-absent") || does (toy, "run-recover"))
    program.argv = absent;
  int status = call->host->run (call, &program);
  if (does (toy, "run-recover"))
    return 0;
  if (status < 0)
    return -1;
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "status %d sum %d", status, sum);
  return -1;
}

static int
toy_create (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  struct toy *toy = handle;
  const struct vmforge_volume volume = {.size = sizeof volume, .id = id};
  if (does (toy, "silent"))
    return -1;
  if (does (toy, "error"))
    call->host->error (call, VMFORGE_PLUGIN_NO_SPACE, "two\nlines \033[31m of %s", id);
  if (does (toy, "two-errors")) {
    call->host->error (call, VMFORGE_PLUGIN_INVALID, "the first");
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "the second");
    return -1;
  }
  if (does (toy, "emit"))
    call->host->emit_volume (call, &volume);
  if (does (toy, "root"))
    return call->host->run_in_root (call, NULL, NULL);
  if (does (toy, "log"))
    call->host->log (call, VMFORGE_LOG_WARNING, "first\nsecond\a");
  if (does (toy, "progress"))
    call->host->progress (call, 7.5, "a\nb");
  if (does (toy, "cancelled"))
    return call->host->cancelled (call) ? -1 : 0;
  return strncmp (toy->does, "run", 3) == 0 ? toy_run (toy, call) : 0;
}

static int
toy_clone (void *handle, struct vmforge_call *call, const char *id, const char *parent)
{
  return 0;
}

/* The engine's room is filled to its end by one that ends no string. */
static int
toy_map (void *handle, struct vmforge_call *call, const char *id, uint32_t flags, char *path)
{
  struct toy *toy = handle;
  memset (path, '/', VMFORGE_PATH_MAX);
  if (does (toy, "endless"))
    return 0;
  strcpy (path, does (toy, "relative")          ? "relative"
                : flags & VMFORGE_MAP_READ_ONLY ? "/read-only"
                                                : "/writable");
  return 0;
}

static int
toy_id (void *handle, struct vmforge_call *call, const char *id)
{
  return does (handle, "cancelled") && call->host->cancelled (call) ? -1 : 0;
}

static int
toy_list (void *handle, struct vmforge_call *call)
{
  static const char *const ids[] = {"ffffffffffffffffffffffffffffffff", "00000000000000000000000000000001"};
  for (int i = 0; i < 2; i++) {
    struct vmforge_volume volume = {.size = sizeof volume,
                                    .id = ids[i],
                                    .flags = i ? VMFORGE_VOLUME_SEALED : 0,
                                    .bytes = 4096,
                                    .allocated = 512};
    if (does (handle, "bad-id"))
      volume.id = "../../etc/passwd";
    if (call->host->emit_volume (call, &volume) < 0)
      return does (handle, "bad-id") ? 0 : -1;
  }
  return 0;
}

static int
toy_extents (void *handle, struct vmforge_call *call, const char *id)
{
  if (does (handle, "backwards"))
    call->host->emit_extent (call, 8192, 4096, VMFORGE_EXTENT_HOLE);
  if (does (handle, "beyond"))
    return call->host->emit_extent (call, 0, UINT64_MAX, VMFORGE_EXTENT_HOLE);
  if (does (handle, "wrong-state"))
    return call->host->emit_extent (call, 0, 4096, VMFORGE_EXTENT_SAME);
  call->host->emit_extent (call, 4096, 4096, VMFORGE_EXTENT_HOLE);
  call->host->emit_extent (call, 8192, 4096, VMFORGE_EXTENT_HOLE);
  return 0;
}

static const struct vmforge_storage table = {
    .size = sizeof table,
    .open = toy_open,
    .close = toy_close,
    .create = toy_create,
    .clone = toy_clone,
    .map = toy_map,
    .grow = toy_create,
    .seal = toy_id,
    .remove = toy_id,
    .list = toy_list,
    .extents = toy_extents,
};

static const struct vmforge_parameter parameters[] = {
    {"does", "string", NULL, "what it does wrong"},
    {"bytes", "size", "1GiB", "a size"},
    {"yes", "bool", "false", "a switch"},
    {"where", "path", NULL, "a path"},
    {NULL, NULL, NULL, NULL},
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof table, .name = "toy", .version = "1",
                .description = "a toy for tests", .parameters = parameters, .storage = &table);
