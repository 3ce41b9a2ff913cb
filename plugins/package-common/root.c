/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Files of the root filesystem, reached so that no link in it leads to the host. */
#include "package.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Renames elsewhere while `..` is resolved. */
#define MAX_TRIES 128
#define TEMPORARY ".vmforge-new"

int
pkg_open (const struct vmforge_root *root, const char *path, int flags, int mode)
{
  struct open_how how = {.flags = (guint64)(flags | O_CLOEXEC),
                         .mode = (flags & O_CREAT) != 0 ? (guint64)mode : 0,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  int fd = -1;
  for (guint i = 0; i < MAX_TRIES && fd < 0; i++) {
    fd = (int)syscall (SYS_openat2, root->fd, path, &how, sizeof how);
    if (fd < 0 && errno != EAGAIN)
      return -1;
  }
  return fd;
}

int
pkg_make_folder (const struct vmforge_root *root, const char *path)
{
  int fd = pkg_open (root, path, O_PATH | O_DIRECTORY, 0);
  if (fd >= 0 || errno != ENOENT)
    return fd;
  g_autofree char *above = g_path_get_dirname (path), *name = g_path_get_basename (path);
  int parent = pkg_make_folder (root, above);
  if (parent < 0)
    return -1;
  int made = mkdirat (parent, name, 0755);
  int saved = errno;
  close (parent);
  errno = saved;
  return made < 0 && errno != EEXIST ? -1 : pkg_open (root, path, O_PATH | O_DIRECTORY, 0);
}

/* Nothing is opened for reading before it is known what it is: a package may have put a FIFO or a device
 * there. */
static int
open_regular (const struct vmforge_root *root, const char *path, gsize limit)
{
  int place = pkg_open (root, path, O_PATH, 0), fd = -1;
  struct stat st;
  if (place < 0)
    return -1;
  errno = EINVAL;
  if (fstat (place, &st) == 0 && S_ISREG (st.st_mode)) {
    g_autofree char *through = g_strdup_printf ("/proc/self/fd/%d", place);
    errno = EFBIG;
    fd = (guint64)st.st_size > limit ? -1 : open (through, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  int saved = errno;
  close (place);
  errno = saved;
  return fd;
}

static gssize
read_some (int fd, char *buffer, gsize length)
{
  gssize step;
  do
    step = read (fd, buffer, length);
  while (step < 0 && errno == EINTR);
  return step;
}

int
pkg_read (Call *call, const struct vmforge_root *root, const char *path, gsize limit, GString *text)
{
  int fd = open_regular (root, path, limit);
  if (fd < 0 && errno == ENOENT)
    return 0;
  gssize step = fd < 0 ? -1 : 1;
  char buffer[65536];
  while (step > 0 && text->len <= limit) {
    step = read_some (fd, buffer, sizeof buffer);
    g_string_append_len (text, buffer, MAX (step, 0));
  }
  int saved = step > 0 ? EFBIG : errno;
  if (fd >= 0)
    close (fd);
  if (step == 0)
    return 0;
  if (saved == EINVAL)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED,
                     "'/%s' in the image is no regular file: a package or script put something else there",
                     path);
  return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot read '/%s' in the image: %s", path,
                   g_strerror (saved));
}

static gboolean
write_all (int fd, const char *text, gsize length)
{
  while (length > 0) {
    gssize step = write (fd, text, length);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0)
      return FALSE;
    text += step;
    length -= (gsize)step;
  }
  return TRUE;
}

/* A new file, renamed over whatever is there. */
static gboolean
replace (int folder, const char *name, const char *text, gsize length, int mode)
{
  (void)unlinkat (folder, TEMPORARY, 0);
  int fd = openat (folder, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return FALSE;
  gboolean done = write_all (fd, text, length) && fchmod (fd, (mode_t)mode) == 0 &&
                  renameat (folder, TEMPORARY, folder, name) == 0;
  int saved = errno;
  close (fd);
  if (!done)
    (void)unlinkat (folder, TEMPORARY, 0);
  errno = saved;
  return done;
}

int
pkg_write (Call *call, const struct vmforge_root *root, const char *path, const char *text, gsize length,
           int mode)
{
  g_autofree char *above = g_path_get_dirname (path), *name = g_path_get_basename (path);
  int folder = pkg_make_folder (root, above);
  gboolean written = folder >= 0 && replace (folder, name, text, length, mode);
  int saved = errno;
  if (folder >= 0)
    close (folder);
  if (written)
    return 0;
  return pkg_fail (call, saved == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED,
                   "cannot write '/%s' in the image: %s", path, g_strerror (saved));
}

void
pkg_remove (const struct vmforge_root *root, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  int fd = pkg_open (root, folder, O_PATH | O_DIRECTORY, 0);
  if (fd < 0)
    return;
  (void)unlinkat (fd, name, 0);
  close (fd);
}

void
pkg_remove_empty_folders (const struct vmforge_root *root, const char *path)
{
  g_autofree char *above = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  int fd = pkg_open (root, above, O_PATH | O_DIRECTORY, 0);
  gboolean removed = fd >= 0 && unlinkat (fd, name, AT_REMOVEDIR) == 0;
  if (fd >= 0)
    close (fd);
  if (removed && strcmp (above, ".") != 0)
    pkg_remove_empty_folders (root, above);
}

gboolean
pkg_exists (const struct vmforge_root *root, const char *path)
{
  int fd = pkg_open (root, path, O_PATH, 0);
  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

void
pkg_empty_folder (const struct vmforge_root *root, const char *path)
{
  int fd = pkg_open (root, path, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0)
    return;
  g_autofree char *through = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = g_dir_open (through, 0, NULL);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL;
       name = g_dir_read_name (dir))
    (void)unlinkat (fd, name, 0); /* folders (partial/) stay */
  close (fd);
}
