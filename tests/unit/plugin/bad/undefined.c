/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "stub.h"

int vmforge_test_is_nowhere (void *handle, struct vmforge_call *call, const char *id);

static const struct vmforge_storage table = {STUB_TABLE (sizeof table), .seal = vmforge_test_is_nowhere};
VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof table, .name = "undefined", STUB_TEXTS, .storage = &table);
