/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The cache of archives: each at the place that its digest says, verified before it gets there. */
#include "plugin/runner.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static gboolean
is_digest (const char *digest)
{
  return digest && strlen (digest) == VF_DIGEST_HEX && vf_digest_is_hex (digest, VF_DIGEST_HEX);
}

static const char *
keep (VfCall *call, char *text)
{
  if (!call->kept)
    call->kept = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (call->kept, text);
  return text;
}

static char *
cache_path (VfCall *call, const char *digest)
{
  return g_strdup_printf ("%s/%.2s/%s", call->host->package_cache, digest, digest + 2);
}

const char *
vf_call_cache_find (struct vmforge_call *public_call, const char *digest)
{
  VfCall *call = (VfCall *)public_call;
  if (!call->host->package_cache || !is_digest (digest))
    return NULL;
  g_autofree char *path = cache_path (call, digest);
  struct stat status;
  if (lstat (path, &status) < 0 || !S_ISREG (status.st_mode))
    return NULL;
  /* Garbage collection takes what was not used for longest. A cache that cannot be written has none. */
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
  (void)utimensat (AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
  return keep (call, g_steal_pointer (&path));
}

static gboolean
verify (int fd, const char *path, const char *digest, GError **error)
{
  g_autofree char *found = vf_digest_fd (fd, error);
  if (!found)
    return FALSE;
  if (strcmp (found, digest) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' has SHA-256 %s, not %s", path, found, digest);
  return TRUE;
}

/* Renames what fd was opened on: a file that was exchanged meanwhile does not stay. */
static gboolean
move (int fd, const char *from, const char *to, GError **error)
{
  struct stat verified, moved;
  if (fchmod (fd, 0644) < 0 || (geteuid () == 0 && fchown (fd, 0, 0) < 0) || fdatasync (fd) < 0)
    return vf_error_set_errno (error, "cannot cache '%s'", from);
  if (rename (from, to) < 0)
    return vf_error_set_errno (error, "cannot move '%s' to '%s'", from, to);
  if (fstat (fd, &verified) < 0 || lstat (to, &moved) < 0)
    return vf_error_set_errno (error, "cannot look at '%s'", to);
  if (verified.st_dev == moved.st_dev && verified.st_ino == moved.st_ino)
    return TRUE;
  /* Another add of this digest may have followed ours; that file was verified as well. */
  vf_autofd int other = open (to, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  g_autofree char *digest = other >= 0 ? vf_digest_fd (other, NULL) : NULL;
  g_autofree char *expected = vf_digest_fd (fd, NULL);
  if (digest && g_strcmp0 (digest, expected) == 0)
    return TRUE;
  unlink (to);
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' was exchanged while it was verified", from);
}

static gboolean
add (VfCall *call, const char *path, const char *digest, GError **error)
{
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat status;
  if (fd < 0 || fstat (fd, &status) < 0)
    return vf_error_set_errno (error, "cannot open '%s'", path);
  if (!S_ISREG (status.st_mode))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is not a regular file", path);
  if (!verify (fd, path, digest, error))
    return FALSE;
  g_autofree char *target = cache_path (call, digest);
  g_autofree char *folder = g_path_get_dirname (target);
  return vf_fs_mkdir_p (AT_FDCWD, folder, 0755, error) && move (fd, path, target, error);
}

int
vf_call_cache_add (struct vmforge_call *public_call, const char *path, const char *digest)
{
  VfCall *call = (VfCall *)public_call;
  GError *error = NULL;
  if (!path || !is_digest (digest))
    return vf_call_refuse (call, "cache_add() without a path or a digest of 64 hexadecimal characters");
  if (!call->host->package_cache) {
    vf_error_set (&error, VMFORGE_ERROR_FAILED, "there is no package cache here");
    return vf_call_pend (call, error);
  }
  return add (call, path, digest, &error) ? 0 : vf_call_pend (call, error);
}
