/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The life of a volume: one LVM command each for what is done to it. */
#include "storage-lvm.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Tags of a new volume, behind the words that are there. */
static void
add_tags (const Store *store, GPtrArray *words, const char *id, guint64 bytes)
{
  const char *stage = g_hash_table_lookup (store->labels, id);
  char *tags[] = {g_strdup (TAG), g_strconcat (TAG_STORE, store->store_id, NULL),
                  g_strdup (TAG_STATE BUILDING), g_strdup_printf (TAG_BYTES "%" G_GUINT64_FORMAT, bytes),
                  stage == NULL ? NULL : g_strconcat (TAG_STAGE, stage, NULL)};
  for (guint i = 0; i < G_N_ELEMENTS (tags); i++) {
    if (tags[i] == NULL)
      continue;
    g_ptr_array_add (words, g_strdup ("--addtag"));
    g_ptr_array_add (words, tags[i]);
  }
}

static GPtrArray *
words_new (const char *first, ...)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  va_list args;
  va_start (args, first);
  for (const char *word = first; word != NULL; word = va_arg (args, const char *))
    g_ptr_array_add (words, g_strdup (word));
  va_end (args);
  return words;
}

static int
run (Store *store, Call *call, const char *verb, const char *id, GPtrArray *words)
{
  g_autofree char *what = g_strdup_printf ("%s volume '%s/" LV_PREFIX "%s'", verb, store->vg, id);
  g_ptr_array_add (words, NULL);
  return lvm_run (store, call, what, NULL, (const char *const *)words->pdata);
}

static int
make (Store *store, Call *call, const char *id, guint64 bytes, GPtrArray *words)
{
  char name[NAME_BYTES];
  report_name (name, id);
  const char *const more[] = {"--name",       name, "--activate",          "n",
                              "--permission", "rw", "--setactivationskip", "y"};
  for (guint i = 0; i < G_N_ELEMENTS (more); i++)
    g_ptr_array_add (words, g_strdup (more[i]));
  add_tags (store, words, id, bytes);
  int done = pool_check (store, call) < 0 ? -1 : run (store, call, "make", id, words);
  g_hash_table_remove (store->labels, id);
  if (done == 0 && store->volumes != NULL)
    report_note (store, id, bytes, FALSE);
  return done;
}

int
volume_create (Store *store, Call *call, const char *id, guint64 bytes)
{
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT "b", bytes);
  g_autofree char *pool = g_strconcat (store->vg, "/", store->pool, NULL);
  g_autoptr (GPtrArray) words =
      words_new ("lvcreate", "--yes", "--type", "thin", "--virtualsize", size, "--thinpool", pool, NULL);
  return make (store, call, id, bytes, words);
}

int
volume_clone (Store *store, Call *call, const char *id, const char *parent)
{
  const Volume *from = report_find (store, call, parent);
  if (from == NULL)
    return -1;
  if (!from->sealed) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume %s is not sealed: it cannot be cloned", parent);
    return -1;
  }
  guint64 bytes = from->bytes;
  g_autofree char *origin = g_strconcat (store->vg, "/" LV_PREFIX, parent, NULL);
  g_autoptr (GPtrArray) words = words_new ("lvcreate", "--yes", "--snapshot", origin, NULL);
  return make (store, call, id, bytes, words);
}

static int
change_tags (Store *store, Call *call, const char *verb, const Volume *volume, const char *old,
             const char *new, gboolean seals)
{
  g_autofree char *path = g_strconcat (store->vg, "/" LV_PREFIX, volume->id, NULL);
  g_autoptr (GPtrArray) words = words_new ("lvchange", "--yes", "--deltag", old, "--addtag", new, NULL);
  if (seals) {
    g_ptr_array_add (words, g_strdup ("--permission"));
    g_ptr_array_add (words, g_strdup ("r"));
  }
  g_ptr_array_add (words, g_strdup (path));
  return run (store, call, verb, volume->id, words);
}

