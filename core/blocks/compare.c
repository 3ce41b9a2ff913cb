/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/compare.h"

#include <string.h>

typedef struct {
  const VfBlockIndex *before, *after;
  guint depth; /* of before; 0: none */
  VfBlockCompareFunc func;
  gpointer user_data;
} Walk;

static gboolean
read_before (const Walk *walk, guint level, guint64 page, VfBlockPage *room, GError **error)
{
  if (level < walk->depth)
    return vf_block_index_read_page (walk->before, level, page, room, error);
  memset (room, 0, sizeof *room);
  return TRUE;
}

static gboolean
descend (const Walk *walk, guint level, guint64 page, GError **error)
{
  VfBlockPage before, after;
  if (!read_before (walk, level, page, &before, error) ||
      !vf_block_index_read_page (walk->after, level, page, &after, error))
    return FALSE;
  if (level == 0)
    return walk->func (page, &before, &after, walk->user_data, error);
  for (guint i = 0; i < VF_PAGE_HASHES; i++) {
    guint64 entry = page << VF_PAGE_SHIFT | i;
    /* Above its top nothing is known of the lower tree but that it is all below the first page. */
    gboolean above = walk->depth > 0 && level >= walk->depth && entry == 0;
    if ((above || memcmp (&before.hashes[i], &after.hashes[i], sizeof before.hashes[i]) != 0) &&
        !descend (walk, level - 1, entry, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_block_compare (const VfBlockIndex *before, const VfBlockIndex *after, VfBlockCompareFunc func,
                  gpointer user_data, GError **error)
{
  Walk walk = {.before = before,
               .after = after,
               .depth = before == NULL ? 0 : vf_block_index_get_header (before)->depth,
               .func = func,
               .user_data = user_data};
  return descend (&walk, vf_block_index_get_header (after)->depth - 1, 0, error);
}
