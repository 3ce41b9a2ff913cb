/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Of a later ABI, with a constructor that must never run. */
#include "stub.h"

#include <stdlib.h>

__attribute__ ((constructor)) static void
run_at_load (void)
{
  abort ();
}

static const struct vmforge_storage table = {STUB_TABLE (sizeof table), .seal = stub_volume};
VMFORGE_PLUGIN_EXPORT extern const struct vmforge_plugin vmforge_plugin;
const struct vmforge_plugin vmforge_plugin = {.abi = VMFORGE_PLUGIN_ABI + 1,
                                              .size = sizeof (struct vmforge_plugin),
                                              .kind = VMFORGE_PLUGIN_STORAGE,
                                              .table_size = sizeof table,
                                              .name = "newer-abi",
                                              STUB_TEXTS,
                                              .storage = &table};
