/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Paths inside the root filesystem of a volume, as a process inside would see them, except that one which
 * climbs above the root (by `..` or a symbolic link) is an error: the kernel would silently clamp it. Paths
 * are absolute; symbolic links are followed in all components but the last. */
#pragma once

#include "vmforge/vmforge.h"

#include <sys/stat.h>
#include <sys/types.h>

typedef struct {
  char *path; /* of the root, on the host */
  int fd;
  gint64 epoch; /* modification time of what is written; negative: now */
} VfRootfs;

VfRootfs *vf_rootfs_open (const char *path, gint64 epoch, GError **error);
void vf_rootfs_close (VfRootfs *root);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfRootfs, vf_rootfs_close)

/* Who owns a new file, and its permission bits. */
typedef struct {
  mode_t mode;
  uid_t uid;
  gid_t gid;
} VfAccess;
#define VF_ACCESS_FILE ((VfAccess){0644, 0, 0})

/* The same place without symbolic links and `..`, relative to the root ("" is the root itself). Components
 * that do not exist are kept. follow: the last component too. Free the result. */
char *vf_rootfs_resolve (const VfRootfs *root, const char *path, gboolean follow, GError **error);

/* Opens an existing place, following symbolic links. -1 with error (errno is kept). */
int vf_rootfs_open_at (const VfRootfs *root, const char *path, int flags, GError **error);
gboolean vf_rootfs_exists (const VfRootfs *root, const char *path);
gboolean vf_rootfs_is_link (const VfRootfs *root, const char *path);
/* Opens a regular file of at most `limit` bytes for reading: an image may hold pipes, devices and files
 * without end wherever we expect a file. -1 with error. */
int vf_rootfs_open_file (const VfRootfs *root, const char *path, gsize limit, gsize *length, GError **error);
/* Reads such a file, NUL terminated. length may be NULL. NULL with error. */
char *vf_rootfs_read_data (const VfRootfs *root, const char *path, gsize limit, gsize *length,
                           GError **error);
/* The same of at most 16 MiB. */
char *vf_rootfs_read (const VfRootfs *root, const char *path, GError **error);
/* The same; fallback where there is no such file. NULL with error if there is one that cannot be read. */
char *vf_rootfs_read_if_any (const VfRootfs *root, const char *path, const char *fallback, GError **error);

/* Makes a folder and its missing parents (0755 root:root); one that exists gets `access` too. */
gboolean vf_rootfs_mkdir (const VfRootfs *root, const char *path, const VfAccess *access, GError **error);
/* Folders alone: what exists stays as it is. A descriptor of it; -1 with error. */
int vf_rootfs_ensure_dir (const VfRootfs *root, const char *path, GError **error);
/* Replaces the file, or symbolic link, at path; makes missing parents. */
gboolean vf_rootfs_write (const VfRootfs *root, const char *path, const char *data, gsize length,
                          const VfAccess *access, GError **error);
gboolean vf_rootfs_write_text (const VfRootfs *root, const char *path, const char *text, GError **error);
gboolean vf_rootfs_symlink (const VfRootfs *root, const char *path, const char *target, uid_t uid, gid_t gid,
                            GError **error);
/* Copies the open file `from`. digest: what the copy must have, or NULL. */
gboolean vf_rootfs_copy (const VfRootfs *root, const char *path, int from, const char *digest,
                         const VfAccess *access, GError **error);
/* What does not exist is no error. Trees too. */
gboolean vf_rootfs_remove (const VfRootfs *root, const char *path, GError **error);
/* Removes everything in a folder, which stays; an absent folder is no error. */
gboolean vf_rootfs_empty (const VfRootfs *root, const char *path, GError **error);
/* The same of all but the folders in it, which stay as they are. */
gboolean vf_rootfs_remove_files (const VfRootfs *root, const char *path, GError **error);
