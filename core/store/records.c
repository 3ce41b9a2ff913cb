/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "store/records.h"

#include "support/checked.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The gate is held for milliseconds: asking again soon beats the long pauses of vf_lock_acquire, made for
 * builds. */
#define GATE_TRIES 200
#define GATE_PAUSE 1000 /* microseconds */

VfLock *
vf_store_gate (VmforgeStore *store, GError **error)
{
  g_autoptr (GError) failure = NULL;
  VfLock *gate = NULL;
  for (int i = 0; gate == NULL && failure == NULL && i < GATE_TRIES; i++) {
    if (i > 0)
      g_usleep (GATE_PAUSE);
    gate = vf_lock_try (store->fd, "locks/store", VF_LOCK_EXCLUSIVE, &failure);
  }
  /* Not cancellable: cleaning up after the user's ^C needs it too. */
  if (gate == NULL && failure == NULL)
    gate = vf_lock_acquire (store->fd, "locks/store", VF_LOCK_EXCLUSIVE, NULL, NULL, NULL, &failure);
  if (failure != NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&failure), "store '%s': ", store->path);
  return gate;
}

gboolean
vf_store_write_checked (VmforgeStore *store, const char *path, VfJson *json, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  return gate != NULL && vf_checked_write (store->fd, path, json, error);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

char **
vf_records_names (VmforgeStore *store, const char *folder, const char *suffix, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  int fd = openat (store->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  if (dir == NULL && errno != ENOENT) {
    vf_error_set_errno (error, "cannot list '%s/%s'", store->path, folder);
    vf_fd_clear (&fd);
    return NULL;
  }
  for (struct dirent *entry = NULL; dir != NULL && (entry = readdir (dir)) != NULL;) {
    const char *name = entry->d_name;
    if (name[0] == '.' || (suffix != NULL && !g_str_has_suffix (name, suffix)))
      continue;
    g_ptr_array_add (names, g_strndup (name, strlen (name) - (suffix == NULL ? 0 : strlen (suffix))));
  }
  if (dir != NULL)
    closedir (dir);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

VfJson *
vf_records_read (VmforgeStore *store, const char *path, GError **error)
{
  if (!vf_fs_exists (store->fd, path))
    return NULL;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfJson) record = vf_checked_read (store->fd, path, &failure);
  if (record == NULL) {
    /* It may have been removed in between; that is no error. */
    if (vf_fs_exists (store->fd, path))
      g_propagate_prefixed_error (error, g_steal_pointer (&failure), "store '%s': ", store->path);
    return NULL;
  }
  gint64 format = vf_json_int (record, "format", 0);
  if (format > VF_STORE_FORMAT) {
    vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                  "'%s/%s' has format %" G_GINT64_FORMAT ", this vmforge knows %d: use a newer vmforge",
                  store->path, path, format, VF_STORE_FORMAT);
    return NULL;
  }
  if (format < 1) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s/%s' is damaged: it has no format", store->path, path);
    return NULL;
  }
  return g_steal_pointer (&record);
}

gboolean
vf_records_sync_dir (VmforgeStore *store, const char *folder, GError **error)
{
  vf_autofd int fd = vf_fs_open_dir (store->fd, folder, error);
  if (fd < 0)
    return FALSE;
  if (fsync (fd) < 0)
    return vf_error_set_errno (error, "cannot sync '%s/%s'", store->path, folder);
  return TRUE;
}

gboolean
vf_records_remove (VmforgeStore *store, const char *path, GError **error)
{
  if (unlinkat (store->fd, path, 0) < 0 && errno != ENOENT)
    return vf_error_set_errno (error, "cannot remove '%s/%s'", store->path, path);
  g_autofree char *folder = g_path_get_dirname (path);
  return vf_records_sync_dir (store, folder, error);
}

const char *
vf_records_complete (char **names, const char *word, const char *what, GError **error)
{
  const char *found = NULL;
  guint count = 0;
  g_autoptr (GString) several = g_string_new (NULL);
  gsize length = strlen (word);
  for (char **name = names; *name != NULL; name++) {
    if (strcmp (*name, word) == 0)
      return *name;
    if (length < VF_STORE_MIN_PREFIX || strncmp (*name, word, length) != 0)
      continue;
    g_string_append_printf (several, "%s%.*s", count == 0 ? "" : ", ", (int)length + 6, *name);
    found = *name;
    count++;
  }
  if (count > 1) {
    vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is ambiguous: it begins more than one %s (%s)", word, what,
                  several->str);
    return NULL;
  }
  return found;
}
