/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Files: whole, atomic, below a folder descriptor. */
#pragma once

#include "vmforge/vmforge.h"

#include <sys/types.h>

/* Makes path and its missing parents. */
gboolean vf_fs_mkdir_p (int dirfd, const char *path, mode_t mode, GError **error);
/* Opens a folder (O_DIRECTORY | O_CLOEXEC). -1 with error. */
int vf_fs_open_dir (int dirfd, const char *path, GError **error);
/* Reads at most limit bytes, NUL terminated; a larger file is an error. length may be NULL. */
char *vf_fs_read (int dirfd, const char *path, gsize limit, gsize *length, GError **error);
/* Writes a new file beside path, syncs it, renames it, syncs the folder. */
gboolean vf_fs_write (int dirfd, const char *path, const void *data, gsize length, mode_t mode,
                      GError **error);
/* Writes all bytes to a descriptor. */
gboolean vf_fs_write_all (int fd, const void *data, gsize length, GError **error);
/* Removes a file or a tree, never following symbolic links nor crossing into other filesystems; what does not
 * exist is no error. */
gboolean vf_fs_remove (int dirfd, const char *path, GError **error);
/* Copies the bytes of one range to the same place. */
gboolean vf_fs_copy_range (int from, int to, off_t start, off_t end, GCancellable *cancellable,
                           GError **error);
/* Copies a file's data: reflink where the filesystem can, else copies data and keeps holes. */
gboolean vf_fs_copy_data (int from, int to, GCancellable *cancellable, GError **error);
/* TRUE if path is there (no error otherwise). */
gboolean vf_fs_exists (int dirfd, const char *path);
