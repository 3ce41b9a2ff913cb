/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a store takes on its disk. */
#include "store/gc.h"

#include "support/error.h"
#include "support/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Folders that are measured file by file; what stages take is told by their records. */
static const char *const measured[] = {"exports", "cache", "logs"};

/* Files come and go meanwhile: what cannot be looked at counts for nothing. Takes fd. */
static guint64
measure_folder (int fd)
{
  guint64 sum = 0;
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  if (dir == NULL)
    vf_fd_clear (&fd);
  for (struct dirent *entry = NULL; dir != NULL && (entry = readdir (dir)) != NULL;) {
    struct stat st;
    if (g_str_equal (entry->d_name, ".") || g_str_equal (entry->d_name, "..") ||
        fstatat (dirfd (dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    sum += (guint64)st.st_blocks * 512;
    if (S_ISDIR (st.st_mode))
      sum += measure_folder (
          openat (dirfd (dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (dir != NULL)
    closedir (dir);
  return sum;
}

/* Volume → bytes that it takes. */
static GHashTable *
list_allocated (VmforgeStore *store, GError **error)
{
  g_autoptr (GPtrArray) volumes = vf_storage_list (store->storage, error);
  if (volumes == NULL)
    return NULL;
  GHashTable *allocated = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < volumes->len; i++) {
    const VfVolume *volume = g_ptr_array_index (volumes, i);
    guint64 *bytes = g_new (guint64, 1);
    *bytes = volume->allocated;
    g_hash_table_insert (allocated, g_strdup (volume->id), bytes);
  }
  return allocated;
}

gboolean
vf_size_measure (VmforgeStore *store, GPtrArray *stages, guint64 *bytes, GError **error)
{
  g_autoptr (GHashTable) allocated = list_allocated (store, error);
  if (allocated == NULL)
    return FALSE;
  *bytes = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (measured); i++)
    *bytes += measure_folder (openat (store->fd, measured[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (guint i = 0; i < stages->len; i++) {
    VfStage *stage = g_ptr_array_index (stages, i);
    const guint64 *known = g_hash_table_lookup (allocated, stage->volume);
    /* Without a record of its own blocks all that a volume maps counts, shared or not. */
    if (stage->own == G_MAXUINT64)
      stage->own = known == NULL ? 0 : *known;
    *bytes += stage->own;
    g_hash_table_remove (allocated, stage->volume);
  }
  /* Volumes that are being built, or were kept. */
  GHashTableIter iter;
  gpointer rest;
  g_hash_table_iter_init (&iter, allocated);
  while (g_hash_table_iter_next (&iter, NULL, &rest))
    *bytes += *(guint64 *)rest;
  return TRUE;
}

gboolean
vf_store_size (VmforgeStore *store, guint64 *bytes, GError **error)
{
  g_autoptr (GPtrArray) stages = vf_store_list_stages (store, error);
  return stages != NULL && vf_size_measure (store, stages, bytes, error);
}

guint64
vf_store_limit (VmforgeStore *store)
{
  struct statvfs host;
  if (store->config->store_limit != 0)
    return store->config->store_limit;
  return fstatvfs (store->fd, &host) < 0 ? G_MAXUINT64 : (guint64)host.f_blocks * host.f_frsize / 2;
}
