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
    if (!vf_rootfs_write_text (root, absolute, "", error))
      return FALSE;
    *place = (VfPlace){g_strdup (absolute), n_folders, inode_of (root, absolute)};
  }
  *resolved = g_steal_pointer (&absolute);
  return TRUE;
}

void
vf_place_remove (VfPlace *place, const VfRootfs *root)
{
  if (!place->path)
    return;
  g_autofree char *path = g_steal_pointer (&place->path);
  gboolean gone = inode_of (root, path) == place->inode && vf_rootfs_remove (root, path, NULL);
  for (guint i = 0; gone && i < place->n_folders; i++) {
    g_autofree char *child = g_steal_pointer (&path);
    path = g_path_get_dirname (child);
    g_autofree char *parent = g_path_get_dirname (path), *name = g_path_get_basename (path);
    vf_autofd int fd = vf_rootfs_open_at (root, parent, O_RDONLY | O_DIRECTORY, NULL);
    gone = fd >= 0 && unlinkat (fd, name, AT_REMOVEDIR) == 0; /* one that is in use is not empty */
  }
}
