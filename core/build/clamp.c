/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* No file of a stage is newer than the stage: what was written while building has the time that it is dated
 * by, and what packages bring keeps its own, which is not later (vmforge_package_backend.build_time). */
#include "build/clamp.h"

#include "support/error.h"
#include "support/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  gint64 epoch;
  dev_t device;     /* what is mounted below is not ours */
  gboolean shallow; /* folders are not entered */
} Clamp;

static gboolean
is_later (const struct timespec *time, gint64 epoch)
{
  return time->tv_sec > epoch || (time->tv_sec == epoch && time->tv_nsec > 0);
}

static gboolean clamp_folder (const Clamp *clamp, int folder, const char *name, GError **error);

static gboolean
clamp_entry (const Clamp *clamp, int folder, const char *name, GError **error)
{
  struct stat st;
  if (fstatat (folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return vf_error_set_errno (error, "cannot ask for the attributes of '%s'", name);
  if (st.st_dev != clamp->device)
    return TRUE;
  const struct timespec times[] = {{clamp->epoch, 0}, {clamp->epoch, 0}};
  if (is_later (&st.st_mtim, clamp->epoch) && utimensat (folder, name, times, AT_SYMLINK_NOFOLLOW) != 0)
    return vf_error_set_errno (error, "cannot set the time of '%s'", name);
  return !S_ISDIR (st.st_mode) || clamp->shallow || clamp_folder (clamp, folder, name, error);
}

/* Takes dir. */
static gboolean
clamp_entries (const Clamp *clamp, DIR *dir, const char *name, GError **error)
{
  gboolean done = TRUE;
  struct dirent *entry;
  while (done && (errno = 0, entry = readdir (dir)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      done = clamp_entry (clamp, dirfd (dir), entry->d_name, error);
  if (done && errno != 0)
    done = vf_error_set_errno (error, "cannot read the folder '%s'", name);
  closedir (dir);
  return done;
}

static gboolean
clamp_folder (const Clamp *clamp, int folder, const char *name, GError **error)
{
  vf_autofd int fd = openat (folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  if (dir == NULL)
    return vf_error_set_errno (error, "cannot open the folder '%s'", name);
  vf_fd_steal (&fd);
  return clamp_entries (clamp, dir, name, error);
}

gboolean
vf_clamp_times (int root, gint64 epoch, GError **error)
{
  struct stat st;
  if (fstat (root, &st) != 0)
    return vf_error_set_errno (error, "cannot ask for the attributes of the root filesystem");
  const Clamp clamp = {epoch, st.st_dev, FALSE};
  return clamp_entry (&clamp, root, ".", error);
}

gboolean
vf_clamp_file (int fd, gint64 epoch, GError **error)
{
  struct stat st;
  const struct timespec times[] = {{epoch, 0}, {epoch, 0}};
  if (fstat (fd, &st) != 0)
    return vf_error_set_errno (error, "cannot ask for the attributes of a file that has changed");
  return !is_later (&st.st_mtim, epoch) || utimensat (fd, "", times, AT_EMPTY_PATH) == 0 ||
         vf_error_set_errno (error, "cannot set the time of a file that has changed");
}

gboolean
vf_clamp_entries (int fd, gint64 epoch, GError **error)
{
  struct stat st;
  if (fstat (fd, &st) != 0)
    return vf_error_set_errno (error, "cannot ask for the attributes of a folder that has changed");
  const Clamp clamp = {epoch, st.st_dev, TRUE};
  return !S_ISDIR (st.st_mode) || clamp_folder (&clamp, fd, ".", error);
}
