/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Small files that dead processes left, and logs that nobody will read again. Whatever cannot be removed now
 * is left to the next recovery. */
#include "store/records.h"
#include "support/digest.h"
#include "support/fd.h"
#include "support/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY ".tmp-"
/* Logs younger than LOG_SECONDS stay, and of the older ones those that are among the newest LOG_COUNT. */
#define LOG_SECONDS (30 * 24 * 60 * 60)
#define LOG_COUNT   50

typedef struct {
  char *name;
  time_t time; /* of the last change */
} File;

static void
file_free (gpointer data)
{
  File *file = data;
  g_free (file->name);
  g_free (file);
}

static int
compare_files (gconstpointer a, gconstpointer b)
{
  const File *x = *(const File *const *)a, *y = *(const File *const *)b;
  if (x->time != y->time)
    return x->time > y->time ? -1 : 1;
  return strcmp (x->name, y->name);
}

/* Files of a folder whose names have this beginning, newest first; none where the folder cannot be read. */
static GPtrArray *
list_files (VmforgeStore *store, const char *folder, const char *beginning)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (file_free);
  int fd = openat (store->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  if (dir == NULL)
    vf_fd_clear (&fd);
  for (struct dirent *entry = NULL; dir != NULL && (entry = readdir (dir)) != NULL;) {
    struct stat st;
    if (!g_str_has_prefix (entry->d_name, beginning) ||
        fstatat (dirfd (dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR (st.st_mode))
      continue;
    File *file = g_new (File, 1);
    *file = (File){g_strdup (entry->d_name), st.st_mtime};
    g_ptr_array_add (files, file);
  }
  if (dir != NULL)
    closedir (dir);
  g_ptr_array_sort (files, compare_files);
  return files;
}

static void
remove_file (VmforgeStore *store, const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  unlinkat (store->fd, path, 0);
}

void
vf_sweep_temporaries (VmforgeStore *store, const char *folder)
{
  g_autoptr (GPtrArray) files = list_files (store, folder, TEMPORARY);
  for (guint i = 0; i < files->len; i++)
    remove_file (store, folder, ((const File *)files->pdata[i])->name);
}

/* Nobody writes for a building record whose lock is gone or can be had. Another name is that of an export's
 * record, which is written under the gate. */
static gboolean
is_writer_dead (VmforgeStore *store, const char *volume, VfSweepClaimed claimed, gpointer user_data)
{
  if (strlen (volume) != VF_VOLUME_HEX || !vf_digest_is_hex (volume, VF_VOLUME_HEX))
    return TRUE;
  g_autofree char *path = g_strdup_printf ("building/%s.lock", volume);
  if (claimed (volume, user_data) || !vf_fs_exists (store->fd, path))
    return TRUE;
  g_autoptr (VfLock) lock = vf_building_try_lock (store, volume, NULL);
  return lock != NULL;
}

void
vf_sweep_exports (VmforgeStore *store, VfSweepClaimed claimed, gpointer user_data)
{
  g_autoptr (GPtrArray) files = list_files (store, "exports", TEMPORARY);
  for (guint i = 0; i < files->len; i++) {
    const File *file = files->pdata[i];
    if (is_writer_dead (store, file->name + strlen (TEMPORARY), claimed, user_data))
      remove_file (store, "exports", file->name);
  }
}

void
vf_sweep_key_locks (VmforgeStore *store)
{
  g_autoptr (GPtrArray) files = list_files (store, "locks", VF_KEY_LOCK);
  for (guint i = 0; i < files->len; i++) {
    const File *file = files->pdata[i];
    g_autofree char *path = g_build_filename ("locks", file->name, NULL);
    g_autoptr (VfLock) lock = vf_lock_try (store->fd, path, VF_LOCK_EXCLUSIVE, NULL);
    /* Removed while it is held: who opened it before finds out when he gets it (vf_store_lock_key). */
    if (lock != NULL && vf_lock_is_at (lock, store->fd, path))
      unlinkat (store->fd, path, 0);
  }
}

void
vf_sweep_logs (VmforgeStore *store)
{
  g_autoptr (GPtrArray) files = list_files (store, "logs", "");
  time_t now = time (NULL);
  for (guint i = LOG_COUNT; i < files->len; i++) {
    const File *file = files->pdata[i];
    if (file->time < now - LOG_SECONDS)
      remove_file (store, "logs", file->name);
  }
}
