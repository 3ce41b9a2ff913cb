/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Keys of repositories as the plan saw them: a plugin gets a copy in the worker's own memory, so that what it
 * puts into the image is what was checked. */

#include "build/work.h"

#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>

#define KEYS_FOLDER VF_MOUNT_FOLDER "/keys"
#define KEY_LIMIT   (1024 * 1024)

static gboolean
keep_key (VfJson *repository, GError **error)
{
  const char *path = vf_json_string (repository, "key_path", ""),
             *planned = vf_json_string (repository, "key_digest", "");
  gsize length;
  g_autofree char *key = vf_fs_read (AT_FDCWD, path, KEY_LIMIT, &length, error);
  if (!key)
    return FALSE;
  g_autofree char *digest = vf_digest_data (key, length);
  if (strcmp (digest, planned) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the key '%s' changed since the plan: run the build again", path);
  g_autofree char *copy = g_build_filename (KEYS_FOLDER, digest, NULL);
  if (!vf_fs_write (AT_FDCWD, copy, key, length, 0644, error))
    return FALSE;
  vf_json_set_string (repository, "key_path", copy);
  return TRUE;
}

gboolean
vf_work_keep_keys (VfWork *work, GError **error)
{
  VfJson *repositories = vf_json_array (work->job, "repositories");
  const gsize count = repositories ? json_object_array_length (repositories) : 0;
  if (count > 0 && !vf_fs_mkdir_p (AT_FDCWD, KEYS_FOLDER, 0755, error))
    return FALSE;
  for (gsize i = 0; i < count; i++) {
    VfJson *repository = json_object_array_get_idx (repositories, i);
    if (!keep_key (repository, error)) {
      g_prefix_error (error, "repository '%s': ", vf_json_string (repository, "url", ""));
      return FALSE;
    }
  }
  return TRUE;
}
