/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Where in the contents of a store a block with a certain hash is. */
#pragma once

#include "transfer/contents.h"

/* Contract of vmforge_exchange.find_block; does not fail. */
int vf_find_block (VfContents *contents, const guint8 *hash, guint32 hash_bytes, struct vmforge_place *places,
                   guint32 room);
