/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Lock files whose stages stay as long as the file is there unchanged: roots/DIGEST.json, named after its
 * path. */
#include "store/records.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LOCKFILE (64 * 1024 * 1024) /* bytes; larger ones cannot be read as one */

static char *
root_path (const char *path)
{
  g_autofree char *digest = vf_digest_text (path);
  return g_strdup_printf ("roots/%s.json", digest);
}

/* Whether what is recorded is of the same file and has these stages, and perhaps those above them. */
static gboolean
is_part (VfJson *record, VfJson *present)
{
  g_auto (GStrv) wanted = vf_json_strv (record, "stages"), there = vf_json_strv (present, "stages");
  for (guint i = 0; wanted[i] != NULL; i++)
    if (there[i] == NULL || strcmp (wanted[i], there[i]) != 0)
      return FALSE;
  return strcmp (vf_json_string (record, "digest", ""), vf_json_string (present, "digest", "")) == 0 &&
         strcmp (vf_json_string (record, "path", ""), vf_json_string (present, "path", "")) == 0;
}

gboolean
vf_store_add_root (VmforgeStore *store, const char *path, const char *digest, const char *const *keys,
                   GError **error)
{
  g_autofree char *name = root_path (path);
  g_autoptr (VfJson) record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set_string (record, "path", path);
  vf_json_set_string (record, "digest", digest);
  vf_json_set (record, "stages", vf_json_from_strv (keys));
  /* Building the same again, or a part of it, changes nothing, and costs nothing but reading. */
  g_autoptr (VfJson) present = vf_checked_read (store->fd, name, NULL);
  if (present != NULL && is_part (record, present))
    return TRUE;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  return gate != NULL && vf_fs_mkdir_p (store->fd, "roots", 0755, error) &&
         vf_checked_write (store->fd, name, record, error);
}

/* Of the lock file; NULL with errno: it cannot be read. Whatever its owner has put in its place (a pipe, a
 * device) keeps nobody waiting, and is no lock file. */
static char *
digest_of (const char *path)
{
  struct stat st;
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat (fd, &st) < 0)
    return NULL;
  if (!S_ISREG (st.st_mode) || st.st_size > MAX_LOCKFILE)
    return g_strdup ("");
  return vf_digest_fd (fd, NULL);
}

/* Whether the lock file is as it was. One that cannot be read for another reason than its absence counts as
 * there. */
static gboolean
is_alive (VfJson *record)
{
  const char *path = vf_json_string (record, "path", "");
  if (*path != '/' || (access (path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)))
    return FALSE;
  g_autofree char *digest = digest_of (path);
  return digest == NULL || g_str_equal (digest, vf_json_string (record, "digest", ""));
}

gboolean
vf_roots_scan (VmforgeStore *store, VfRootFunc func, gpointer user_data, GError **error)
{
  g_auto (GStrv) names = vf_records_names (store, "roots", ".json", error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++) {
    g_autoptr (GError) failure = NULL;
    g_autofree char *file = g_strdup_printf ("roots/%s.json", *name);
    g_autoptr (VfJson) record = vf_records_read (store, file, &failure);
    if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    if (record == NULL || !is_alive (record))
      continue;
    VfJson *keys = vf_json_array (record, "stages");
    for (gsize i = 0; keys != NULL && i < json_object_array_length (keys); i++)
      func (json_object_get_string (json_object_array_get_idx (keys, i)), vf_json_string (record, "path", ""),
            user_data);
  }
  return TRUE;
}

void
vf_roots_sweep (VmforgeStore *store)
{
  g_auto (GStrv) names = vf_records_names (store, "roots", ".json", NULL);
  for (char **name = names; name != NULL && *name != NULL; name++) {
    g_autofree char *file = g_strdup_printf ("roots/%s.json", *name);
    g_autoptr (VfJson) record = vf_records_read (store, file, NULL);
    if (record != NULL && !is_alive (record))
      (void)vf_records_remove (store, file, NULL);
  }
}
