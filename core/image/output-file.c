/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/output-file.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE 0644

struct _VfOutputFile {
  char *folder;
  char *temporary;
  int fd;
  gboolean named; /* temporary */
};

/* A file without a name needs no clearing up, whatever ends us. */
static gboolean
open_it (VfOutputFile *file)
{
  file->fd = open (file->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, MODE);
  if (file->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    file->fd = open (file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    file->named = file->fd >= 0;
  }
  return file->fd >= 0 && fchmod (file->fd, MODE) == 0;
}

VfOutputFile *
vf_output_file_new (const char *folder, const char *id, GError **error)
{
  g_autoptr (VfOutputFile) file = g_new0 (VfOutputFile, 1);
  file->folder = g_strdup (folder);
  file->temporary = g_strdup_printf ("%s/.tmp-%s", folder, id);
  if (open_it (file))
    return g_steal_pointer (&file);
  vf_error_set_errno (error, "cannot write into '%s'", folder);
  return NULL;
}

int
vf_output_file_get_fd (const VfOutputFile *file)
{
  return file->fd;
}

static gboolean
link_to (const VfOutputFile *file, const char *path)
{
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", file->fd);
  return linkat (AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

/* Only rename() replaces a file, and it wants a name. */
static gboolean
put_in_place (VfOutputFile *file, const char *path)
{
  if (!file->named && link_to (file, path))
    return TRUE;
  if (!file->named && (errno != EEXIST || !link_to (file, file->temporary)))
    return FALSE;
  file->named = rename (file->temporary, path) != 0;
  if (!file->named)
    return TRUE;
  int saved = errno;
  unlink (file->temporary);
  file->named = FALSE;
  errno = saved;
  return FALSE;
}

gboolean
vf_output_file_publish (VfOutputFile *file, const char *path, GError **error)
{
  if (fsync (file->fd) != 0)
    return vf_error_set_errno (error, "cannot sync");
  if (!put_in_place (file, path))
    return vf_error_set_errno (error, "cannot make '%s'", path);
  vf_autofd int folder = vf_fs_open_dir (AT_FDCWD, file->folder, error);
  return folder >= 0 && (fsync (folder) == 0 || vf_error_set_errno (error, "cannot sync '%s'", file->folder));
}

void
vf_output_file_free (VfOutputFile *file)
{
  if (file == NULL)
    return;
  if (file->named)
    unlink (file->temporary);
  vf_fd_clear (&file->fd);
  g_free (file->temporary);
  g_free (file->folder);
  g_free (file);
}
