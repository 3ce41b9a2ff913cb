/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A package plugin for the tests of planning. Its metadata is the file `world` of its cache folder: lines of
 * NAME VERSION; what has no line has the version 1. A world that begins with '!' cannot be reached. absent-*
 * does not exist, upgrade-NAME brings NAME in the version 9. It notes in the file `calls` there what it was
 * asked. */
#include "vmforge/plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CACHE_VERSION
#define CACHE_VERSION 1
#endif
#define WORLD_BYTES 4096
#define UPGRADE     "upgrade-"

struct fake {
  char folder[VMFORGE_PATH_MAX];
  int offline;
};

static int
fake_open (struct vmforge_call *call, const struct vmforge_package_config *config, void **handle)
{
  struct fake *fake = calloc (1, sizeof *fake);
  if (fake == NULL)
    return -1;
  snprintf (fake->folder, sizeof fake->folder, "%s", config->cache_path);
  fake->offline = (config->flags & VMFORGE_CONFIG_OFFLINE) != 0;
  *handle = fake;
  return 0;
}

static void
fake_close (void *handle)
{
  free (handle);
}

static FILE *
open_file (const struct fake *fake, const char *name, const char *mode)
{
  char path[VMFORGE_PATH_MAX + 16];
  snprintf (path, sizeof path, "%s/%s", fake->folder, name);
  return fopen (path, mode);
}

static void
note (const struct fake *fake, const char *what)
{
  FILE *file = open_file (fake, "calls", "ae");
  if (file == NULL)
    return;
  fprintf (file, "%s ", what);
  fclose (file);
}

static void
read_world (const struct fake *fake, char *world)
{
  FILE *file = open_file (fake, "world", "re");
  size_t length = file == NULL ? 0 : fread (world, 1, WORLD_BYTES - 1, file);
  world[length] = '\0';
  if (file != NULL)
    fclose (file);
}

/* 64 hexadecimal characters that depend on the text (FNV-1a, four times). */
static void
digest (const char *text, char *result)
{
  uint64_t hash = UINT64_C (14695981039346656037);
  for (; *text != '\0'; text++)
    hash = (hash ^ (unsigned char)*text) * UINT64_C (1099511628211);
  sprintf (result, "%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, hash, hash, hash, hash);
}

static int
fake_refresh (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request,
              char *snapshot)
{
  char world[WORLD_BYTES];
  const struct fake *fake = handle;
  note (fake, "refresh");
  if (fake->offline) {
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT,
                       "nothing is known of the sources, and --offline was given");
    return -1;
  }
  read_world (fake, world);
  if (*world == '!') {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "the sources do not answer");
    return -1;
  }
  digest (world, snapshot);
  return 0;
}

static void
find_version (const char *world, const char *name, char *version)
{
  size_t length = strlen (name);
  strcpy (version, "1");
  for (const char *line = world; line != NULL; line = strchr (line, '\n')) {
    line += *line == '\n';
    if (strncmp (line, name, length) == 0 && line[length] == ' ')
      sscanf (line + length, "%31s", version);
  }
}

static int
emit (struct vmforge_call *call, const char *world, const char *name, uint32_t flags)
{
  char version[32], archive[VMFORGE_PATH_MAX], hash[65];
  find_version (world, name, version);
  if (strncmp (name, UPGRADE, strlen (UPGRADE)) == 0) {
    name += strlen (UPGRADE);
    strcpy (version, "9");
  }
  snprintf (archive, sizeof archive, "%s %s", name, version);
  digest (archive, hash);
  struct vmforge_package package = {.size = sizeof package,
                                    .flags = flags,
                                    .id = name,
                                    .name = name,
                                    .version = version,
                                    .arch = "all",
                                    .digest = hash,
                                    .url = "http://fake.example/a",
                                    .download_size = 10,
                                    .installed_size = 100,
                                    .data = "opaque"};
  return call->host->emit_package (call, &package);
}

static int
is_installed (const struct vmforge_package_request *request, const char *name)
{
  for (const struct vmforge_package *const *package = request->installed; *package != NULL; package++)
    if (strcmp ((*package)->id, name) == 0)
      return 1;
  return 0;
}

static int
fake_resolve (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request)
{
  char world[WORLD_BYTES];
  const struct fake *fake = handle;
  note (fake, "resolve");
  read_world (fake, world);
  if ((request->flags & VMFORGE_REQUEST_BOOTSTRAP) != 0 && emit (call, world, "essential", 0) < 0)
    return -1;
  for (const char *const *name = request->install; *name != NULL; name++) {
    if (strncmp (*name, "absent-", 7) == 0) {
      call->host->error (call, VMFORGE_PLUGIN_INVALID, "no source has the package '%s'", *name);
      return -1;
    }
    if (!is_installed (request, *name) && emit (call, world, *name, 0) < 0)
      return -1;
  }
  for (const char *const *name = request->remove; *name != NULL; name++)
    if (emit (call, world, *name, VMFORGE_PACKAGE_REMOVE) < 0)
      return -1;
  return 0;
}

static int
fake_fetch (void *handle, struct vmforge_call *call, const struct vmforge_package *const *packages)
{
  note (handle, "fetch");
  return 0;
}

static int
fake_install (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
              const struct vmforge_package_request *request, const struct vmforge_package *const *packages)
{
  note (handle, "install");
  return 0;
}

static int
fake_manifest (void *handle, struct vmforge_call *call, const struct vmforge_root *root)
{
  note (handle, "manifest");
  return 0;
}

static int
fake_boot (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
           const struct vmforge_boot_request *request)
{
  note (handle, "boot");
  return 0;
}

static const struct vmforge_package_backend table = {
    .size = sizeof table,
    .cache_version = CACHE_VERSION,
    .open = fake_open,
    .close = fake_close,
    .refresh = fake_refresh,
    .resolve = fake_resolve,
    .fetch = fake_fetch,
    .install = fake_install,
    .manifest = fake_manifest,
    .boot = fake_boot,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_PACKAGE, sizeof table, .name = "fake", .version = "0",
                .description = "packages from nowhere, for tests", .package = &table);
