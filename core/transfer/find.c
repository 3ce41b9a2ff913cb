/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/find.h"

#include <string.h>

#define MAX_HINTS 8

/* Whether the content has it there: the index says so, up to its root. One that cannot be read has nothing.
 */
static gboolean
has_at (VfContents *contents, guint32 content, guint64 block, const guint8 *hash, guint32 hash_bytes)
{
  VfBlockHash found;
  VfBlockIndex *index = vf_contents_index (contents, content, NULL);
  return index != NULL && vf_block_index_lookup (index, block, &found, NULL) &&
         memcmp (&found, hash, hash_bytes) == 0;
}

int
vf_find_block (VfContents *contents, const guint8 *hash, guint32 hash_bytes, struct vmforge_place *places,
               guint32 room)
{
  VfHint hints[MAX_HINTS];
  guint32 count = 0;
  guint n = vf_hints_find (vf_contents_hints (contents), hash, hints, MAX_HINTS);
  for (guint i = 0; i < n && count < room; i++) {
    guint32 content = vf_contents_find_volume (contents, hints[i].volume);
    if (content == VMFORGE_NO_CONTENT || !has_at (contents, content, hints[i].block, hash, hash_bytes))
      continue;
    places[count++] = (struct vmforge_place){.content = content, .block = hints[i].block};
  }
  return (int)count;
}
