/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A filesystem that passes everything on to another folder, but lets chosen write-like operations fail:
 *
 *   failing-fs FOLDER MOUNTPOINT CONTROL [TRACE]
 *
 * CONTROL is a file that holds a struct control, shared with the test: it counts and chooses there. TRACE
 * gets a line "NUMBER KIND PATH" for each operation that counts. It stays in the foreground until it is
 * unmounted. */
#define FUSE_USE_VERSION 35

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum kind { WRITE = 1, SYNC = 2, NAME = 4, REMOVE = 8, META = 16 };

/* failing.py knows this layout. */
struct control {
  uint64_t count;       /* operations of these kinds so far */
  uint64_t first, last; /* which of them fail; 0: none */
  uint64_t failed;      /* how many did */
  uint32_t kinds;
  int32_t error;   /* errno; 0: writes are short, by half, and the others succeed */
  char what[256];  /* the first that failed: KIND PATH */
  char within[64]; /* only operations on paths that contain this count */
};

static struct control *control;
static int root = -1;
static FILE *trace;

static const char *
at (const char *path)
{
  return path[1] ? path + 1 : ".";
}

static int
result (int value)
{
  return value < 0 ? -errno : 0;
}

/* Whether this operation is one that fails. */
static bool
is_chosen (enum kind kind, const char *name, const char *path)
{
  if (!(control->kinds & kind) || !strstr (path, control->within))
    return false;
  uint64_t number = ++control->count;
  if (trace)
    fprintf (trace, "%llu %s %s\n", (unsigned long long)number, name, path);
  if (!control->first || number < control->first || number > control->last)
    return false;
  if (control->failed++ == 0)
    snprintf (control->what, sizeof control->what, "%s %s", name, path);
  return true;
}

static bool
fails (enum kind kind, const char *name, const char *path)
{
  return is_chosen (kind, name, path) && control->error;
}

#define FAIL(kind, name, path)                                                                               \
  do                                                                                                         \
    if (fails (kind, name, path))                                                                            \
      return -control->error;                                                                                \
  while (0)

static void *
fs_init (struct fuse_conn_info *connection, struct fuse_config *config)
{
  (void)connection;
  config->use_ino = 1;
  return NULL;
}

