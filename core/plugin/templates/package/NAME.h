/* SPDX-License-Identifier: 0BSD */
/* Copyright (C) 2026 The vmforge authors */

/* What the two files share: @NAME@.c works in the image, @NAME@-index.c with the repository. */
#pragma once

#include <vmforge/plugin.h>

#include <stdio.h>

struct handle {
  char *mirror, *keyring, *package_arch, *efi_name;
  char *cache, *index; /* folder; path of the signed index in it */
  int offline;
};

/* What a program wrote: its output, and its last word on standard error. */
struct output {
  FILE *text;
  char last[256];
};

/* ---- @NAME@.c */
/* Says why; returns -1. */
int fail (struct vmforge_call *call, enum vmforge_plugin_error code, const char *format, ...)
    VMFORGE_PLUGIN_PRINTF (3, 4);
/* Runs a program of this machine; input may be NULL. As host->run returns. */
int run (struct vmforge_call *call, struct output *output, const char *input, const char *const *argv);

/* ---- @NAME@-index.c: callbacks */
int refresh (void *user, struct vmforge_call *call, const struct vmforge_package_request *request,
             char *snapshot);
int resolve (void *user, struct vmforge_call *call, const struct vmforge_package_request *request);
int fetch (void *user, struct vmforge_call *call, const struct vmforge_package *const *packages);
