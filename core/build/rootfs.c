/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/rootfs.h"

#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"
#include "support/units.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_LINKS  40
#define ATTEMPTS   32 /* to open while another process renames */
#define READ_LIMIT (16 * 1024 * 1024)

VfRootfs *
vf_rootfs_open (const char *path, gint64 epoch, GError **error)
{
  int fd = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    vf_error_set_errno (error, "cannot open the root filesystem '%s'", path);
    return NULL;
  }
  VfRootfs *root = g_new (VfRootfs, 1);
  *root = (VfRootfs){g_strdup (path), fd, epoch};
  return root;
}

void
vf_rootfs_close (VfRootfs *root)
{
  if (!root)
    return;
  vf_fd_clear (&root->fd);
  g_free (root->path);
  g_free (root);
}

/* Opens a resolved path: whatever changed since, the kernel neither leaves the root nor follows a link. */
static int
open_resolved (const VfRootfs *root, const char *resolved, int flags)
{
  struct open_how how = {
      .flags = flags | O_CLOEXEC | O_NOFOLLOW,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  int fd = -1;
  for (int attempt = 0; attempt < ATTEMPTS && fd < 0; attempt++) {
    fd = syscall (SYS_openat2, root->fd, *resolved ? resolved : ".", &how, sizeof how);
    if (fd < 0 && errno != EAGAIN && errno != EINTR)
      break;
  }
  return fd;
}

/* The target of the symbolic link at a resolved path; NULL where there is none. */
static char *
read_link (const VfRootfs *root, const char *resolved)
{
  /* Its parent has no links any more; the last component may be one, which O_PATH opens, but NO_SYMLINKS not.
   */
  g_autofree char *parent = g_path_get_dirname (resolved);
  g_autofree char *name = g_path_get_basename (resolved);
  vf_autofd int fd = open_resolved (root, parent, O_PATH | O_DIRECTORY);
  char target[PATH_MAX];
  ssize_t length = fd < 0 ? -1 : readlinkat (fd, name, target, sizeof target - 1);
  return length < 0 ? NULL : g_strndup (target, length);
}

/* Components still to walk, the next one last. */
static void
push_components (GPtrArray *pending, const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  for (guint i = g_strv_length (parts); i > 0; i--)
    if (*parts[i - 1] && strcmp (parts[i - 1], ".") != 0)
      g_ptr_array_add (pending, g_strdup (parts[i - 1]));
}

typedef struct {
  const VfRootfs *root;
  const char *path;   /* as the caller wrote it */
  GPtrArray *pending; /* components, the next one last */
  GString *resolved;
  guint links;
} Walk;

static gboolean
climb (Walk *walk, GError **error)
{
  if (walk->resolved->len == 0)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "'%s' leaves the root filesystem through '..' or a symbolic link", walk->path);
  char *slash = strrchr (walk->resolved->str, '/');
  g_string_truncate (walk->resolved, slash ? slash - walk->resolved->str : 0);
  return TRUE;
}

static gboolean
follow_link (Walk *walk, const char *target, gsize length_before, GError **error)
{
  if (++walk->links > MAX_LINKS)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' has too many symbolic links", walk->path);
  g_string_truncate (walk->resolved, *target == '/' ? 0 : length_before);
  push_components (walk->pending, target);
  return TRUE;
}

static gboolean
step (Walk *walk, gboolean follow, GError **error)
{
  g_autofree char *name = g_ptr_array_steal_index (walk->pending, walk->pending->len - 1);
  if (strcmp (name, "..") == 0)
    return climb (walk, error);
  const gsize before = walk->resolved->len;
  g_string_append_printf (walk->resolved, "%s%s", before ? "/" : "", name);
  if (walk->pending->len == 0 && !follow)
    return TRUE;
  g_autofree char *target = read_link (walk->root, walk->resolved->str);
  return !target || follow_link (walk, target, before, error);
}

