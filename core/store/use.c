/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Who needs which stages now: uses/ID.json names them, uses/ID.lock is held as long as that lasts. A build
 * says so before it looks whether they are there, under the gate, so that nothing that it finds is removed
 * later. */
#include "store/records.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _VfUse {
  VmforgeStore *store; /* borrowed */
  char *id;
  VfLock *lock;
};

static char *
use_path (const char *id, const char *suffix)
{
  return g_strdup_printf ("uses/%s%s", id, suffix);
}

/* NULL without error if another holds it. */
static VfLock *
try_lock (VmforgeStore *store, const char *id, GError **error)
{
  g_autofree char *path = use_path (id, ".lock");
  return vf_lock_try (store->fd, path, VF_LOCK_EXCLUSIVE, error);
}

static void
forget (VmforgeStore *store, const char *id)
{
  g_autofree char *record = use_path (id, ".json"), *lock = use_path (id, ".lock");
  unlinkat (store->fd, record, 0);
  unlinkat (store->fd, lock, 0);
}

/* Not synced, and not renamed into place: it is read under the gate alone, and a crash ends what it says. */
static gboolean
write_record (VfUse *use, VfJson *record, GError **error)
{
  g_autofree char *path = use_path (use->id, ".json"), *text = vf_json_canonical (record);
  vf_autofd int fd = openat (use->store->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0)
    return vf_error_set_errno (error, "cannot write '%s/%s'", use->store->path, path);
  return vf_fs_write_all (fd, text, strlen (text), error);
}

VfUse *
vf_store_use (VmforgeStore *store, const char *const *keys, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL)
    return NULL;
  g_autoptr (VfUse) use = g_new0 (VfUse, 1);
  use->store = store;
  use->id = vf_digest_random_id ();
  use->lock = try_lock (store, use->id, error);
  if (use->lock == NULL)
    return NULL;
  g_autoptr (VfJson) record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set_int (record, "pid", getpid ());
  vf_json_set (record, "stages", vf_json_from_strv (keys));
  return write_record (use, record, error) ? g_steal_pointer (&use) : NULL;
}

void
vf_use_end (VfUse *use)
{
  if (use == NULL)
    return;
  if (use->lock != NULL) /* record first: without a record the lock means nothing */
    forget (use->store, use->id);
  vf_lock_release (use->lock);
  g_free (use->id);
  g_free (use);
}

static gboolean
read_use (VmforgeStore *store, const char *id, VfUseFunc func, gpointer user_data, GError **error)
{
  g_autofree char *path = use_path (id, ".json");
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfLock) dead = try_lock (store, id, &failure);
  if (dead != NULL) {
    forget (store, id);
    return TRUE;
  }
  g_autoptr (VfJson) record = failure != NULL ? NULL : vf_records_read (store, path, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  VfJson *keys = record == NULL ? NULL : vf_json_array (record, "stages");
  for (gsize i = 0; keys != NULL && i < json_object_array_length (keys); i++)
    func (json_object_get_string (json_object_array_get_idx (keys, i)), vf_json_int (record, "pid", 0),
          user_data);
  return TRUE;
}

gboolean
vf_uses_scan (VmforgeStore *store, guint *living, VfUseFunc func, gpointer user_data, GError **error)
{
  /* By the lock files: a use that is being made has no record yet, but whoever makes one holds the gate. */
  g_auto (GStrv) ids = vf_records_names (store, "uses", ".lock", error);
  if (ids == NULL)
    return FALSE;
  for (char **id = ids; *id != NULL; id++)
    if (!read_use (store, *id, func, user_data, error))
      return FALSE;
  g_auto (GStrv) left = vf_records_names (store, "uses", ".lock", error);
  if (left == NULL)
    return FALSE;
  *living = g_strv_length (left);
  return TRUE;
}

static void
ignore (const char *key, gint64 pid, gpointer user_data)
{
}

gboolean
vf_uses_count (VmforgeStore *store, guint *living, GError **error)
{
  return vf_uses_scan (store, living, ignore, NULL, error);
}

static void
add_key (const char *key, gint64 pid, gpointer user_data)
{
  g_hash_table_add (user_data, g_strdup (key));
}

GHashTable *
vf_uses_keys (VmforgeStore *store, GError **error)
{
  guint living;
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return vf_uses_scan (store, &living, add_key, keys, error) ? g_steal_pointer (&keys) : NULL;
}

void
vf_store_touch (VmforgeStore *store, const char *key)
{
  g_autofree char *path = g_strdup_printf ("stages/%s/%s.json", key, store->storage_name);
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
  /* A store that cannot be written, or a stage that is gone: it is then nobody's matter when it was used. */
  (void)utimensat (store->fd, path, times, AT_SYMLINK_NOFOLLOW);
}
