/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "repository/repository-private.h"

#include "blocks/compare.h"
#include "store/stage-index.h"
#include "support/error.h"

#include <string.h>

/* Stages that are compared: the most recently used. */
#define MAX_CANDIDATES 64

typedef struct {
  guint64 pages, limit;
} Count;

static gboolean
count_page (guint64 page, const VfBlockPage *before, const VfBlockPage *after, gpointer user_data,
            GError **error)
{
  Count *count = user_data;
  /* No need to know how much farther it is. */
  return ++count->pages < count->limit || vf_error_set (error, VMFORGE_ERROR_FAILED, "too far");
}

/* Pages of the index that differ, counted up to limit; more also where that cannot be told. */
static guint64
distance (const VfBlockIndex *before, const VfBlockIndex *after, guint64 limit)
{
  Count count = {0, limit};
  g_autoptr (GError) failure = NULL;
  return vf_block_compare (before, after, count_page, &count, &failure) ? count.pages : G_MAXUINT64;
}

static gboolean
has_pack (const VfUpdate *update, const char *root)
{
  for (char **pack = update->packs; *pack != NULL; pack++)
    if (strncmp (*pack, root, strlen (root)) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
may_be (const VfUpdate *update, const VfStage *stage, const VfStage *candidate)
{
  return candidate->index != NULL && strcmp (candidate->index, stage->index) != 0 &&
         strcmp (candidate->storage, stage->storage) == 0 && candidate->bytes <= stage->bytes &&
         has_pack (update, candidate->index);
}

static int
compare_used (gconstpointer a, gconstpointer b)
{
  const VfStage *x = *(const VfStage *const *)a, *y = *(const VfStage *const *)b;
  return (x->used < y->used) - (x->used > y->used);
}

VfStage *
repository_nearest (VfUpdate *update, const VfStage *stage, GError **error)
{
  g_autoptr (GPtrArray) stages = vf_store_list_stages (update->store, error);
  g_autoptr (VfBlockIndex) index = stages == NULL ? NULL : vf_stage_index_open (update->store, stage, error);
  if (index == NULL)
    return NULL;
  g_ptr_array_sort (stages, compare_used);
  guint64 nearest = distance (NULL, index, G_MAXUINT64);
  const VfStage *found = NULL;
  for (guint i = 0, looked = 0; i < stages->len && looked < MAX_CANDIDATES; i++) {
    const VfStage *candidate = g_ptr_array_index (stages, i);
    if (!may_be (update, stage, candidate))
      continue;
    looked++;
    g_autoptr (VfBlockIndex) before = vf_stage_index_open (update->store, candidate, NULL);
    guint64 pages = before == NULL ? G_MAXUINT64 : distance (before, index, nearest);
    if (pages >= nearest)
      continue;
    nearest = pages;
    found = candidate;
  }
  return found == NULL ? NULL : vf_store_find_stage (update->store, found->key, error);
}
