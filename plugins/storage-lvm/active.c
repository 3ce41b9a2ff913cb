/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes are active while somebody uses them. Who does holds a shared lock of STORE/lvm/ID; whoever can have
 * it alone is the last one, and deactivates. The kernel drops the locks of a process that is killed, so what
 * it left is found by the file that is still there. */
#include "storage-lvm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT "mapped for the user\n"

static char *
device_name (const Store *store, const char *id)
{
  char name[NAME_BYTES];
  report_name (name, id);
  struct dm_pool *memory = dm_pool_create ("vmforge", 256);
  char *built = g_strdup (dm_build_dm_name (memory, store->vg, name, NULL));
  dm_pool_destroy (memory);
  return built;
}

static gboolean
is_active (const Store *store, const char *id)
{
  g_autofree char *name = device_name (store, id);
  struct dm_task *task = dm_task_create (DM_DEVICE_INFO);
  struct dm_info info = {0};
  gboolean asked = task != NULL && dm_task_set_name (task, name) && dm_task_no_open_count (task) &&
                   dm_task_run (task) && dm_task_get_info (task, &info);
  if (task != NULL)
    dm_task_destroy (task);
  return asked && info.exists;
}

/* quiet: that it fails is no failure. */
static int
change (Store *store, Call *call, const char *id, gboolean on, gboolean quiet)
{
  char name[NAME_BYTES];
  report_name (name, id);
  g_autofree char *path = g_strconcat (store->vg, "/", name, NULL);
  g_autofree char *what = g_strdup_printf ("%s volume '%s'", on ? "activate" : "deactivate", path);
  const char *const words[] = {"lvchange", "--activate", on ? "y" : "n", "--ignoreactivationskip",
                               path,       NULL};
  return lvm_run (store, call, quiet ? NULL : what, NULL, words);
}

/* Locked shared, and still the file of that name. -1 with the error set. */
static int
take_lock (Store *store, Call *call, const char *id)
{
  struct stat ours, named;
  for (;;) {
    int fd = openat (store->folder, id, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock (fd, LOCK_SH) < 0) {
      fail_errno (call, "cannot lock '%s/%s'", store->folder_path, id);
      if (fd >= 0)
        close (fd);
      return -1;
    }
    if (fstat (fd, &ours) == 0 && fstatat (store->folder, id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        ours.st_ino == named.st_ino)
      return fd;
    close (fd); /* whoever had it was the last one and removed it */
  }
}

/* The link that udev makes, or the node itself where there are no such links. */
static int
find_node (Store *store, Call *call, const char *id, char *path)
{
  char name[NAME_BYTES];
  report_name (name, id);
  g_autofree char *device = device_name (store, id);
  snprintf (path, VMFORGE_PATH_MAX, "/dev/%s/%s", store->vg, name);
  if (access (path, F_OK) == 0)
    return 0;
  snprintf (path, VMFORGE_PATH_MAX, "/dev/mapper/%s", device);
  if (access (path, F_OK) == 0)
    return 0;
  call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "'/dev/%s/%s' did not appear: is udev running?",
                     store->vg, name);
  return -1;
}

static int
open_device (Store *store, Call *call, const Volume *volume)
{
  char path[VMFORGE_PATH_MAX];
  if (!is_active (store, volume->id) && change (store, call, volume->id, TRUE, FALSE) < 0)
    return -1;
  if (volume->bytes == volume->room)
    return 0;
  return find_node (store, call, volume->id, path) < 0 ? -1 : exact_make (call, volume, path);
}

int
active_map (Store *store, Call *call, Volume *volume, char *path)
{
  if (!g_hash_table_contains (store->mapped, volume->id)) {
    int lock = take_lock (store, call, volume->id);
    if (lock < 0)
      return -1;
    g_hash_table_insert (store->mapped, g_strdup (volume->id), GINT_TO_POINTER (lock + 1));
  }
  if (open_device (store, call, volume) < 0)
    return -1;
  if (volume->bytes == volume->room)
    return find_node (store, call, volume->id, path);
  exact_path (volume->id, path);
  return 0;
}

/* Closes the lock; with the last one goes the device, unless it shall stay. */
static int
release (Store *store, Call *call, const char *id, int lock, gboolean quiet)
{
  int done = 0;
  struct stat info;
  if (flock (lock, LOCK_EX | LOCK_NB) == 0 && fstat (lock, &info) == 0) {
    gboolean active = is_active (store, id), stays = active && info.st_size > 0;
    if (active && !stays)
      done = exact_remove (call, id, quiet) < 0 ? -1 : change (store, call, id, FALSE, quiet);
    if (done == 0 && !stays)
      (void)unlinkat (store->folder, id, 0);
  }
  close (lock);
  return done;
}

int
active_unmap (Store *store, Call *call, const char *id)
{
  int lock = GPOINTER_TO_INT (g_hash_table_lookup (store->mapped, id)) - 1;
  if (lock < 0)
    return 0;
  g_hash_table_remove (store->mapped, id);
  return release (store, call, id, lock, FALSE);
}

void
active_forget (Store *store, const char *id)
{
  int lock = GPOINTER_TO_INT (g_hash_table_lookup (store->mapped, id)) - 1;
  if (lock >= 0)
    close (lock);
  g_hash_table_remove (store->mapped, id);
  (void)unlinkat (store->folder, id, 0);
}

void
active_keep (Store *store)
{
  GHashTableIter iter;
  gpointer lock;
  g_hash_table_iter_init (&iter, store->mapped);
  while (g_hash_table_iter_next (&iter, NULL, &lock)) {
    (void)!write (GPOINTER_TO_INT (lock) - 1, KEPT, strlen (KEPT));
    close (GPOINTER_TO_INT (lock) - 1);
  }
  g_hash_table_remove_all (store->mapped);
}

int
active_recover (Store *store, Call *call, gboolean kept)
{
  int copy = openat (store->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), done = 0;
  DIR *folder = copy < 0 ? NULL : fdopendir (copy);
  if (folder == NULL) {
    if (copy >= 0)
      close (copy);
    return fail_errno (call, "cannot list '%s'", store->folder_path);
  }
  for (const struct dirent *entry; (entry = readdir (folder)) != NULL;) {
    if (strlen (entry->d_name) != ID_LENGTH || g_hash_table_contains (store->mapped, entry->d_name))
      continue;
    int lock = openat (store->folder, entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0)
      continue;
    if (kept)
      (void)!ftruncate (lock, 0);
    done |= release (store, call, entry->d_name, lock, !kept);
  }
  closedir (folder);
  return kept ? done : 0; /* what somebody has open is found again */
}
