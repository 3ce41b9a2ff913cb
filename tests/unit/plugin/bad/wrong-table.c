/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Says that it is a package plugin and brings a storage table. */
#include "stub.h"

static const struct vmforge_storage table = {STUB_TABLE (sizeof table), .seal = stub_volume};
VMFORGE_PLUGIN (VMFORGE_PLUGIN_PACKAGE, sizeof (struct vmforge_package_backend), .name = "wrong-table",
                STUB_TEXTS, .storage = &table);
