/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/storage-files.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX    ".raw"
#define ID_LENGTH 32
#define SEALED    0400
#define WRITABLE  0600

static char *
name_of (const char *id)
{
  return g_strconcat (id, SUFFIX, NULL);
}

/* While it has no other name, where the filesystem has no unnamed files. */
static char *
part_name (const char *id)
{
  return g_strconcat (id, SUFFIX, ".part", NULL);
}

static int
open_volume (int dirfd, const char *id, int flags, struct stat *status, GError **error)
{
  g_autofree char *name = name_of (id);
  vf_autofd int fd = openat (dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 || fstat (fd, status) < 0)
    vf_error_set_errno (error, "cannot open volume %s", id);
  else if (!S_ISREG (status->st_mode))
    vf_error_set (error, VMFORGE_ERROR_FAILED, "volume %s is no file", id);
  else
    return vf_fd_steal (&fd);
  return -1;
}

static gboolean
is_sealed (const struct stat *status)
{
  return (status->st_mode & S_IWUSR) == 0;
}

/* A file that vanishes with its maker. -1 with error. */
static int
begin (int dirfd, const char *id, gboolean *unnamed, GError **error)
{
  int fd = openat (dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, WRITABLE);
  *unnamed = fd >= 0;
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    g_autofree char *part = part_name (id);
    unlinkat (dirfd, part, 0);
    fd = openat (dirfd, part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, WRITABLE);
  }
  if (fd < 0)
    vf_error_set_errno (error, "cannot make volume %s", id);
  return fd;
}

/* The volume is there from here on. An id that is used already is an error. Takes the descriptor, and gives
 * it back. */
static int
end (int dirfd, const char *id, int taken, gboolean unnamed, gboolean whole, GError **error)
{
  vf_autofd int fd = taken;
  g_autofree char *name = name_of (id), *part = part_name (id);
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", fd);
  int linked = -1;
  if (whole && unnamed)
    linked = linkat (AT_FDCWD, self, dirfd, name, AT_SYMLINK_FOLLOW);
  else if (whole)
    linked = linkat (dirfd, part, dirfd, name, 0);
  if (whole && linked < 0)
    vf_error_set_errno (error, "cannot name volume %s", id);
  if (!unnamed)
    unlinkat (dirfd, part, 0);
  return linked == 0 ? vf_fd_steal (&fd) : -1;
}

int
vf_files_create (int dirfd, const char *id, guint64 bytes, GError **error)
{
  gboolean unnamed;
  int fd = begin (dirfd, id, &unnamed, error);
  if (fd < 0)
    return -1;
  gboolean whole =
      ftruncate (fd, (off_t)bytes) == 0 ||
      vf_error_set_errno (error, "cannot make volume %s of %" G_GUINT64_FORMAT " bytes", id, bytes);
  return end (dirfd, id, fd, unnamed, whole, error);
}

int
vf_files_clone (int dirfd, const char *id, const char *parent, GCancellable *cancellable, GError **error)
{
  struct stat status;
  gboolean unnamed;
  vf_autofd int from = open_volume (dirfd, parent, O_RDONLY, &status, error);
  if (from < 0)
    return -1;
  if (!is_sealed (&status)) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "volume %s is not sealed: it cannot be cloned", parent);
    return -1;
  }
  int to = begin (dirfd, id, &unnamed, error);
  if (to < 0)
    return -1;
  gboolean whole = vf_fs_copy_data (from, to, cancellable, error);
  if (!whole)
    g_prefix_error (error, "cannot clone volume %s: ", parent);
  return end (dirfd, id, to, unnamed, whole, error);
}

char *
vf_files_map (int dirfd, const char *id, gboolean read_only, GError **error)
{
  struct stat status;
  vf_autofd int fd = open_volume (dirfd, id, O_RDONLY, &status, error);
  if (fd < 0)
    return NULL;
  if (read_only || !is_sealed (&status))
    return name_of (id);
  vf_error_set (error, VMFORGE_ERROR_FAILED, "volume %s is sealed: it can only be read", id);
  return NULL;
}

gboolean
vf_files_grow (int dirfd, const char *id, guint64 bytes, GError **error)
{
  struct stat status;
  /* For reading at first: root could open a sealed file for writing too. */
  vf_autofd int fd = open_volume (dirfd, id, O_RDONLY, &status, error);
  if (fd < 0)
    return FALSE;
  if (is_sealed (&status))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "volume %s is sealed: it cannot grow", id);
  if (bytes < (guint64)status.st_size)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "volume %s cannot be made smaller", id);
  vf_fd_clear (&fd);
  fd = open_volume (dirfd, id, O_RDWR, &status, error);
  return fd >= 0 &&
         (ftruncate (fd, (off_t)bytes) == 0 || vf_error_set_errno (error, "cannot grow volume %s", id));
}

