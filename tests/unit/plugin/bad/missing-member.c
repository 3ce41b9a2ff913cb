/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Has all but seal. */
#include "stub.h"

static const struct vmforge_storage table = {STUB_TABLE (sizeof table)};
VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof table, .name = "missing-member", STUB_TEXTS,
                .storage = &table);
