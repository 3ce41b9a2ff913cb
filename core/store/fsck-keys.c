/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Keys. None is removed or made anew: with a record that says that a key was revoked, a repair would take
 * that back, and another service key is one that nobody trusts. */
#include "store/fsck.h"

#include "sign/sign.h"
#include "store/records.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET "keys/service.key"
#define PUBLIC "keys/service.pub"

static void
check_trusted (VfFsck *fsck, const char *id)
{
  VfSignPublic public;
  char hex[VF_SIGN_ID_HEX + 1];
  g_autoptr (GError) failure = NULL;
  g_autofree char *record = g_strdup_printf ("keys/trusted/%s.json", id);
  g_autofree char *path = g_strdup_printf ("keys/trusted/%s.pub", id);
  vf_fsck_record (fsck, "key", record, VF_CURE_NONE, NULL);
  if (!vf_sign_public_load (fsck->store->fd, path, &public, &failure)) {
    vf_fsck_found (fsck, "key", path, VF_CURE_NONE, NULL, "%s", failure->message);
    return;
  }
  vf_sign_id_to_hex (public.id, hex);
  if (strcmp (hex, id) != 0)
    vf_fsck_found (fsck, "key", path, VF_CURE_NONE, NULL, "damaged: it holds key %s", hex);
}

static void
check_service (VfFsck *fsck)
{
  VfSignPublic public;
  struct stat st;
  g_autoptr (GError) failure = NULL;
  int dirfd = fsck->store->fd;
  gboolean has_public = vf_fs_exists (dirfd, PUBLIC);
  if (fstatat (dirfd, SECRET, &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (has_public)
      vf_fsck_found (fsck, "key", SECRET, VF_CURE_NONE, NULL,
                     "is gone: bring it back, or `vmforge key rotate`");
    return;
  }
  if ((st.st_mode & 077) != 0)
    vf_fsck_found (fsck, "key", SECRET, VF_CURE_NONE, NULL, "is not for its owner alone (mode %04o)",
                   (guint)st.st_mode & 07777);
  g_autoptr (VfSignKey) key = vf_sign_key_load (dirfd, SECRET, NULL, NULL, &failure);
  if (key == NULL)
    vf_fsck_found (fsck, "key", SECRET, VF_CURE_NONE, NULL, "%s", failure->message);
  else if (!vf_sign_public_load (dirfd, PUBLIC, &public, &failure))
    vf_fsck_found (fsck, "key", PUBLIC, VF_CURE_NONE, NULL, "%s (the next signature writes it anew)",
                   failure->message);
  else if (!vf_sign_public_equal (&public, vf_sign_key_public (key)))
    vf_fsck_found (fsck, "key", PUBLIC, VF_CURE_NONE, NULL,
                   "is not the public half of " SECRET " (the next signature writes it anew)");
}

gboolean
vf_fsck_keys (VfFsck *fsck, GError **error)
{
  g_auto (GStrv) ids = vf_records_names (fsck->store, "keys/trusted", ".json", error);
  if (ids == NULL)
    return FALSE;
  for (char **id = ids; *id != NULL; id++)
    check_trusted (fsck, *id);
  check_service (fsck);
  return TRUE;
}
