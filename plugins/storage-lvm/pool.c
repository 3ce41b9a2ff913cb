/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The thin pool: found or made by LVM; how full it is, and whether it is sound, the kernel tells in a
 * microsecond. */
#include "storage-lvm.h"

#include <libdevmapper.h>
#include <stdio.h>
#include <string.h>

#define SECTOR 512

char *
pool_device (const Store *store, const char *suffix)
{
  struct dm_pool *memory = dm_pool_create ("vmforge", 256);
  g_autofree char *layer = g_strconcat (store->pool, suffix[0] == '_' ? suffix : "", NULL);
  char *built = dm_build_dm_name (memory, store->vg, layer, suffix[0] == '-' ? suffix + 1 : NULL);
  char *name = g_strdup (built);
  dm_pool_destroy (memory);
  return name;
}

/* The parameters of the first target, in one of the two forms that the kernel tells. *active FALSE: there is
 * no such device. */
static int
ask (Store *store, Call *call, int question, gboolean *active, char **answer)
{
  g_autofree char *name = pool_device (store, "-tpool");
  struct dm_task *task = dm_task_create (question);
  struct dm_info info;
  guint64 start, length;
  char *type = NULL, *parameters = NULL;
  *active = FALSE;
  *answer = NULL;
  gboolean asked = task != NULL && dm_task_set_name (task, name) && dm_task_no_open_count (task);
  gboolean done = asked && dm_task_run (task) && dm_task_get_info (task, &info);
  if (done && info.exists) {
    dm_get_next_target (task, NULL, &start, &length, &type, &parameters);
    *active = type != NULL && strcmp (type, "thin-pool") == 0;
    *answer = *active ? g_strdup (parameters) : NULL;
  }
  if (task != NULL)
    dm_task_destroy (task);
  if (asked)
    return 0; /* a device that is not there fails the task as well */
  call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot speak to the device mapper about '%s'", name);
  return -1;
}

/* What the user runs, and what is done about it. LVM's repair keeps the flag that a check is needed. */
#define DEACTIVATE "run `lvchange -an -S pool_lv=%2$s %1$s`, `lvchange -an %1$s/%2$s` and "
#define CLEAR      "--config 'global/thin_check_options=\"--clear-needs-check-flag\"'"

static int
judge (Store *store, Call *call, const struct dm_status_thin_pool *status)
{
  if (status->fail || status->error)
    call->host->error (call, VMFORGE_PLUGIN_FAILED,
                       "thin pool '%1$s/%2$s' has failed: see the kernel's log, then " DEACTIVATE
                       "`lvconvert --yes --repair %1$s/%2$s`",
                       store->vg, store->pool);
  else if (status->needs_check)
    call->host->error (call, VMFORGE_PLUGIN_FAILED,
                       "thin pool '%1$s/%2$s' needs a check (needs_check is set): " DEACTIVATE
                       "`lvchange -ay " CLEAR " %1$s/%2$s`; where that finds errors, repair it before by "
                       "lvconvert --repair",
                       store->vg, store->pool);
  else
    return 0;
  return -1;
}

/* The fourth word; "-" or a block. libdevmapper has a member for it, and never sets it. */
static guint64
metadata_snapshot (const char *text)
{
  unsigned long long block = 0;
  return sscanf (text, "%*s %*s %*s %llu", &block) == 1 ? block : 0;
}

static int
read_status (Store *store, Call *call, const char *text, Pool *pool)
{
  struct dm_pool *memory = dm_pool_create ("vmforge", 256);
  struct dm_status_thin_pool *status = NULL;
  int done = -1;
  if (dm_get_status_thin_pool (memory, text, &status)) {
    pool->data_total = status->total_data_blocks * pool->chunk;
    pool->data_used = status->used_data_blocks * pool->chunk;
    pool->metadata_total = status->total_metadata_blocks;
    pool->metadata_used = status->used_metadata_blocks;
    pool->snapshot = metadata_snapshot (text);
    done = judge (store, call, status);
  } else {
    call->host->error (call, VMFORGE_PLUGIN_FAILED,
                       "the kernel says of pool '%s/%s' what nobody understands: '%s'", store->vg,
                       store->pool, text);
  }
  dm_pool_destroy (memory);
  return done;
}

