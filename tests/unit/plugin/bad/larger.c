/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Good, from a time to come: table and descriptor have members that this engine does not know. */
#include "stub.h"

static const struct {
  struct vmforge_storage known;
  void *later[4];
} table = {{STUB_TABLE (sizeof table), .seal = stub_volume}, {NULL}};

struct later {
  struct vmforge_plugin known;
  void *more[2];
};
VMFORGE_PLUGIN_EXPORT extern const struct later later __asm__("vmforge_plugin");
const struct later later = {{.abi = VMFORGE_PLUGIN_ABI,
                             .size = sizeof (struct later),
                             .kind = VMFORGE_PLUGIN_STORAGE,
                             .table_size = sizeof table,
                             .name = "larger",
                             STUB_TEXTS,
                             .storage = &table.known},
                            {NULL}};
