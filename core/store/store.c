/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Opening a store: where it is, its layout, its id. */
#include "store/store.h"

#include "store/records.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"
#include "support/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define DEFAULT_STORE "/var/lib/vmforge"

static const char *const folders[] = {"locks",  "stages",         "building",         "uses",
                                      "images", "objects",        "exports",          "logs",
                                      "cache",  "cache/packages", "cache/resolutions"};

/* Sets an error from errno about the whole store, with what to do about it. */
static gboolean
set_store_errno (GError **error, const char *what, const char *path)
{
  gboolean denied = errno == EACCES || errno == EPERM;
  vf_error_set_errno (error, "cannot %s the store '%s'", what, path);
  /* Nothing works without a store: whatever hinders it is the environment's fault. */
  if (error != NULL && *error != NULL && (*error)->code == VMFORGE_ERROR_FAILED)
    (*error)->code = VMFORGE_ERROR_ENVIRONMENT;
  if (denied && geteuid () != 0 && error != NULL && *error != NULL) {
    g_autofree char *message = g_steal_pointer (&(*error)->message);
    (*error)->message = g_strdup_printf (
        "%s (not root: run as root, or name a folder of your own with --store or VMFORGE_STORE)", message);
  }
  return FALSE;
}

static char *
resolve_path (const char *path, const VfConfig *config)
{
  if (path == NULL || *path == '\0')
    path = g_getenv ("VMFORGE_STORE");
  if (path == NULL || *path == '\0')
    path = config->store;
  if (path == NULL || *path == '\0')
    path = DEFAULT_STORE;
  return g_canonicalize_filename (path, NULL);
}

static gboolean
name_storage (VmforgeStore *store, GError **error)
{
  char *name = vf_storages_name (store, error);
  if (name == NULL)
    return FALSE;
  g_free (store->storage_name);
  store->storage_name = name;
  return TRUE;
}

static void
set_storage_setting (VmforgeStore *store, const char *setting)
{
  if (setting == NULL || *setting == '\0')
    setting = store->config->storage;
  if (setting == NULL || *setting == '\0')
    setting = vf_paths_default_storage ();
  char *copy = g_strdup (setting);
  g_free (store->storage_setting);
  store->storage_setting = copy;
}

/* Refuses a folder with somebody's files in it. */
static gboolean
check_empty (const VmforgeStore *store, GError **error)
{
  int fd = openat (store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  if (dir == NULL) {
    set_store_errno (error, "read", store->path);
    vf_fd_clear (&fd);
    return FALSE;
  }
  g_autofree char *found = NULL;
  for (struct dirent *entry = NULL; found == NULL && (entry = readdir (dir)) != NULL;) {
    const char *name = entry->d_name;
    /* lost+found: the folder is a mount point; .tmp-: another's store.json that a crash cut off. */
    if (strcmp (name, ".") != 0 && strcmp (name, "..") != 0 && strcmp (name, "lost+found") != 0 &&
        !g_str_has_prefix (name, ".tmp-"))
      found = g_strdup (name);
  }
  closedir (dir);
  if (found == NULL)
    return TRUE;
  return vf_error_set (
      error, VMFORGE_ERROR_ENVIRONMENT,
      "'%s' is no vmforge store and not empty (it holds '%s'): name an empty or a new folder", store->path,
      found);
}

/* store.json comes first, so that a store which a crash cut off is completed, not refused. Two processes that
 * make the same one are ordered by a lock of the folder itself: there is no other file yet. */
static gboolean
make_store_json (VmforgeStore *store, GError **error)
{
  vf_autofd int lock = openat (store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0)
    return set_store_errno (error, "read", store->path);
  while (flock (lock, LOCK_EX) < 0)
    if (errno != EINTR)
      return set_store_errno (error, "lock", store->path);
  if (vf_fs_exists (store->fd, "store.json"))
    return TRUE;
  if (!check_empty (store, error))
    return FALSE;
  g_autofree char *id = vf_digest_random_id ();
  g_autoptr (VfJson) json = json_object_new_object ();
  vf_json_set_int (json, "format", VF_STORE_FORMAT);
  vf_json_set_string (json, "id", id);
  if (!vf_checked_write (store->fd, "store.json", json, error)) {
    g_prefix_error (error, "cannot make the store '%s': ", store->path);
    return FALSE;
  }
  return TRUE;
}

gboolean
vf_store_is_id (const char *text)
{
  return vf_digest_is_hex (text, VF_VOLUME_HEX);
}

static gboolean
read_store_json (VmforgeStore *store, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfJson) json = vf_records_read (store, "store.json", &failure);
  if (json == NULL && failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (json == NULL)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' is no vmforge store: it has no store.json",
                         store->path);
  const char *id = vf_json_string (json, "id", "");
  if (!vf_store_is_id (id))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s/store.json' is damaged: its id is '%s'",
                         store->path, id);
  store->id = g_strdup (id);
  return TRUE;
}