char *
vf_rootfs_resolve (const VfRootfs *root, const char *path, gboolean follow, GError **error)
{
  g_autoptr (GPtrArray) pending = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) resolved = g_string_new (NULL);
  Walk walk = {root, path, pending, resolved, 0};
  push_components (pending, path);
  while (pending->len > 0)
    if (!step (&walk, follow, error))
      return NULL;
  return g_string_free (g_steal_pointer (&resolved), FALSE);
}

int
vf_rootfs_open_at (const VfRootfs *root, const char *path, int flags, GError **error)
{
  g_autofree char *resolved = vf_rootfs_resolve (root, path, TRUE, error);
  if (!resolved) {
    errno = EXDEV;
    return -1;
  }
  int fd = open_resolved (root, resolved, flags);
  if (fd < 0)
    vf_error_set_errno (error, "cannot open '%s' in the root filesystem", path);
  return fd;
}

gboolean
vf_rootfs_exists (const VfRootfs *root, const char *path)
{
  vf_autofd int fd = vf_rootfs_open_at (root, path, O_PATH, NULL);
  return fd >= 0;
}

gboolean
vf_rootfs_is_link (const VfRootfs *root, const char *path)
{
  g_autofree char *resolved = vf_rootfs_resolve (root, path, FALSE, NULL);
  g_autofree char *target = resolved ? read_link (root, resolved) : NULL;
  return target != NULL;
}

int
vf_rootfs_open_file (const VfRootfs *root, const char *path, gsize limit, gsize *length, GError **error)
{
  /* Neither does a pipe without a writer keep us, nor a terminal become ours. */
  vf_autofd int fd = vf_rootfs_open_at (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
  struct stat info;
  if (fd < 0)
    return -1;
  if (fstat (fd, &info) != 0)
    return vf_error_set_errno (error, "cannot look at '%s' in the root filesystem", path), -1;
  if (!S_ISREG (info.st_mode))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' in the root filesystem is no regular file", path),
           -1;
  if ((guint64)info.st_size > limit) {
    g_autofree char *size = vf_units_format_size ((guint64)info.st_size),
                    *most = vf_units_format_size (limit);
    vf_error_set (error, VMFORGE_ERROR_FAILED,
                  "'%s' in the root filesystem is too large: it has %s, and may have %s", path, size, most);
    return -1;
  }
  *length = (gsize)info.st_size;
  return vf_fd_steal (&fd);
}

char *
vf_rootfs_read_data (const VfRootfs *root, const char *path, gsize limit, gsize *length, GError **error)
{
  gsize size, done = 0;
  vf_autofd int fd = vf_rootfs_open_file (root, path, limit, &size, error);
  if (fd < 0)
    return NULL;
  g_autofree char *data = g_malloc (size + 1);
  while (done < size) {
    ssize_t step = read (fd, data + done, size - done);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0) {
      vf_error_set_errno (error, "cannot read '%s' in the root filesystem", path);
      return NULL;
    }
    if (step == 0)
      break;
    done += (gsize)step;
  }
  data[done] = '\0';
  if (length)
    *length = done;
  return g_steal_pointer (&data);
}

char *
vf_rootfs_read (const VfRootfs *root, const char *path, GError **error)
{
  return vf_rootfs_read_data (root, path, READ_LIMIT, NULL, error);
}

