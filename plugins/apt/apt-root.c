/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Files of the root filesystem, reached so that no link in it leads to the host. */
#include "apt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int
apt_open_in_root (const struct vmforge_root *root, const char *path, int flags, int mode)
{
  struct open_how how = {.flags = (guint64)(flags | O_CLOEXEC),
                         .mode = (flags & O_CREAT) != 0 ? (guint64)mode : 0,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall (SYS_openat2, root->fd, path, &how, sizeof how);
}

/* Opens the folder of path, making what is missing. */
static int
open_parent (const struct vmforge_root *root, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = apt_open_in_root (root, folder, O_PATH | O_DIRECTORY, 0);
  if (fd >= 0 || errno != ENOENT)
    return fd;
  int parent = open_parent (root, folder);
  if (parent < 0)
    return -1;
  g_autofree char *name = g_path_get_basename (folder);
  int made = mkdirat (parent, name, 0755);
  close (parent);
  return made < 0 && errno != EEXIST ? -1 : apt_open_in_root (root, folder, O_PATH | O_DIRECTORY, 0);
}

int
apt_write (Call *call, const struct vmforge_root *root, const char *path, const char *text, gsize length,
           int mode)
{
  int parent = open_parent (root, path);
  int fd = -1;
  if (parent >= 0) {
    close (parent);
    fd = apt_open_in_root (root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }
  gboolean written = fd >= 0;
  for (gsize done = 0; written && done < length;) {
    gssize step = write (fd, text + done, length - done);
    written = step > 0;
    done += written ? (gsize)step : 0;
  }
  written = written && fchmod (fd, (mode_t)mode) == 0;
  int saved = errno;
  if (fd >= 0)
    close (fd);
  if (written)
    return 0;
  return apt_fail (call, saved == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED,
                   "cannot write '/%s' in the image: %s", path, g_strerror (saved));
}

void
apt_remove (const struct vmforge_root *root, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  int fd = apt_open_in_root (root, folder, O_PATH | O_DIRECTORY, 0);
  if (fd < 0)
    return;
  (void)unlinkat (fd, name, 0);
  close (fd);
}

gboolean
apt_exists (const struct vmforge_root *root, const char *path)
{
  int fd = apt_open_in_root (root, path, O_PATH, 0);
  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

void
apt_empty_folder (const struct vmforge_root *root, const char *path)
{
  int fd = apt_open_in_root (root, path, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0)
    return;
  g_autofree char *through = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = g_dir_open (through, 0, NULL);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL;
       name = g_dir_read_name (dir))
    (void)unlinkat (fd, name, 0); /* folders (partial/) stay */
  close (fd);
}
