/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The descriptor says that it is smaller than the first one was. */
#include "stub.h"

static const struct vmforge_storage table = {STUB_TABLE (sizeof table), .seal = stub_volume};
VMFORGE_PLUGIN_EXPORT extern const struct vmforge_plugin vmforge_plugin;
const struct vmforge_plugin vmforge_plugin = {.abi = VMFORGE_PLUGIN_ABI,
                                              .size = 24,
                                              .kind = VMFORGE_PLUGIN_STORAGE,
                                              .table_size = sizeof table,
                                              .name = "small",
                                              STUB_TEXTS,
                                              .storage = &table};
