/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/host-keys.h"
#include "build/owners.h"
#include "build/work.h"
#include "plan/inputs.h"
#include "spec/spec.h"
#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <string.h>

/* A folder of the spec may hold folders; so deep and no deeper. */
#define MAX_DEPTH 64

/* One entry of `files`. */
typedef struct {
  VfWork *work;
  const VfRootfs *root;
  int mode; /* -1: of the source */
  VfAccess owner;
  const char *digest; /* of a single file */
} Placing;

static VfAccess
access_for (const Placing *placing, mode_t source, gboolean folder)
{
  VfAccess access = placing->owner;
  access.mode = placing->mode >= 0 ? (mode_t)placing->mode : source & 07777;
  /* A mode that is meant for files: who may read may enter. */
  if (folder && placing->mode >= 0)
    access.mode |= (access.mode & 0444) >> 2;
  return access;
}

static gboolean place (const Placing *placing, int dirfd, const char *name, const char *to, guint depth,
                       GError **error);

static gboolean
place_folder (const Placing *placing, int fd, const struct stat *info, const char *to, guint depth,
              GError **error)
{
  if (depth >= MAX_DEPTH)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is nested too deeply", to);
  /* A folder that the image has already keeps owner and mode: /etc is not the user's to change by the way. */
  VfAccess access = access_for (placing, info->st_mode, TRUE);
  if (!vf_rootfs_exists (placing->root, to) && !vf_rootfs_mkdir (placing->root, to, &access, error))
    return FALSE;
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = g_dir_open (self, 0, error);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *inner = g_build_filename (to, name, NULL);
    if (!place (placing, fd, name, inner, depth + 1, error))
      return FALSE;
  }
  return dir != NULL;
}

static gboolean
place_link (const Placing *placing, int dirfd, const char *name, const char *to, GError **error)
{
  char target[PATH_MAX];
  ssize_t length = readlinkat (dirfd, name, target, sizeof target - 1);
  if (length < 0)
    return vf_error_set_errno (error, "cannot read the symbolic link '%s'", name);
  target[length] = '\0';
  return vf_rootfs_symlink (placing->root, to, target, placing->owner.uid, placing->owner.gid, error);
}

/* The spec check has seen the path; only here can be seen where links of the image lead, and what is in a
 * folder of the spec. A link at the place itself is replaced. */
static gboolean
check_place (const Placing *placing, const char *to, GError **error)
{
  g_autofree char *resolved = vf_rootfs_resolve (placing->root, to, FALSE, error);
  if (!resolved)
    return FALSE;
  g_autofree char *path = g_strconcat ("/", resolved, NULL);
  const char *folder = vf_spec_unshipped_folder (path);
  if (folder)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "'%s' would lie in %s, and nothing there is part of an image: put it elsewhere", to,
                         folder);
  vf_host_keys_placed (placing->work, path);
  return TRUE;
}

static gboolean
place (const Placing *placing, int dirfd, const char *name, const char *to, guint depth, GError **error)
{
  struct stat info;
  /* The source that the spec names may be a link; links inside of a folder are copied as such. */
  if (fstatat (dirfd, name, &info, depth == 0 ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
    return vf_error_set_errno (error, "cannot read '%s'", name);
  if (S_ISLNK (info.st_mode))
    return check_place (placing, to, error) && place_link (placing, dirfd, name, to, error);
  if (!S_ISREG (info.st_mode) && !S_ISDIR (info.st_mode))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is neither file, folder nor symbolic link", name);
  vf_autofd int fd =
      openat (dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (depth == 0 ? 0 : O_NOFOLLOW));
  const mode_t type = info.st_mode & S_IFMT;
  if (fd < 0 || fstat (fd, &info) != 0)
    return vf_error_set_errno (error, "cannot open '%s'", name);
  if ((info.st_mode & S_IFMT) != type)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' changed while it was read: run the build again",
                         name);
  if (S_ISDIR (info.st_mode))
    return place_folder (placing, fd, &info, to, depth, error);
  VfAccess access = access_for (placing, info.st_mode, FALSE);
  if (!check_place (placing, to, error))
    return FALSE;
  return vf_rootfs_copy (placing->root, to, fd, depth == 0 ? placing->digest : NULL, &access, error);
}

/* What was copied of a folder must be what the stage's key was made of. */
static gboolean
check_tree (VfJson *json, const char *from, GError **error)
{
  const char *planned = vf_json_string (json, "tree", NULL);
  if (!planned)
    return TRUE;
  g_autofree char *now = vf_inputs_tree_digest (from, vf_json_int (json, "mode", -1) < 0, error);
  if (!now)
    return FALSE;
  return g_str_equal (planned, now) ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' changed since the build began: run it again", from);
}

static gboolean
place_entry (VfWork *work, VfJson *json, const char *to, GError **error)
{
  const char *from = vf_json_string (json, "from", NULL), *link = vf_json_string (json, "link", NULL);
  const char *content = vf_json_string (json, "content", NULL);
  Placing placing = {.work = work,
                     .root = work->root,
                     .mode = (int)vf_json_int (json, "mode", -1),
                     .digest = vf_json_string (json, "digest", NULL)};
  if (!vf_owner_parse (work->root, vf_json_string (json, "owner", NULL), &placing.owner, error))
    return FALSE;
  if (!from && !check_place (&placing, to, error))
    return FALSE;
  if (from)
    return place (&placing, AT_FDCWD, from, to, 0, error) && check_tree (json, from, error);
  if (link)
    return vf_rootfs_symlink (work->root, to, link, placing.owner.uid, placing.owner.gid, error);
  VfAccess access = access_for (&placing, 0644, FALSE);
  return content ? vf_rootfs_write (work->root, to, content, strlen (content), &access, error)
                 : vf_error_set (error, VMFORGE_ERROR_SPEC, "nothing to write is given");
}

gboolean
vf_work_files (VfWork *work, GError **error)
{
  VfJson *files = vf_json_array (work->job, "files");
  const gsize count = json_object_array_length (files);
  for (gsize i = 0; i < count; i++) {
    VfJson *file = json_object_array_get_idx (files, i);
    const char *to = vf_json_string (file, "to", "");
    vf_progress_set (&work->progress, (double)i / count, NULL);
    vf_events_logf (work->events, "vmforge: writing %s", to);
    if (!place_entry (work, file, to, error)) {
      g_prefix_error (error, "files[%" G_GSIZE_FORMAT "] to '%s': ", i, to);
      return FALSE;
    }
  }
  return TRUE;
}
