/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "store/hints.h"

#include "blocks/compare.h"
#include "store/hints-volumes.h"
#include "store/records.h"
#include "store/stage-index.h"
#include "support/error.h"

#include <string.h>

#define BATCH (1u << 20) /* hints that are sorted and added at once */

typedef struct {
  VmforgeStore *store;
  VfHintVolumes *volumes;
  VfBlockTable *table;
  guint32 number; /* of the first part of the volume that is learnt */
  GArray *batch;  /* VfBlockHint */
} Learning;

static gboolean
is_alive (guint32 number, gpointer user_data)
{
  const Learning *learning = user_data;
  return vf_hint_volumes_get (learning->volumes, number, NULL) != NULL;
}

static gboolean
flush (Learning *learning, GError **error)
{
  gboolean done =
      learning->batch->len == 0 || vf_block_table_add (learning->table, (VfBlockHint *)learning->batch->data,
                                                       learning->batch->len, is_alive, learning, error);
  g_array_set_size (learning->batch, 0);
  return done;
}

static gboolean
learn_page (guint64 page, const VfBlockPage *before, const VfBlockPage *after, gpointer user_data,
            GError **error)
{
  Learning *learning = user_data;
  for (guint i = 0; i < VF_PAGE_HASHES; i++) {
    const VfBlockHash *hash = &after->hashes[i];
    guint64 block = page << VF_PAGE_SHIFT | i;
    if (memcmp (&before->hashes[i], hash, sizeof *hash) == 0 || vf_block_is_zero (hash, sizeof *hash))
      continue;
    VfBlockHint hint = {.hash = vf_block_table_hash (hash->bytes),
                        .number = learning->number + (guint32)(block / VF_TABLE_BLOCKS),
                        .block = (guint32)(block % VF_TABLE_BLOCKS)};
    g_array_append_val (learning->batch, hint);
  }
  return learning->batch->len < BATCH || flush (learning, error);
}

/* from: NULL, or the stage that it was cloned of. */
static gboolean
learn_stage (Learning *learning, const VfStage *stage, const VfStage *from, GError **error)
{
  guint32 parts = (guint32)(vf_block_count (stage->bytes) / VF_TABLE_BLOCKS) + 1;
  g_autoptr (VfBlockIndex) index = vf_stage_index_open (learning->store, stage, error), parent = NULL;
  if (index == NULL)
    return FALSE;
  if (from != NULL && from->index != NULL)
    parent = vf_stage_index_open (learning->store, from, NULL);
  learning->number =
      vf_hint_volumes_add (learning->volumes, stage->volume, parent == NULL ? NULL : from->volume, parts);
  if (learning->number == 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the table of blocks has no numbers left");
  /* Known before any entry has its number; whole when all are there. */
  return vf_hint_volumes_write (learning->volumes, learning->store, error) &&
         vf_block_compare (parent, index, learn_page, learning, error) && flush (learning, error) &&
         vf_hint_volumes_complete (learning->volumes, stage->volume) &&
         vf_hint_volumes_write (learning->volumes, learning->store, error);
}

static const VfStage *
find_stage (GPtrArray *stages, const char *key, const char *storage)
{
  for (guint i = 0; key != NULL && i < stages->len; i++) {
    const VfStage *stage = g_ptr_array_index (stages, i);
    if (strcmp (stage->key, key) == 0 && strcmp (stage->storage, storage) == 0)
      return stage;
  }
  return NULL;
}

static void
learning_clear (Learning *learning)
{
  g_clear_pointer (&learning->volumes, vf_hint_volumes_free);
  g_clear_pointer (&learning->table, vf_block_table_close);
  g_clear_pointer (&learning->batch, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Learning, learning_clear)

static gboolean
open_table (Learning *learning, GError **error)
{
  VmforgeStore *store = learning->store;
  learning->batch = g_array_new (FALSE, FALSE, sizeof (VfBlockHint));
  learning->table = vf_block_table_open (store->fd, "blocks", TRUE, error);
  if (learning->table == NULL)
    return FALSE;
  learning->volumes = vf_hint_volumes_read (store, vf_block_table_get_id (learning->table));
  return TRUE;
}

/* Stages that are not known yet, or not wholly: this one, and what a process that died left, and in a new
 * table all. Those below first: list is sorted by time. */
static gboolean
learn_missing (Learning *learning, GPtrArray *stages, const char *key, const char *from, GError **error)
{
  for (guint i = 0; i < stages->len; i++) {
    const VfStage *stage = g_ptr_array_index (stages, i);
    if (stage->index == NULL || vf_hint_volumes_has (learning->volumes, stage->volume))
      continue;
    const char *below = from != NULL && g_strcmp0 (stage->key, key) == 0 ? from : stage->parent;
    if (!learn_stage (learning, stage, find_stage (stages, below, stage->storage), error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
learn (VmforgeStore *store, gboolean anew, const char *key, const char *from, GError **error)
{
  g_autoptr (VfLock) lock =
      vf_lock_acquire (store->fd, "locks/blocks", VF_LOCK_EXCLUSIVE, NULL, NULL, NULL, error);
  if (lock == NULL || (anew && !vf_records_remove (store, "blocks", error)))
    return FALSE;
  g_auto (Learning) learning = {.store = store};
  g_autoptr (GPtrArray) stages = vf_store_list_stages (store, error);
  if (stages == NULL || !open_table (&learning, error))
    return FALSE;
  /* Whoever looks for blocks takes from the record who is gone, also where nothing is new. */
  if (vf_hint_volumes_prune (learning.volumes, stages) &&
      !vf_hint_volumes_write (learning.volumes, store, error))
    return FALSE;
  return learn_missing (&learning, stages, key, from, error);
}

gboolean
vf_store_learn_blocks (VmforgeStore *store, const char *key, const char *from, GError **error)
{
  return learn (store, FALSE, key, from, error);
}

gboolean
vf_store_relearn_blocks (VmforgeStore *store, GError **error)
{
  return learn (store, TRUE, NULL, NULL, error);
}

struct _VfHints {
  VfBlockTable *table; /* NULL: none */
  VfHintVolumes *volumes;
};

VfHints *
vf_hints_open (VmforgeStore *store)
{
  VfHints *hints = g_new0 (VfHints, 1);
  hints->table = vf_block_table_open (store->fd, "blocks", FALSE, NULL);
  if (hints->table != NULL)
    hints->volumes = vf_hint_volumes_read (store, vf_block_table_get_id (hints->table));
  return hints;
}

void
vf_hints_close (VfHints *hints)
{
  if (hints == NULL)
    return;
  g_clear_pointer (&hints->table, vf_block_table_close);
  g_clear_pointer (&hints->volumes, vf_hint_volumes_free);
  g_free (hints);
}

guint
vf_hints_find (const VfHints *hints, const guint8 *hash, VfHint *found, guint room)
{
  VfBlockHint entries[16];
  guint count = 0;
  if (hints->table == NULL)
    return 0;
  guint n = vf_block_table_find (hints->table, vf_block_table_hash (hash), entries, G_N_ELEMENTS (entries));
  for (guint i = 0; i < n && count < room; i++) {
    guint32 part;
    const char *volume = vf_hint_volumes_get (hints->volumes, entries[i].number, &part);
    if (volume != NULL)
      found[count++] = (VfHint){volume, part * VF_TABLE_BLOCKS + entries[i].block};
  }
  return count;
}