int
volume_grow (Store *store, Call *call, const char *id, guint64 bytes)
{
  Volume *volume = report_find (store, call, id);
  if (volume == NULL)
    return -1;
  if (volume->sealed || bytes < volume->bytes) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED,
                       volume->sealed ? "volume %s is sealed: it cannot grow"
                                      : "volume %s would become smaller: volumes only grow",
                       id);
    return -1;
  }
  if (pool_check (store, call) < 0)
    return -1;
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT "b", bytes);
  g_autofree char *path = g_strconcat (store->vg, "/" LV_PREFIX, id, NULL);
  g_autoptr (GPtrArray) words = words_new ("lvextend", "--size", size, path, NULL);
  if (bytes > volume->room && run (store, call, "extend", id, words) < 0)
    return -1;
  g_autofree char *old = g_strdup_printf (TAG_BYTES "%" G_GUINT64_FORMAT, volume->bytes);
  g_autofree char *new = g_strdup_printf (TAG_BYTES "%" G_GUINT64_FORMAT, bytes);
  if (bytes != volume->bytes && change_tags (store, call, "extend", volume, old, new, FALSE) < 0)
    return -1;
  /* How far LVM rounded up is asked when it matters. */
  report_note (store, id, bytes, FALSE);
  return 0;
}

/* What was written is on the pool's disk when the device has been synced. */
static int
sync_device (Call *call, const char *path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  int done = fd >= 0 && fsync (fd) == 0 ? 0 : fail_errno (call, "cannot sync '%s'", path);
  if (fd >= 0)
    close (fd);
  return done;
}

int
volume_seal (Store *store, Call *call, const char *id)
{
  char path[VMFORGE_PATH_MAX];
  Volume *volume = report_find (store, call, id);
  if (volume == NULL)
    return -1;
  if (volume->sealed)
    return 0;
  /* Not mapped, it was deactivated, which syncs. */
  if (g_hash_table_contains (store->mapped, id) &&
      (active_map (store, call, volume, path) < 0 || sync_device (call, path) < 0))
    return -1;
  if (change_tags (store, call, "seal", volume, TAG_STATE BUILDING, TAG_STATE SEALED, TRUE) < 0)
    return -1;
  volume->sealed = TRUE;
  return 0;
}

int
volume_remove (Store *store, Call *call, const char *id)
{
  if (report_read (store, call) < 0)
    return -1;
  active_forget (store, id);
  if (!g_hash_table_contains (store->volumes, id))
    return 0;
  if (exact_remove (call, id, FALSE) < 0)
    return -1;
  g_autofree char *path = g_strconcat (store->vg, "/" LV_PREFIX, id, NULL);
  g_autoptr (GPtrArray) words = words_new ("lvremove", "--yes", path, NULL);
  if (run (store, call, "remove", id, words) < 0)
    return -1;
  g_hash_table_remove (store->volumes, id);
  return 0;
}

/* Whole chunks go back to the pool, and read as zeros then; of others zeros are written. */
static int
zero_range (int fd, guint64 chunk, guint64 offset, guint64 end)
{
  guint64 first = MIN ((offset + chunk - 1) / chunk * chunk, end), last = MAX (end / chunk * chunk, first);
  guint64 inside[] = {first, last - first}, before[] = {offset, first - offset}, after[] = {last, end - last};
  if (inside[1] > 0 && ioctl (fd, BLKDISCARD, inside) < 0 && ioctl (fd, BLKZEROOUT, inside) < 0)
    return -1;
  return (before[1] > 0 && ioctl (fd, BLKZEROOUT, before) < 0) ||
                 (after[1] > 0 && ioctl (fd, BLKZEROOUT, after) < 0)
             ? -1
             : 0;
}

int
volume_discard (Store *store, Call *call, const char *id, guint64 offset, guint64 length)
{
  char path[VMFORGE_PATH_MAX];
  Pool pool;
  gboolean active;
  Volume *volume = report_find (store, call, id);
  if (volume == NULL || active_map (store, call, volume, path) < 0 ||
      pool_read (store, call, &pool, &active) < 0)
    return -1;
  int fd = open (path, O_RDWR | O_CLOEXEC);
  int done = fd >= 0 && zero_range (fd, pool.chunk, offset, offset + length) == 0
                 ? 0
                 : fail_errno (call, "cannot discard a range of volume '%s/" LV_PREFIX "%s'", store->vg, id);
  if (fd >= 0)
    close (fd);
  return done;
}
