/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "pages.h"

const Hash *
pages_hash (PageCache *cache, Call *call, guint32 content, guint64 block)
{
  guint64 number = block >> PAGE_SHIFT;
  if (!cache->valid || cache->content != content || cache->number != number) {
    cache->valid = FALSE;
    if (call->host->exchange->read_page (call, content, 0, number, &cache->page) < 0)
      return NULL;
    cache->valid = TRUE;
    cache->content = content;
    cache->number = number;
  }
  return &cache->page.hashes[block % PAGE_HASHES];
}
