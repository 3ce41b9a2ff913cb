/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/page-cache.h"

#include <string.h>

typedef struct {
  VfBlockHash hash; /* zeros: the place is empty, as a page of zeros is never kept */
  VfBlockPage page;
} Place;

struct _VfPageCache {
  GMutex lock;
  guint pages;
  Place *places;
};

VfPageCache *
vf_page_cache_new (guint pages)
{
  VfPageCache *cache = g_new0 (VfPageCache, 1);
  g_assert (pages > 0 && (pages & (pages - 1)) == 0);
  g_mutex_init (&cache->lock);
  cache->pages = pages;
  cache->places = g_new0 (Place, pages);
  return cache;
}

void
vf_page_cache_free (VfPageCache *cache)
{
  if (cache == NULL)
    return;
  g_mutex_clear (&cache->lock);
  g_free (cache->places);
  g_free (cache);
}

/* Hashes are spread evenly by themselves. */
static Place *
find_place (const VfPageCache *cache, const VfBlockHash *hash)
{
  guint32 number;
  memcpy (&number, hash->bytes, sizeof number);
  return &cache->places[number & (cache->pages - 1)];
}

gboolean
vf_page_cache_get (VfPageCache *cache, const VfBlockHash *hash, VfBlockPage *room)
{
  const Place *place = find_place (cache, hash);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&cache->lock);
  if (memcmp (&place->hash, hash, sizeof *hash) != 0)
    return FALSE;
  *room = place->page;
  return TRUE;
}

void
vf_page_cache_put (VfPageCache *cache, const VfBlockHash *hash, const VfBlockPage *page)
{
  Place *place = find_place (cache, hash);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&cache->lock);
  place->hash = *hash;
  place->page = *page;
}
