/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/trust.h"

#include "support/error.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OTHERS (S_IWGRP | S_IWOTH)

gboolean
vf_trust_check_file (const char *path, const struct stat *status, GError **error)
{
  if (geteuid () != 0)
    return TRUE;
  if (status->st_uid != 0)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is owned by user %u: a plugin that root loads must be owned by root", path,
                         status->st_uid);
  if (status->st_mode & OTHERS)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is writable by others (mode %04o): root loads it after chmod go-w only", path,
                         status->st_mode & 07777);
  return TRUE;
}

/* forbidden: which of others may not write there. In a sticky folder (/tmp) they can neither take away nor
 * replace what is root's. */
static gboolean
check_one (const char *path, const char *folder, mode_t forbidden, struct stat *status, GError **error)
{
  if (stat (folder, status) < 0)
    return vf_error_set_errno (error, "cannot look at folder '%s' of plugin '%s'", folder, path);
  if (status->st_mode & forbidden && !(status->st_mode & S_ISVTX))
    return vf_error_set (
        error, VMFORGE_ERROR_ENVIRONMENT,
        "'%s' is in folder '%s', writable by others (mode %04o): root loads it after chmod go-w only", path,
        folder, status->st_mode & 07777);
  return TRUE;
}

/* folder and each one above it, from the top. */
static gboolean
check_chain (const char *path, const char *folder, GError **error)
{
  struct stat status;
  for (const char *slash = strchr (folder + 1, '/'); slash; slash = strchr (slash + 1, '/')) {
    g_autofree char *above = g_strndup (folder, (gsize)(slash - folder));
    if (!check_one (path, above, S_IWOTH, &status, error))
      return FALSE;
  }
  if (!check_one (path, folder, OTHERS, &status, error))
    return FALSE;
  if (status.st_uid != 0)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is in folder '%s' of user %u: root loads plugins from folders of root only",
                         path, folder, status.st_uid);
  return TRUE;
}

gboolean
vf_trust_check_folder (const char *path, GError **error)
{
  if (geteuid () != 0)
    return TRUE;
  /* Who can write beside a link can turn it, who can write where it leads to can fill that. */
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *real = realpath (folder, NULL);
  if (!real)
    return vf_error_set_errno (error, "cannot look at folder '%s' of plugin '%s'", folder, path);
  return check_chain (path, folder, error) && check_chain (path, real, error);
}
