/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "stub.h"

static const struct vmforge_storage table = {STUB_TABLE (40), .seal = stub_volume};
VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, 40, .name = "small-table", STUB_TEXTS, .storage = &table);