static gboolean
make_folder (const char *path, GError **error)
{
  struct stat st;
  if (stat (path, &st) == 0) {
    if (S_ISDIR (st.st_mode))
      return TRUE;
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "the store '%s' is a file, not a folder", path);
  }
  if (errno != ENOENT)
    return set_store_errno (error, "reach", path);
  errno = 0;
  if (!vf_fs_mkdir_p (AT_FDCWD, path, 0755, NULL))
    return set_store_errno (error, "make", path);
  return TRUE;
}

static gboolean
make_layout (VmforgeStore *store, GError **error)
{
  if (faccessat (store->fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
    return set_store_errno (error, "write", store->path);
  if (!vf_fs_exists (store->fd, "store.json") && !make_store_json (store, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
    if (!vf_fs_exists (store->fd, folders[i]) && mkdirat (store->fd, folders[i], 0755) < 0 && errno != EEXIST)
      return set_store_errno (error, "make the folders of", store->path);
  return TRUE;
}

static int
open_folder (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT)
    vf_error_set (
        error, VMFORGE_ERROR_ENVIRONMENT,
        "there is no store '%s' yet: `vmforge build` makes it, --store or VMFORGE_STORE names another", path);
  else if (fd < 0)
    set_store_errno (error, "open", path);
  return fd;
}

static VmforgeStore *
open_store (const char *path, gboolean make, GError **error)
{
  g_autoptr (VmforgeStore) store = g_new0 (VmforgeStore, 1);
  store->fd = -1;
  store->config = vf_config_load (NULL, error);
  if (store->config == NULL)
    return NULL;
  store->path = resolve_path (path, store->config);
  if (!vf_error_check_utf8 ("the path of the store", store->path, error))
    return NULL;
  if (make && !make_folder (store->path, error))
    return NULL;
  store->fd = open_folder (store->path, error);
  if (store->fd < 0)
    return NULL;
  if (make && !make_layout (store, error))
    return NULL;
  if (!read_store_json (store, error))
    return NULL;
  set_storage_setting (store, NULL);
  return name_storage (store, error) ? g_steal_pointer (&store) : NULL;
}

VmforgeStore *
vf_store_open_plain (const char *path, GError **error)
{
  return open_store (path, FALSE, error);
}

VmforgeStore *
vf_store_open_made (const char *path, GError **error)
{
  return open_store (path, TRUE, error);
}

gboolean
vf_store_open_storage (VmforgeStore *store, const char *setting, GError **error)
{
  g_return_val_if_fail (store->storage == NULL, FALSE);
  set_storage_setting (store, setting);
  store->storage = vf_storage_open (store->storage_setting, store->path, store->id, &store->host, error);
  return store->storage != NULL && name_storage (store, error);
}

VmforgeStore *
vf_store_reopen (const VmforgeStore *store, GError **error)
{
  g_autoptr (VmforgeStore) again = open_store (store->path, FALSE, error);
  if (again == NULL || !vf_store_open_storage (again, store->storage_setting, error))
    return NULL;
  return g_steal_pointer (&again);
}

VmforgeStore *
vmforge_store_open (const char *path, const char *storage, GError **error)
{
  g_autoptr (VmforgeStore) store = open_store (path, TRUE, error);
  if (store == NULL || !vf_store_open_storage (store, storage, error) || !vf_storages_register (store, error))
    return NULL;
  /* What cannot be removed now must not hinder the work; the next opening tries again. */
  g_autoptr (GError) failure = NULL;
  if (!vf_store_recover (store, &failure))
    g_debug ("recovery of the store '%s': %s", store->path, failure->message);
  return g_steal_pointer (&store);
}

void
vmforge_store_free (VmforgeStore *store)
{
  if (store == NULL)
    return;
  g_clear_pointer (&store->storage, vf_storage_close);
  g_clear_pointer (&store->config, vf_config_free);
  vf_fd_clear (&store->fd);
  g_free (store->storage_name);
  g_free (store->storage_setting);
  g_free (store->path);
  g_free (store->id);
  g_free (store);
}