char *
vf_rootfs_read_if_any (const VfRootfs *root, const char *path, const char *fallback, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autofree char *text = vf_rootfs_read (root, path, &failure);
  if (text)
    return g_steal_pointer (&text);
  if (!vf_rootfs_exists (root, path))
    return g_strdup (fallback);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

/* The next folder of a resolved path, made where absent. */
static int
enter (const VfRootfs *root, int dir, const char *name, const char *path, GError **error)
{
  if (mkdirat (dir, name, 0755) == 0) {
    if (fchmodat (dir, name, 0755, 0) != 0 || fchownat (dir, name, 0, 0, AT_SYMLINK_NOFOLLOW) != 0)
      return vf_error_set_errno (error, "cannot make the folder of '%s'", path), -1;
  } else if (errno != EEXIST)
    return vf_error_set_errno (error, "cannot make the folder '%s' of '%s'", name, path), -1;
  int fd = openat (dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    vf_error_set_errno (error, "cannot enter the folder '%s' of '%s'", name, path);
  return fd;
}

static int
enter_resolved (const VfRootfs *root, const char *resolved, const char *path, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (resolved, "/", -1);
  vf_autofd int dir = open_resolved (root, ".", O_RDONLY | O_DIRECTORY);
  if (dir < 0)
    return vf_error_set_errno (error, "cannot open the root filesystem"), -1;
  for (guint i = 0; parts[i]; i++) {
    if (!*parts[i] || strcmp (parts[i], ".") == 0)
      continue;
    int next = enter (root, dir, parts[i], path, error);
    if (next < 0)
      return -1;
    vf_fd_clear (&dir);
    dir = next;
  }
  return vf_fd_steal (&dir);
}

int
vf_rootfs_ensure_dir (const VfRootfs *root, const char *path, GError **error)
{
  g_autofree char *resolved = vf_rootfs_resolve (root, path, TRUE, error);
  return resolved ? enter_resolved (root, resolved, path, error) : -1;
}

static gboolean
set_access (const VfRootfs *root, int fd, const char *path, const VfAccess *access, GError **error)
{
  if (fchown (fd, access->uid, access->gid) != 0 || fchmod (fd, access->mode & 07777) != 0)
    return vf_error_set_errno (error, "cannot set owner and mode of '%s'", path);
  const struct timespec times[2] = {{root->epoch, 0}, {root->epoch, 0}};
  if (root->epoch >= 0 && futimens (fd, times) != 0)
    return vf_error_set_errno (error, "cannot set the time of '%s'", path);
  return TRUE;
}

gboolean
vf_rootfs_mkdir (const VfRootfs *root, const char *path, const VfAccess *access, GError **error)
{
  vf_autofd int fd = vf_rootfs_ensure_dir (root, path, error);
  return fd >= 0 && set_access (root, fd, path, access, error);
}

/* The folder that shall hold path, made where absent, and the last component. A last component that is a
 * symbolic link out of the root is refused as well, though it would only be replaced: it is not what the user
 * meant. */
static int
open_parent (const VfRootfs *root, const char *path, char **name, GError **error)
{
  g_autofree char *target = vf_rootfs_resolve (root, path, TRUE, error);
  g_autofree char *resolved = target ? vf_rootfs_resolve (root, path, FALSE, error) : NULL;
  if (!resolved)
    return -1;
  if (!*resolved || g_str_has_suffix (path, "/"))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' names a folder, not a file", path), -1;
  g_autofree char *parent = g_path_get_dirname (resolved);
  int dir = enter_resolved (root, parent, path, error);
  struct stat info;
  *name = g_path_get_basename (resolved);
  if (dir >= 0 && fstatat (dir, *name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (info.st_mode)) {
    vf_fd_clear (&dir);
    vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is a folder in the root filesystem", path);
  }
  if (dir < 0)
    g_clear_pointer (name, g_free);
  return dir;
}

/* A file is made beside its place and renamed: whoever reads sees the old one or the new one. */
#define TEMPORARY ".vmforge-new"

static int
open_temporary (int dir, const char *path, GError **error)
{
  unlinkat (dir, TEMPORARY, 0);
  int fd = openat (dir, TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    vf_error_set_errno (error, "cannot make '%s' in the root filesystem", path);
  return fd;
}

static gboolean
put_in_place (int dir, const char *name, const char *path, GError **error)
{
  if (renameat (dir, TEMPORARY, dir, name) == 0)
    return TRUE;
  vf_error_set_errno (error, "cannot put '%s' in place", path);
  unlinkat (dir, TEMPORARY, 0);
  return FALSE;
}

gboolean
vf_rootfs_write (const VfRootfs *root, const char *path, const char *data, gsize length,
                 const VfAccess *access, GError **error)
{
  g_autofree char *name = NULL;
  vf_autofd int dir = open_parent (root, path, &name, error);
  vf_autofd int fd = dir < 0 ? -1 : open_temporary (dir, path, error);
  if (fd < 0)
    return FALSE;
  if (!vf_fs_write_all (fd, data, length, error) || !set_access (root, fd, path, access, error)) {
    unlinkat (dir, TEMPORARY, 0);
    g_prefix_error (error, "'%s': ", path);
    return FALSE;
  }
  return put_in_place (dir, name, path, error);
}

gboolean
vf_rootfs_write_text (const VfRootfs *root, const char *path, const char *text, GError **error)
{
  return vf_rootfs_write (root, path, text, strlen (text), &VF_ACCESS_FILE, error);
}

gboolean
vf_rootfs_symlink (const VfRootfs *root, const char *path, const char *target, uid_t uid, gid_t gid,
                   GError **error)
{
  g_autofree char *name = NULL;
  vf_autofd int dir = open_parent (root, path, &name, error);
  if (dir < 0)
    return FALSE;
  unlinkat (dir, TEMPORARY, 0);
  const struct timespec times[2] = {{root->epoch, 0}, {root->epoch, 0}};
  if (symlinkat (target, dir, TEMPORARY) != 0 ||
      fchownat (dir, TEMPORARY, uid, gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      (root->epoch >= 0 && utimensat (dir, TEMPORARY, times, AT_SYMLINK_NOFOLLOW) != 0)) {
    vf_error_set_errno (error, "cannot make the symbolic link '%s'", path);
    unlinkat (dir, TEMPORARY, 0);
    return FALSE;
  }
  return put_in_place (dir, name, path, error);
}

/* The copy is what is checked: the source may change while it is read. */
static gboolean
check_digest (int fd, const char *path, const char *digest, GError **error)
{
  if (!digest)
    return TRUE;
  g_autofree char *found = vf_digest_fd (fd, error);
  if (!found)
    return FALSE;
  return strcmp (found, digest) == 0 ||
         vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "the source of '%s' changed since the build began: run it again", path);
}

gboolean
vf_rootfs_copy (const VfRootfs *root, const char *path, int from, const char *digest, const VfAccess *access,
                GError **error)
{
  g_autofree char *name = NULL;
  vf_autofd int dir = open_parent (root, path, &name, error);
  vf_autofd int fd = dir < 0 ? -1 : open_temporary (dir, path, error);
  if (fd < 0)
    return FALSE;
  if (!vf_fs_copy_data (from, fd, NULL, error) || !check_digest (fd, path, digest, error) ||
      !set_access (root, fd, path, access, error)) {
    unlinkat (dir, TEMPORARY, 0);
    return FALSE;
  }
  return put_in_place (dir, name, path, error);
}

gboolean
vf_rootfs_remove (const VfRootfs *root, const char *path, GError **error)
{
  g_autofree char *resolved = vf_rootfs_resolve (root, path, FALSE, error);
  if (!resolved)
    return FALSE;
  if (!*resolved)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the root itself cannot be removed");
  return vf_fs_remove (root->fd, resolved, error);
}

static gboolean
is_folder (int dir, const char *name)
{
  struct stat info;
  return fstatat (dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (info.st_mode);
}

static gboolean
empty (const VfRootfs *root, const char *path, gboolean keep_folders, GError **error)
{
  vf_autofd int fd = vf_rootfs_open_at (root, path, O_RDONLY | O_DIRECTORY, NULL);
  if (fd < 0)
    return errno == ENOENT || vf_error_set_errno (error, "cannot open '%s' in the root filesystem", path);
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = g_dir_open (self, 0, error);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    if (!(keep_folders && is_folder (fd, name)) && !vf_fs_remove (fd, name, error))
      return FALSE;
  return dir != NULL;
}

gboolean
vf_rootfs_empty (const VfRootfs *root, const char *path, GError **error)
{
  return empty (root, path, FALSE, error);
}

gboolean
vf_rootfs_remove_files (const VfRootfs *root, const char *path, GError **error)
{
  return empty (root, path, TRUE, error);
}
