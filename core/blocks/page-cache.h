/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Pages of block indexes that were read and checked, found by their hash. So what several indexes share is
 * there once, and a page is hashed once however often it is asked for. For who looks up single blocks;
 * whoever verifies reads the files. Threads may share one. */
#pragma once

#include "blocks/index-format.h"

typedef struct _VfPageCache VfPageCache;

/* pages: how many it keeps, of 4 KiB; a power of two. Memory is used as it fills. */
VfPageCache *vf_page_cache_new (guint pages);
void vf_page_cache_free (VfPageCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPageCache, vf_page_cache_free)

/* FALSE, and nothing in room: it is not there. */
gboolean vf_page_cache_get (VfPageCache *cache, const VfBlockHash *hash, VfBlockPage *room);
/* page: that has this hash indeed. */
void vf_page_cache_put (VfPageCache *cache, const VfBlockHash *hash, const VfBlockPage *page);
