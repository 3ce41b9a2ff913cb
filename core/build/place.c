/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/place.h"

#include "support/fd.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static guint
count_absent_folders (const VfRootfs *root, const char *path)
{
  guint count = 0;
  g_autofree char *folder = g_path_get_dirname (path);
  while (strcmp (folder, "/") != 0 && !vf_rootfs_exists (root, folder)) {
    g_autofree char *child = g_steal_pointer (&folder);
    folder = g_path_get_dirname (child);
    count++;
  }
  return count;
}

/* Of the folder that was there before. */
static char *
lasting_folder (const char *path, guint n_folders)
{
  char *folder = g_path_get_dirname (path);
  for (guint i = 0; i < n_folders; i++) {
    g_autofree char *child = folder;
    folder = g_path_get_dirname (child);
  }
  return folder;
}

static struct timespec
modified (const VfRootfs *root, const char *folder)
{
  struct stat info = {0};
  vf_autofd int fd = vf_rootfs_open_at (root, folder, O_PATH, NULL);
  return fd >= 0 && fstat (fd, &info) == 0 ? info.st_mtim : (struct timespec){0};
}

/* A folder in which nothing but our file came and went looks untouched, so that builds agree. */
static void
restore_time (const VfPlace *place, const VfRootfs *root, const char *folder, const struct timespec *now)
{
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, place->before};
  vf_autofd int fd = -1;
  if (now->tv_sec != place->after.tv_sec || now->tv_nsec != place->after.tv_nsec)
    return;
  fd = vf_rootfs_open_at (root, folder, O_RDONLY | O_DIRECTORY, NULL);
  if (fd >= 0)
    (void)futimens (fd, times);
}

static ino_t
inode_of (const VfRootfs *root, const char *path)
{
  vf_autofd int fd = vf_rootfs_open_at (root, path, O_PATH, NULL);
  struct stat info;
  return fd >= 0 && fstat (fd, &info) == 0 && info.st_size == 0 ? info.st_ino : 0;
}

gboolean
vf_place_make (VfPlace *place, const VfRootfs *root, const char *path, char **resolved, GError **error)
{
  g_autofree char *inside = vf_rootfs_resolve (root, path, TRUE, error);
  if (!inside)
    return FALSE;
  g_autofree char *absolute = g_strconcat ("/", inside, NULL);
  if (!vf_rootfs_exists (root, absolute)) {
    guint n_folders = count_absent_folders (root, absolute);
    g_autofree char *folder = lasting_folder (absolute, n_folders);
    struct timespec before = modified (root, folder);
    if (!vf_rootfs_write_text (root, absolute, "", error))
      return FALSE;
    *place = (VfPlace){.path = g_strdup (absolute),
                       .n_folders = n_folders,
                       .inode = inode_of (root, absolute),
                       .before = before,
                       .after = modified (root, folder)};
  }
  *resolved = g_steal_pointer (&absolute);
  return TRUE;
}

void
vf_place_remove (VfPlace *place, const VfRootfs *root)
{
  if (!place->path)
    return;
  g_autofree char *path = g_steal_pointer (&place->path), *folder = lasting_folder (path, place->n_folders);
  const struct timespec now = modified (root, folder);
  gboolean gone = inode_of (root, path) == place->inode && vf_rootfs_remove (root, path, NULL);
  for (guint i = 0; gone && i < place->n_folders; i++) {
    g_autofree char *child = g_steal_pointer (&path);
    path = g_path_get_dirname (child);
    g_autofree char *parent = g_path_get_dirname (path), *name = g_path_get_basename (path);
    vf_autofd int fd = vf_rootfs_open_at (root, parent, O_RDONLY | O_DIRECTORY, NULL);
    gone = fd >= 0 && unlinkat (fd, name, AT_REMOVEDIR) == 0; /* one that is in use is not empty */
  }
  if (gone)
    restore_time (place, root, folder, &now);
}
