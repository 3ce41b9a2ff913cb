/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The table of blocks, and the record of its volumes. Both hold hints alone, and whoever learns next makes up
 * for what a process that died has not learnt: that is no damage. What nobody would make up for is. */
#include "store/fsck.h"

#include "blocks/table.h"
#include "store/hints-volumes.h"
#include "store/records.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KIND   "blocks"
#define TABLE  "blocks"
#define RECORD "blocks.json"
#define LOCK   "locks/blocks"

/* It is made with its header last: one without a header is the next writer's to make. */
static gboolean
is_begun (VmforgeStore *store)
{
  static const guint8 none[VF_BLOCK_BYTES];
  guint8 header[VF_BLOCK_BYTES] = {0};
  vf_autofd int fd = openat (store->fd, TABLE, O_RDONLY | O_CLOEXEC);
  return fd >= 0 && pread (fd, header, sizeof header, 0) >= 0 && memcmp (header, none, sizeof header) == 0;
}

static gboolean
is_held (VmforgeStore *store)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLock) lock = vf_lock_try (store->fd, LOCK, VF_LOCK_SHARED, &error);
  return lock == NULL && error == NULL;
}

/* Whoever learns learns all that lack, oldest first: those that are not older than all that are known are yet
 * to come. stages: by time. */
static guint
count_passed_by (const VfHintVolumes *volumes, GPtrArray *stages)
{
  guint count = 0;
  gint64 last = G_MININT64;
  for (guint i = stages->len; i-- > 0;) {
    const VfStage *stage = g_ptr_array_index (stages, i);
    if (stage->index == NULL)
      continue;
    if (vf_hint_volumes_has (volumes, stage->volume))
      last = MAX (last, stage->built);
    else
      count += stage->built < last;
  }
  return count;
}

static void
check_volumes (VfFsck *fsck, const VfBlockTable *table)
{
  guint64 id = vf_block_table_get_id (table);
  g_autofree char *text = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", id);
  g_autoptr (VfJson) record = vf_records_read (fsck->store, RECORD, NULL);
  if (record == NULL || strcmp (vf_json_string (record, "table", ""), text) != 0) {
    if (record != NULL || vf_block_table_get_entries (table) > 0)
      vf_fsck_found (fsck, KIND, RECORD, VF_CURE_BLOCKS, NULL,
                     record == NULL ? "is not there" : "is not of this table of blocks");
    return;
  }
  /* A stage that cannot be read has been told. */
  g_autoptr (GPtrArray) stages = vf_store_list_stages (fsck->store, NULL);
  g_autoptr (VfHintVolumes) volumes = vf_hint_volumes_read (fsck->store, id);
  guint count = stages == NULL ? 0 : count_passed_by (volumes, stages);
  if (count > 0)
    vf_fsck_found (fsck, KIND, RECORD, VF_CURE_BLOCKS, NULL, "lacks %u of the stages that are recorded",
                   count);
}

/* Whoever holds the lock is at work on both. */
gboolean
vf_fsck_hints (VfFsck *fsck, GError **error)
{
  g_autoptr (GError) failure = NULL;
  guint before = fsck->faults->len;
  if (!vf_fs_exists (fsck->store->fd, TABLE)) {
    vf_fsck_record (fsck, KIND, RECORD, VF_CURE_BLOCKS, NULL);
    return TRUE;
  }
  if (is_held (fsck->store))
    return TRUE;
  vf_fsck_record (fsck, KIND, RECORD, VF_CURE_BLOCKS, NULL);
  g_autoptr (VfBlockTable) table = vf_block_table_open (fsck->store->fd, TABLE, FALSE, &failure);
  if (table == NULL && failure != NULL)
    vf_fsck_found (fsck, KIND, TABLE, VF_CURE_BLOCKS, NULL, "%s", failure->message);
  else if (table == NULL && !is_begun (fsck->store))
    vf_fsck_found (fsck, KIND, TABLE, VF_CURE_BLOCKS, NULL, "damaged: is no table of blocks");
  if (table != NULL && fsck->faults->len == before)
    check_volumes (fsck, table);
  return TRUE;
}

static guint64
count_wrong_pages (VfFsck *fsck)
{
  guint64 entries;
  g_autoptr (VfBlockTable) table = vf_block_table_open (fsck->store->fd, TABLE, FALSE, NULL);
  return table == NULL ? 0 : vf_block_table_verify (table, &entries);
}

/* Nobody waits for this look. A page that looks wrong may be one that is written right now: it is looked at
 * again when nobody writes. */
gboolean
vf_fsck_hint_pages (VfFsck *fsck, GError **error)
{
  if (count_wrong_pages (fsck) == 0)
    return TRUE;
  g_autoptr (VfLock) lock =
      vf_lock_acquire (fsck->store->fd, LOCK, VF_LOCK_SHARED, NULL, NULL, fsck->cancellable, NULL);
  guint64 wrong = count_wrong_pages (fsck);
  if (wrong == G_MAXUINT64)
    vf_fsck_found (fsck, KIND, TABLE, VF_CURE_BLOCKS, NULL, "cannot be read");
  else if (wrong > 0)
    vf_fsck_found (fsck, KIND, TABLE, VF_CURE_BLOCKS, NULL,
                   "damaged: %" G_GUINT64_FORMAT " of its pages have another checksum", wrong);
  return TRUE;
}
