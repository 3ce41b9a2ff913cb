/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "copier.h"

#include <string.h>

gboolean
copier_end (Copier *copier)
{
  guint64 count = copier->count;
  copier->count = 0;
  return count == 0 || copier->call->host->exchange->target_copy (copier->call, copier->block, count,
                                                                  copier->content, copier->from) == 0;
}

/* Whether what the run comes from goes on as what is looked for does. */
static gboolean
goes_on (Copier *copier, guint64 block, const guint8 *hash)
{
  if (copier->count == 0 || copier->block + copier->count != block)
    return FALSE;
  const Hash *found =
      pages_hash (&copier->pages, copier->call, copier->content, copier->from + copier->count);
  return found != NULL && memcmp (found, hash, copier->hash_bytes) == 0;
}

gboolean
copier_place (Copier *copier, guint64 block, const guint8 *hash, int *found)
{
  const struct vmforge_exchange *exchange = copier->call->host->exchange;
  struct vmforge_place place;
  *found = copier->resumes ? exchange->target_has (copier->call, block, hash, copier->hash_bytes) : 0;
  if (*found != 0)
    return *found > 0;
  if (goes_on (copier, block, hash)) {
    copier->count++;
    *found = 1;
    return TRUE;
  }
  *found = exchange->find_block (copier->call, hash, copier->hash_bytes, &place, 1);
  if (*found <= 0)
    return *found == 0;
  gboolean done = copier_end (copier);
  copier->block = block;
  copier->count = 1;
  copier->from = place.block;
  copier->content = place.content;
  return done;
}