static int
fs_getattr (const char *path, struct stat *status, struct fuse_file_info *info)
{
  return result (info ? fstat ((int)info->fh, status)
                      : fstatat (root, at (path), status, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
}

static int
fs_readlink (const char *path, char *buffer, size_t size)
{
  ssize_t length = readlinkat (root, at (path), buffer, size - 1);
  if (length < 0)
    return -errno;
  buffer[length] = '\0';
  return 0;
}

static int
fs_mkdir (const char *path, mode_t mode)
{
  FAIL (NAME, "mkdir", path);
  return result (mkdirat (root, at (path), mode));
}

/* What libfuse does where an open file is removed: it renames it to this, which may fail, and removes it when
 * it is closed. A close that fails to remove is something that no disk does. */
static bool
is_removed_already (const char *path)
{
  return strstr (path, "/.fuse_hidden") != NULL;
}

static int
fs_unlink (const char *path)
{
  if (!is_removed_already (path))
    FAIL (REMOVE, "unlink", path);
  return result (unlinkat (root, at (path), 0));
}

static int
fs_rmdir (const char *path)
{
  FAIL (REMOVE, "rmdir", path);
  return result (unlinkat (root, at (path), AT_REMOVEDIR));
}

static int
fs_symlink (const char *target, const char *path)
{
  FAIL (NAME, "symlink", path);
  return result (symlinkat (target, root, at (path)));
}

static int
fs_rename (const char *from, const char *to, unsigned int flags)
{
  FAIL (NAME, "rename", to);
  return result (renameat2 (root, at (from), root, at (to), flags));
}

static int
fs_link (const char *from, const char *to)
{
  FAIL (NAME, "link", to);
  return result (linkat (root, at (from), root, at (to), 0));
}

static int
fs_chmod (const char *path, mode_t mode, struct fuse_file_info *info)
{
  FAIL (META, "chmod", path);
  return result (info ? fchmod ((int)info->fh, mode) : fchmodat (root, at (path), mode, 0));
}

static int
fs_chown (const char *path, uid_t uid, gid_t gid, struct fuse_file_info *info)
{
  FAIL (META, "chown", path);
  return result (info ? fchown ((int)info->fh, uid, gid)
                      : fchownat (root, at (path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int
truncate_path (const char *path, off_t size)
{
  int fd = openat (root, at (path), O_WRONLY | O_CLOEXEC);
  int done = fd < 0 ? -errno : result (ftruncate (fd, size));
  if (fd >= 0)
    close (fd);
  return done;
}

static int
fs_truncate (const char *path, off_t size, struct fuse_file_info *info)
{
  FAIL (META, "truncate", path);
  return info ? result (ftruncate ((int)info->fh, size)) : truncate_path (path, size);
}

static int
fs_utimens (const char *path, const struct timespec times[2], struct fuse_file_info *info)
{
  FAIL (META, "utimens", path);
  return result (info ? futimens ((int)info->fh, times)
                      : utimensat (root, at (path), times, AT_SYMLINK_NOFOLLOW));
}

static int
keep (struct fuse_file_info *info, int fd)
{
  if (fd < 0)
    return -errno;
  info->fh = (uint64_t)fd;
  return 0;
}

static int
fs_create (const char *path, mode_t mode, struct fuse_file_info *info)
{
  FAIL (NAME, "create", path);
  return keep (info, openat (root, at (path), (info->flags & ~O_APPEND) | O_CREAT | O_CLOEXEC, mode));
}

static int
fs_open (const char *path, struct fuse_file_info *info)
{
  /* The kernel sends the offsets of appended writes. */
  return keep (info, openat (root, at (path), (info->flags & ~O_APPEND) | O_CLOEXEC));
}

static int
fs_read (const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *info)
{
  (void)path;
  ssize_t done = pread ((int)info->fh, buffer, size, offset);
  return done < 0 ? -errno : (int)done;
}

static int
fs_write (const char *path, const char *buffer, size_t size, off_t offset, struct fuse_file_info *info)
{
  if (is_chosen (WRITE, "write", path)) {
    if (control->error)
      return -control->error;
    size = (size + 1) / 2;
  }
  ssize_t done = pwrite ((int)info->fh, buffer, size, offset);
  return done < 0 ? -errno : (int)done;
}

static int
fs_fsync (const char *path, int data_alone, struct fuse_file_info *info)
{
  FAIL (SYNC, "fsync", path);
  return result (data_alone ? fdatasync ((int)info->fh) : fsync ((int)info->fh));
}

static int
fs_fallocate (const char *path, int mode, off_t offset, off_t length, struct fuse_file_info *info)
{
  FAIL (WRITE, "fallocate", path);
  return result (fallocate ((int)info->fh, mode, offset, length));
}

static off_t
fs_lseek (const char *path, off_t offset, int whence, struct fuse_file_info *info)
{
  (void)path;
  off_t found = lseek ((int)info->fh, offset, whence);
  return found < 0 ? -errno : found;
}

static int
fs_release (const char *path, struct fuse_file_info *info)
{
  (void)path;
  close ((int)info->fh);
  return 0;
}

static int
fs_statfs (const char *path, struct statvfs *status)
{
  (void)path;
  return result (fstatvfs (root, status));
}

static int
fs_opendir (const char *path, struct fuse_file_info *info)
{
  return keep (info, openat (root, at (path), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int
fs_readdir (const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
            enum fuse_readdir_flags flags)
{
  (void)path;
  (void)offset;
  (void)flags;
  int fd = openat ((int)info->fh, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir (fd);
  if (!folder)
    return -errno;
  for (struct dirent *entry; (entry = readdir (folder));) {
    struct stat status = {.st_ino = entry->d_ino, .st_mode = (mode_t)DTTOIF (entry->d_type)};
    fill (buffer, entry->d_name, &status, 0, 0);
  }
  closedir (folder);
  return 0;
}

static int
fs_fsyncdir (const char *path, int data_alone, struct fuse_file_info *info)
{
  (void)data_alone;
  FAIL (SYNC, "fsyncdir", path);
  return result (fsync ((int)info->fh));
}

/* Attributes belong to files that are named by a path; /proc leads to what *at() has no call for. */
static const char *
proc_path (const char *path, char buffer[PATH_MAX])
{
  snprintf (buffer, PATH_MAX, "/proc/self/fd/%d/%s", root, at (path));
  return buffer;
}

static int
fs_setxattr (const char *path, const char *name, const char *value, size_t size, int flags)
{
  char buffer[PATH_MAX];
  FAIL (META, "setxattr", path);
  return result (lsetxattr (proc_path (path, buffer), name, value, size, flags));
}

static int
fs_getxattr (const char *path, const char *name, char *value, size_t size)
{
  char buffer[PATH_MAX];
  ssize_t length = lgetxattr (proc_path (path, buffer), name, value, size);
  return length < 0 ? -errno : (int)length;
}

static const struct fuse_operations operations = {
    .init = fs_init,
    .getattr = fs_getattr,
    .readlink = fs_readlink,
    .mkdir = fs_mkdir,
    .unlink = fs_unlink,
    .rmdir = fs_rmdir,
    .symlink = fs_symlink,
    .rename = fs_rename,
    .link = fs_link,
    .chmod = fs_chmod,
    .chown = fs_chown,
    .truncate = fs_truncate,
    .utimens = fs_utimens,
    .create = fs_create,
    .open = fs_open,
    .read = fs_read,
    .write = fs_write,
    .fsync = fs_fsync,
    .release = fs_release,
    .statfs = fs_statfs,
    .opendir = fs_opendir,
    .readdir = fs_readdir,
    .releasedir = fs_release,
    .fsyncdir = fs_fsyncdir,
    .fallocate = fs_fallocate,
    .lseek = fs_lseek,
    .setxattr = fs_setxattr,
    .getxattr = fs_getxattr,
};

static bool
open_all (char **argv, const char *tracing)
{
  int fd = open (argv[3], O_RDWR | O_CLOEXEC);
  root = open (argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  control = fd < 0 ? MAP_FAILED : mmap (NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  trace = tracing ? fopen (tracing, "we") : NULL;
  if (trace)
    setvbuf (trace, NULL, _IOLBF, 0);
  return root >= 0 && control != MAP_FAILED && (!tracing || trace);
}

int
main (int argc, char **argv)
{
  if (argc < 4 || argc > 5) {
    fprintf (stderr, "usage: failing-fs FOLDER MOUNTPOINT CONTROL [TRACE]\n");
    return 2;
  }
  if (!open_all (argv, argc == 5 ? argv[4] : NULL)) {
    perror (argv[0]);
    return 1;
  }
  umask (0);
  /* One thread: operations have an order, and the counters need no lock. */
  char foreground[] = "-f", single[] = "-s", option[] = "-o", options[] = "suid,dev,allow_other";
  char *arguments[] = {argv[0], foreground, single, option, options, argv[2], NULL};
  return fuse_main (6, arguments, &operations, NULL);
}
