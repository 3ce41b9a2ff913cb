/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "tree.h"

#include <string.h>

guint
tree_depth (guint64 bytes)
{
  guint64 blocks = block_count (bytes);
  guint depth = 1;
  while (depth < 9 && blocks > G_GUINT64_CONSTANT (1) << PAGE_SHIFT * depth)
    depth++;
  return depth;
}

static gboolean
read_page (const TreeWalk *walk, guint32 content, guint64 bytes, guint level, guint64 page, Page *room)
{
  if (content != VMFORGE_NO_CONTENT && level < tree_depth (bytes))
    return walk->call->host->exchange->read_page (walk->call, content, level, page, room) == 0;
  memset (room, 0, sizeof *room);
  return TRUE;
}

typedef struct {
  const TreeWalk *walk;
  guint64 pages; /* of level 0 that differ */
  guint64 limit;
  gboolean counts; /* and does not look at them */
} State;

/* Whether what is below this entry may differ. Above the old tree's top nothing is known of it but that it is
 * all below the first page. */
static gboolean
may_differ (const State *state, guint level, guint64 entry, const Hash *before, const Hash *after)
{
  gboolean above = state->walk->old != VMFORGE_NO_CONTENT && level >= tree_depth (state->walk->old_bytes);
  return memcmp (before, after, sizeof *before) != 0 || (above && entry == 0);
}

static gboolean
descend (State *state, guint level, guint64 page)
{
  const TreeWalk *walk = state->walk;
  Page before, after;
  if (level == 0 && state->counts)
    return ++state->pages < state->limit;
  if (walk->call->host->cancelled (walk->call) ||
      !read_page (walk, walk->old, walk->old_bytes, level, page, &before) ||
      !read_page (walk, walk->new, walk->new_bytes, level, page, &after)) {
    state->pages = G_MAXUINT64;
    return FALSE;
  }
  if (level == 0)
    return walk->page (page, &before, &after, walk->user_data);
  for (guint i = 0; i < PAGE_HASHES; i++) {
    guint64 entry = page << PAGE_SHIFT | i;
    if (may_differ (state, level, entry, &before.hashes[i], &after.hashes[i]) &&
        !descend (state, level - 1, entry))
      return FALSE;
  }
  return TRUE;
}

gboolean
tree_walk (const TreeWalk *walk)
{
  State state = {.walk = walk};
  return descend (&state, tree_depth (walk->new_bytes) - 1, 0);
}

guint64
tree_distance (const TreeWalk *walk, guint64 limit)
{
  State state = {.walk = walk, .limit = limit, .counts = TRUE};
  (void)descend (&state, tree_depth (walk->new_bytes) - 1, 0);
  return state.pages;
}
