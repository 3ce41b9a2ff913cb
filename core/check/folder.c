/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "check/folder.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define PREFIX "vmforge-check-"
/* Only we write it, and lock it: a folder of somebody else is none of ours, whatever its name. */
#define MARK ".vmforge-check"
/* A younger one may not be locked yet. */
#define YOUNG_SECONDS 60

/* Removes what nobody holds; what cannot be removed is left to the next. */
static void
sweep_one (const char *path)
{
  struct stat status;
  g_autofree char *mark = g_build_filename (path, MARK, NULL);
  vf_autofd int fd = open (mark, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &status) < 0 || !S_ISREG (status.st_mode) || status.st_uid != geteuid () ||
      time (NULL) - status.st_mtime < YOUNG_SECONDS || flock (fd, LOCK_EX | LOCK_NB) < 0)
    return;
  vf_fs_remove (AT_FDCWD, path, NULL);
}

static void
sweep (const char *place)
{
  g_autoptr (GDir) dir = g_dir_open (place, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (place, name, NULL);
    if (g_str_has_prefix (name, PREFIX))
      sweep_one (path);
  }
}

VfCheckFolder *
vf_check_folder_new (const char *place, GError **error)
{
  sweep (place);
  g_autofree char *path = g_build_filename (place, PREFIX "XXXXXX", NULL);
  if (!g_mkdtemp (path)) {
    vf_error_set_errno (error, "cannot make a folder in '%s'", place);
    return NULL;
  }
  g_autofree char *mark = g_build_filename (path, MARK, NULL);
  vf_autofd int fd = open (mark, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) < 0) {
    vf_error_set_errno (error, "cannot lock '%s'", path);
    vf_fs_remove (AT_FDCWD, path, NULL);
    return NULL;
  }
  VfCheckFolder *folder = g_new (VfCheckFolder, 1);
  *folder = (VfCheckFolder){g_steal_pointer (&path), vf_fd_steal (&fd)};
  return folder;
}

gboolean
vf_check_folder_remove (VfCheckFolder *folder, GError **error)
{
  gboolean removed = vf_fs_remove (AT_FDCWD, folder->path, error);
  vf_fd_clear (&folder->fd);
  g_free (folder->path);
  g_free (folder);
  return removed;
}
