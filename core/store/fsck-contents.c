/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Files whose digest is known: package archives, exports. */
#include "store/fsck.h"

#include "store/records.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>

gboolean
vf_fsck_file (VfFsck *fsck, const char *kind, const char *path, const char *digest, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autofree char *made = vf_digest_file (fsck->store->fd, path, &failure);
  if (made == NULL && vf_fs_exists (fsck->store->fd, path))
    vf_fsck_found (fsck, kind, path, VF_CURE_FILE, path, "%s", failure->message);
  else if (made != NULL && strcmp (made, digest) != 0)
    vf_fsck_found (fsck, kind, path, VF_CURE_FILE, path, "damaged: its SHA-256 is %.12s, not %.12s", made,
                   digest);
  return !vf_error_set_if_cancelled (fsck->cancellable, error);
}

gboolean
vf_fsck_archives (VfFsck *fsck, GError **error)
{
  g_auto (GStrv) folders = vf_records_names (fsck->store, "cache/packages", NULL, error);
  if (folders == NULL)
    return FALSE;
  for (char **folder = folders; *folder != NULL; folder++) {
    g_autofree char *path = g_strdup_printf ("cache/packages/%s", *folder);
    g_auto (GStrv) names = vf_records_names (fsck->store, path, NULL, error);
    if (names == NULL)
      return FALSE;
    for (char **name = names; *name != NULL; name++) {
      g_autofree char *digest = g_strconcat (*folder, *name, NULL);
      g_autofree char *file = g_strdup_printf ("%s/%s", path, *name);
      if (!vf_fsck_file (fsck, "archive", file, digest, error))
        return FALSE;
    }
  }
  return TRUE;
}

gboolean
vf_fsck_exports (VfFsck *fsck, GError **error)
{
  g_auto (GStrv) names = vf_records_names (fsck->store, "exports", NULL, error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *path = g_strdup_printf ("exports/%s", *name);
    if (g_str_has_suffix (path, VF_EXPORT_RECORD)) {
      vf_fsck_record (fsck, "export", path, VF_CURE_FILE, path);
      continue;
    }
    g_autofree char *digest = vf_export_digest (fsck->store, path);
    /* One without a record is what a build that was killed left, or is about to finish: it does not count. */
    if (digest != NULL && !vf_fsck_file (fsck, "export", path, digest, error))
      return FALSE;
  }
  return TRUE;
}
