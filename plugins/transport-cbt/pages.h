/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The last page of a block index that was read: blocks are mostly looked at one after the other, and each
 * reading verifies the way up to the root. Of one thread. */
#pragma once

#include "cbt.h"

typedef struct {
  gboolean valid;
  guint32 content;
  guint64 number;
  Page page;
} PageCache;

/* The hash of a block, or NULL with the error set; until the next call. Zeros behind the end. */
const Hash *pages_hash (PageCache *cache, Call *call, guint32 content, guint64 block);
