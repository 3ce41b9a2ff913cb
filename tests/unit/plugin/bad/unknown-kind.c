/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "stub.h"

static const struct vmforge_storage table = {STUB_TABLE (sizeof table), .seal = stub_volume};
VMFORGE_PLUGIN (77, sizeof table, .name = "unknown-kind", STUB_TEXTS, .storage = &table);