int
pool_read (Store *store, Call *call, Pool *pool, gboolean *active)
{
  g_autofree char *table = NULL, *status = NULL;
  unsigned long long sectors = 0;
  *pool = (Pool){0};
  if (ask (store, call, DM_DEVICE_TABLE, active, &table) < 0)
    return -1;
  if (!*active)
    return 0;
  /* metadata device, data device, sectors of a block, low water mark, … */
  if (sscanf (table, "%*s %*s %llu", &sectors) != 1 || sectors == 0) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "the kernel's table of pool '%s/%s' has no block size",
                       store->vg, store->pool);
    return -1;
  }
  pool->chunk = sectors * SECTOR;
  pool->stale = strstr (table, "skip_block_zeroing") != NULL;
  if (ask (store, call, DM_DEVICE_STATUS, active, &status) < 0)
    return -1;
  return *active ? read_status (store, call, status, pool) : 0;
}

static guint
percent (guint64 used, guint64 total)
{
  return total == 0 ? 100 : (guint)(used * 100 / total);
}

int
pool_judge_room (Store *store, Call *call, const Pool *pool)
{
  guint data = percent (pool->data_used, pool->data_total),
        metadata = percent (pool->metadata_used, pool->metadata_total);
  if (data < store->full && metadata < store->full)
    return 0;
  gboolean of_data = data >= store->full;
  call->host->error (
      call, VMFORGE_PLUGIN_NO_SPACE,
      "thin pool '%s/%s' is %u%% full of %s: remove images ('vmforge gc'), or 'lvextend --%s +SIZE %s/%s'",
      store->vg, store->pool, of_data ? data : metadata, of_data ? "data" : "metadata",
      of_data ? "size" : "poolmetadatasize", store->vg, store->pool);
  return -1;
}

int
pool_check (Store *store, Call *call)
{
  Pool pool;
  gboolean active;
  if (pool_read (store, call, &pool, &active) < 0)
    return -1;
  return active ? pool_judge_room (store, call, &pool) : 0;
}

int
pool_message (Store *store, Call *call, const char *message)
{
  g_autofree char *name = pool_device (store, "-tpool");
  struct dm_task *task = dm_task_create (DM_DEVICE_TARGET_MSG);
  gboolean done = task != NULL && dm_task_set_name (task, name) && dm_task_set_sector (task, 0) &&
                  dm_task_set_message (task, message) && dm_task_run (task);
  if (task != NULL)
    dm_task_destroy (task);
  if (!done)
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "the kernel refuses '%s' of pool '%s/%s'", message,
                       store->vg, store->pool);
  return done ? 0 : -1;
}

static int
make_pool (Store *store, Call *call)
{
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT "b", store->create_pool);
  g_autofree char *what = g_strdup_printf ("make the thin pool '%s/%s'", store->vg, store->pool);
  const char *const words[] = {"lvcreate", "--yes",     "--type",   "thin-pool", "--size",  size,
                               "--name",   store->pool, "--addtag", TAG,         store->vg, NULL};
  return lvm_run (store, call, what, NULL, words);
}

static int
activate (Store *store, Call *call)
{
  g_autofree char *name = g_strconcat (store->vg, "/", store->pool, NULL);
  g_autofree char *what = g_strdup_printf ("activate the thin pool '%s'", name);
  const char *const words[] = {"lvchange", "--activate", "y", "--ignoreactivationskip", name, NULL};
  return lvm_run (store, call, what, NULL, words);
}

static int
find (Store *store, Call *call)
{
  gboolean active;
  int found = report_pool (store, call, &active);
  if (found < 0)
    return -1;
  if (found == 0 && store->create_pool > 0)
    return make_pool (store, call);
  if (found > 0)
    return activate (store, call);
  call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT,
                     "volume group '%s' has no thin pool '%s': name one with pool=NAME, or have it made with "
                     "create_pool=SIZE",
                     store->vg, store->pool);
  return -1;
}

/* Of a chunk that is written in part, the rest would be what somebody else had there. */
static int
judge_zeroing (Store *store, Call *call, const Pool *pool)
{
  if (!pool->stale)
    return 0;
  call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT,
                     "thin pool '%1$s/%2$s' does not zero its chunks, so old data of others would get into "
                     "images: run `lvchange --zero y %1$s/%2$s`",
                     store->vg, store->pool);
  return -1;
}

int
pool_open (Store *store, Call *call)
{
  Pool pool;
  gboolean active;
  if (pool_read (store, call, &pool, &active) < 0)
    return -1;
  /* One that needs a check can be activated; better said now than of each volume. */
  if (!active && (find (store, call) < 0 || pool_read (store, call, &pool, &active) < 0))
    return -1;
  return judge_zeroing (store, call, &pool);
}
