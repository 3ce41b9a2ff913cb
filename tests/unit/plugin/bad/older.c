/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Good, from a time when the table ended with list; what follows it in memory is not the engine's business.
 */
#include "stub.h"

#define OLD_SIZE offsetof (struct vmforge_storage, extents)

static const struct vmforge_storage table = {STUB_TABLE (OLD_SIZE), .seal = stub_volume,
                                             .extents = stub_volume};
VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, OLD_SIZE, .name = "older", STUB_TEXTS, .storage = &table);
