/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A package plugin without packages of its own: the profile text says what it does. */
#include "vmforge/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int
toy_open (struct vmforge_call *call, const struct vmforge_package_config *config, void **handle)
{
  *handle = strdup (config->profile);
  return 0;
}

static void
toy_close (void *handle)
{
  free (handle);
}

static int
toy_refresh (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request,
             char *snapshot)
{
  strcpy (snapshot, strcmp (handle, "bad-snapshot") == 0 ? "yesterday" : DIGEST);
  return 0;
}

/* Every name that is asked for exists, backwards. */
static int
toy_resolve (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request)
{
  for (const char *const *name = request->install; *name; name++) {
    struct vmforge_package package = {.size = sizeof package,
                                      .id = *name,
                                      .name = *name,
                                      .version = "1:2-3",
                                      .arch = "all",
                                      .digest = DIGEST,
                                      .url = "http://example.org/a.toy",
                                      .download_size = 5};
    if (strcmp (handle, "bad-digest") == 0)
      package.digest = "abc";
    if (call->host->emit_package (call, &package) < 0)
      return -1;
  }
  return 0;
}

static int
toy_fetch (void *handle, struct vmforge_call *call, const struct vmforge_package *const *packages)
{
  for (; *packages; packages++) {
    if (call->host->cache_find (call, (*packages)->digest))
      continue;
    if (call->host->cache_add (call, (*packages)->url, (*packages)->digest) < 0)
      return -1;
  }
  return 0;
}

static int
toy_build_time (void *handle, struct vmforge_call *call, const struct vmforge_package *const *packages,
                int64_t *seconds)
{
  *seconds = strstr (packages[0]->url, "wrong") ? -5 : 100;
  return 0;
}

static int
toy_install (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
             const struct vmforge_package_request *request, const struct vmforge_package *const *packages)
{
  const char *const argv[] = {"true", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  return call->host->run_in_root (call, &program, NULL) == 0 ? 0 : -1;
}

static int
toy_manifest (void *handle, struct vmforge_call *call, const struct vmforge_root *root)
{
  struct vmforge_package package = {
      .size = sizeof package, .id = "a", .name = "a", .version = "1", .arch = "all"};
  call->host->emit_package (call, &package);
  return strcmp (handle, "twice") == 0 ? call->host->emit_package (call, &package) : 0;
}

static int
toy_boot (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
          const struct vmforge_boot_request *request)
{
  call->host->emit_artefact (call, VMFORGE_ARTEFACT_EFI_FILE, "/boot/x.efi", "EFI/BOOT/BOOTX64.EFI");
  return call->host->emit_artefact (call, VMFORGE_ARTEFACT_BIOS_CORE, "/boot/core.img", NULL);
}

static const struct vmforge_package_backend table = {
    .size = sizeof table,
    .cache_version = 42,
    .open = toy_open,
    .close = toy_close,
    .refresh = toy_refresh,
    .resolve = toy_resolve,
    .fetch = toy_fetch,
    .install = toy_install,
    .manifest = toy_manifest,
    .boot = toy_boot,
    .build_time = toy_build_time,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_PACKAGE, sizeof table, .name = "toy-package", .version = "1",
                .description = "a toy for tests", .package = &table);
