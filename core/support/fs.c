/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/fs.h"

#include "support/error.h"
#include "support/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int
at (int dirfd)
{
  return dirfd < 0 ? AT_FDCWD : dirfd;
}

gboolean
vf_fs_exists (int dirfd, const char *path)
{
  struct stat st;
  return fstatat (at (dirfd), path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

gboolean
vf_fs_mkdir_p (int dirfd, const char *path, mode_t mode, GError **error)
{
  if (mkdirat (at (dirfd), path, mode) == 0)
    return TRUE;
  if (errno == ENOENT) {
    g_autofree char *parent = g_path_get_dirname (path);
    if (!vf_fs_mkdir_p (dirfd, parent, mode, error))
      return FALSE;
    if (mkdirat (at (dirfd), path, mode) == 0)
      return TRUE;
  }
  struct stat st;
  if (errno == EEXIST && fstatat (at (dirfd), path, &st, 0) == 0) {
    if (S_ISDIR (st.st_mode))
      return TRUE;
    errno = ENOTDIR;
  }
  return vf_error_set_errno (error, "cannot make the folder '%s'", path);
}

int
vf_fs_open_dir (int dirfd, const char *path, GError **error)
{
  int fd = openat (at (dirfd), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    vf_error_set_errno (error, "cannot open the folder '%s'", path);
  return fd;
}

static char *
read_fd (int fd, const char *path, gsize limit, gsize *length, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[65536];
  while (TRUE) {
    ssize_t step = read (fd, buffer, sizeof buffer);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0) {
      vf_error_set_errno (error, "cannot read '%s'", path);
      return NULL;
    }
    if (step == 0)
      break;
    if (text->len + (gsize)step > limit) {
      vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is larger than %" G_GSIZE_FORMAT " bytes", path,
                    limit);
      return NULL;
    }
    g_string_append_len (text, buffer, step);
  }
  if (length != NULL)
    *length = text->len;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
vf_fs_read (int dirfd, const char *path, gsize limit, gsize *length, GError **error)
{
  vf_autofd int fd = openat (at (dirfd), path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    vf_error_set_errno (error, "cannot open '%s'", path);
    return NULL;
  }
  return read_fd (fd, path, limit, length, error);
}

gboolean
vf_fs_write_all (int fd, const void *data, gsize length, GError **error)
{
  const char *bytes = data;
  while (length > 0) {
    ssize_t step = write (fd, bytes, length);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0)
      return vf_error_set_errno (error, "cannot write");
    bytes += step;
    length -= (gsize)step;
  }
  return TRUE;
}

/* A rename lasts only once the folder is synced. */
static gboolean
sync_parent (int dirfd, const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  vf_autofd int fd = vf_fs_open_dir (dirfd, parent, error);
  if (fd < 0)
    return FALSE;
  if (fsync (fd) < 0)
    return vf_error_set_errno (error, "cannot sync the folder '%s'", parent);
  return TRUE;
}

static gboolean
write_temporary (int dirfd, const char *path, const void *data, gsize length, mode_t mode, GError **error)
{
  vf_autofd int fd = openat (at (dirfd), path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return vf_error_set_errno (error, "cannot make '%s'", path);
  if (!vf_fs_write_all (fd, data, length, error)) {
    g_prefix_error (error, "'%s': ", path);
    return FALSE;
  }
  if (fchmod (fd, mode) < 0 || fsync (fd) < 0)
    return vf_error_set_errno (error, "cannot write '%s'", path);
  return TRUE;
}

gboolean
vf_fs_write (int dirfd, const char *path, const void *data, gsize length, mode_t mode, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path), *name = g_path_get_basename (path);
  g_autofree char *temporary =
      g_strdup_printf ("%s/.tmp-%d-%08x-%s", parent, (int)getpid (), g_random_int (), name);
  gboolean written = write_temporary (dirfd, temporary, data, length, mode, error);
  if (written && renameat (at (dirfd), temporary, at (dirfd), path) < 0)
    written = vf_error_set_errno (error, "cannot write '%s'", path);
  if (!written) {
    (void)unlinkat (at (dirfd), temporary, 0);
    return FALSE;
  }
  return sync_parent (dirfd, path, error);
}

/* Where a folder is. The device alone does not tell a bind mount of the same filesystem, whose files are in
 * use elsewhere. */
typedef struct {
  guint major, minor;
  guint64 mount; /* 0 where the kernel does not say (before Linux 5.8) */
} Place;

static gboolean
find_place (int fd, Place *place)
{
  struct statx stx;
  if (statx (fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &stx) < 0)
    return FALSE;
  *place =
      (Place){stx.stx_dev_major, stx.stx_dev_minor, (stx.stx_mask & STATX_MNT_ID) != 0 ? stx.stx_mnt_id : 0};
  return TRUE;
}

static gboolean
same_place (const Place *a, const Place *b)
{
  return a->major == b->major && a->minor == b->minor && a->mount == b->mount;
}

static gboolean remove_at (int dirfd, const char *name, const char *shown, const Place *within,
                           GError **error);

/* Takes the descriptor. */
static gboolean
remove_entries (int fd, const char *shown, const Place *place, GError **error)
{
  DIR *dir = fdopendir (fd);
  if (dir == NULL) {
    vf_error_set_errno (error, "cannot list '%s'", shown);
    vf_fd_clear (&fd);
    return FALSE;
  }
  gboolean done = TRUE;
  for (struct dirent *entry = readdir (dir); done && entry != NULL; entry = readdir (dir)) {
    if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
      continue;
    g_autofree char *path = g_build_filename (shown, entry->d_name, NULL);
    done = remove_at (dirfd (dir), entry->d_name, path, place, error);
  }
  closedir (dir);
  return done;
}

/* shown: the path for messages. within: where the folder above is, or NULL at the top. */
static gboolean
remove_at (int dirfd, const char *name, const char *shown, const Place *within, GError **error)
{
  if (unlinkat (dirfd, name, 0) == 0 || errno == ENOENT)
    return TRUE;
  int why = errno;
  vf_autofd int fd = why != EISDIR && why != EPERM
                         ? -1
                         : openat (dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOTDIR)
      errno = why; /* a file after all: why it stays is what unlinkat() said */
    return vf_error_set_errno (error, "cannot remove '%s'", shown);
  }
  Place place;
  if (!find_place (fd, &place))
    return vf_error_set_errno (error, "cannot remove '%s'", shown);
  if (within != NULL && !same_place (&place, within))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is on another filesystem: not removed", shown);
  if (!remove_entries (vf_fd_steal (&fd), shown, &place, error))
    return FALSE;
  if (unlinkat (dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
    return vf_error_set_errno (error, "cannot remove the folder '%s'", shown);
  return TRUE;
}

gboolean
vf_fs_remove (int dirfd, const char *path, GError **error)
{
  return remove_at (at (dirfd), path, path, NULL, error);
}