gboolean
vf_files_seal (int dirfd, const char *id, int made, GError **error)
{
  struct stat status;
  vf_autofd int fd = open_volume (dirfd, id, O_RDONLY, &status, error);
  if (fd < 0)
    return FALSE;
  /* Data first: after a crash no file may look sealed that is not whole. */
  return ((made < 0 || fsync (made) == 0) && fsync (fd) == 0 && fchmod (fd, SEALED) == 0 && fsync (fd) == 0 &&
          fsync (dirfd) == 0) ||
         vf_error_set_errno (error, "cannot seal volume %s", id);
}

gboolean
vf_files_remove_part (int dirfd, const char *id, GError **error)
{
  g_autofree char *part = part_name (id);
  return unlinkat (dirfd, part, 0) == 0 || errno == ENOENT ||
         vf_error_set_errno (error, "cannot remove what was begun of volume %s", id);
}

gboolean
vf_files_remove (int dirfd, const char *id, GError **error)
{
  g_autofree char *name = name_of (id);
  if (!vf_files_remove_part (dirfd, id, error))
    return FALSE;
  return unlinkat (dirfd, name, 0) == 0 || errno == ENOENT ||
         vf_error_set_errno (error, "cannot remove volume %s", id);
}

static gboolean
is_volume_name (const char *name)
{
  return strlen (name) == ID_LENGTH + strlen (SUFFIX) && strspn (name, "0123456789abcdef") == ID_LENGTH &&
         strcmp (name + ID_LENGTH, SUFFIX) == 0;
}

/* FALSE with error; what vanished meanwhile, or is no volume, is left out. */
static gboolean
list_one (int dirfd, const char *name, GPtrArray *volumes, GError **error)
{
  struct stat status;
  if (!is_volume_name (name))
    return TRUE;
  if (fstatat (dirfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT || vf_error_set_errno (error, "cannot look at volume '%s'", name);
  if (!S_ISREG (status.st_mode))
    return TRUE;
  VfVolume *volume = g_new0 (VfVolume, 1);
  volume->id = g_strndup (name, ID_LENGTH);
  volume->sealed = is_sealed (&status);
  volume->bytes = (guint64)status.st_size;
  volume->allocated = (guint64)status.st_blocks * 512;
  g_ptr_array_add (volumes, volume);
  return TRUE;
}

GPtrArray *
vf_files_list (int dirfd, GError **error)
{
  g_autoptr (GPtrArray) volumes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_volume_free);
  vf_autofd int fd = openat (dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir (fd);
  if (!folder) {
    vf_error_set_errno (error, "cannot read the folder of the volumes");
    return NULL;
  }
  vf_fd_steal (&fd);
  gboolean good = TRUE;
  struct dirent *entry;
  while (good && (errno = 0, entry = readdir (folder)))
    good = list_one (dirfd, entry->d_name, volumes, error);
  if (good && errno != 0)
    good = vf_error_set_errno (error, "cannot read the folder of the volumes");
  closedir (folder);
  return good ? g_steal_pointer (&volumes) : NULL;
}

GArray *
vf_files_extents (int dirfd, const char *id, GError **error)
{
  struct stat status;
  vf_autofd int fd = open_volume (dirfd, id, O_RDONLY, &status, error);
  if (fd < 0)
    return NULL;
  g_autoptr (GArray) extents = g_array_new (FALSE, FALSE, sizeof (VfExtent));
  for (off_t offset = 0; offset < status.st_size;) {
    off_t data = lseek (fd, offset, SEEK_DATA);
    off_t stop = data == offset ? lseek (fd, offset, SEEK_HOLE) : data < 0 ? status.st_size : data;
    if ((data < 0 && errno != ENXIO) || stop < 0) {
      vf_error_set_errno (error, "cannot find the holes of volume %s", id);
      return NULL;
    }
    VfExtent extent = {(guint64)offset, (guint64)(stop - offset),
                       data == offset ? VMFORGE_EXTENT_DATA : VMFORGE_EXTENT_HOLE};
    g_array_append_val (extents, extent);
    offset = stop;
  }
  return g_steal_pointer (&extents);
}
