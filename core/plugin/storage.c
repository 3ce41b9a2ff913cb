/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/storage.h"

#include "plugin/runner.h"
#include "plugin/storage-files.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>

#define BLOCK     4096
#define ID_LENGTH 32
#define FEW       16            /* volumes that are mapped at once */
#define FULL      (1024 * 1024) /* bytes: where less is available, writes fail */

struct _VfStorage {
  char *setting;
  const VfPlugin *plugin;
  const struct vmforge_storage *table;
  const VfHost *host;
  void *handle;
  /* The file that a default made last, held open until it is sealed (storage-files.h). */
  char *made;
  int made_fd;
  GArray *mappings; /* Mapping */
};

/* Parts of the engine that know nothing of each other read the same volume. */
typedef struct {
  char id[ID_LENGTH + 1];
  guint users;
} Mapping;

static Mapping *
find_mapping (const VfStorage *storage, const char *id)
{
  for (guint i = 0; i < storage->mappings->len; i++) {
    Mapping *mapping = &g_array_index (storage->mappings, Mapping, i);
    if (strcmp (mapping->id, id) == 0)
      return mapping;
  }
  return NULL;
}

static void
add_mapping (VfStorage *storage, const char *id)
{
  Mapping *known = find_mapping (storage, id), mapping = {.users = 1};
  g_strlcpy (mapping.id, id, sizeof mapping.id);
  if (known != NULL)
    known->users++;
  else
    g_array_append_val (storage->mappings, mapping);
}

/* Whether that was the last user, or nobody counted. */
static gboolean
drop_mapping (VfStorage *storage, const char *id, gboolean all)
{
  Mapping *mapping = find_mapping (storage, id);
  if (mapping == NULL)
    return TRUE;
  if (!all && --mapping->users > 0)
    return FALSE;
  g_array_remove_index_fast (storage->mappings, (guint)(mapping - (Mapping *)storage->mappings->data));
  return TRUE;
}

VfStorage *
vf_storage_open (const char *setting, const char *store_path, const char *store_id, const VfHost *host,
                 GError **error)
{
  g_auto (GStrv) name = g_strsplit (setting, ":", 2);
  const VfPlugin *plugin = vf_plugin_find (VMFORGE_PLUGIN_STORAGE, name[0] ? name[0] : "", error);
  g_auto (GStrv) parameters = NULL;
  if (!plugin || !vf_plugin_parse_parameters (plugin, setting, &parameters, error))
    return NULL;

  struct vmforge_storage_config config = {
      .size = sizeof config,
      .store_path = store_path,
      .store_id = store_id,
      .parameters = (const char *const *)parameters,
  };
  const struct vmforge_storage *table = plugin->descriptor->storage;
  void *handle = NULL;
  g_auto (VfCall) call;
  vf_call_begin (&call, host, plugin->name, "open", 0);
  if (!vf_call_end (&call, table->open (&call.pub, &config, &handle), error))
    return NULL;

  VfStorage *storage = g_new0 (VfStorage, 1);
  storage->setting = g_strdup (setting);
  storage->plugin = plugin;
  storage->table = table;
  storage->host = host;
  storage->handle = handle;
  storage->made_fd = -1;
  storage->mappings = g_array_sized_new (FALSE, FALSE, sizeof (Mapping), FEW);
  return storage;
}

/* Takes the descriptor of a new volume; -1: of none. */
static gboolean
hold (VfStorage *storage, const char *id, int fd)
{
  vf_fd_clear (&storage->made_fd);
  g_free (storage->made);
  storage->made = g_strdup (id);
  storage->made_fd = fd;
  return fd >= 0;
}

static void
let_go (VfStorage *storage)
{
  hold (storage, NULL, -1);
}

void
vf_storage_close (VfStorage *storage)
{
  let_go (storage);
  vf_call_close (storage->host, storage->table->close, storage->handle);
  g_array_unref (storage->mappings);
  g_free (storage->setting);
  g_free (storage);
}

const char *
vf_storage_get_setting (const VfStorage *storage)
{
  return storage->setting;
}

/* Ids become file and device names inside plugins: none that is not ours gets there. */
static gboolean
check_id (const char *id, GError **error)
{
  if (id && strlen (id) == ID_LENGTH && vf_digest_is_hex (id, ID_LENGTH))
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is no volume id", id ? id : "");
}

static void
begin (VfCall *call, VfStorage *storage, const char *callback, VfCallFlags flags)
{
  vf_call_begin (call, storage->host, storage->plugin->name, callback, flags);
}

/* The folder of a plugin that leaves a callback to us. */
typedef struct {
  char *path;
  int fd;
} Folder;

static void
folder_clear (Folder *folder)
{
  vf_fd_clear (&folder->fd);
  g_free (folder->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Folder, folder_clear)

static gboolean
open_folder (VfStorage *storage, Folder *folder, GError **error)
{
  g_auto (VfCall) call = {0};
  begin (&call, storage, "folder", VF_CALL_CLEANS_UP);
  folder->path = g_malloc0 (VMFORGE_PATH_MAX);
  if (!vf_call_end (&call, storage->table->folder (storage->handle, &call.pub, folder->path), error))
    return FALSE;
  if (!memchr (folder->path, '\0', VMFORGE_PATH_MAX) || folder->path[0] != '/')
    return vf_call_misbehaved (storage->plugin->name, "folder", error, "it gives no absolute path");
  folder->fd = vf_fs_open_dir (AT_FDCWD, folder->path, error);
  if (folder->fd < 0)
    g_prefix_error (error, "%s: ", storage->plugin->name);
  return folder->fd >= 0;
}

gboolean
vf_storage_get_folder (VfStorage *storage, char **path, GError **error)
{
  g_auto (Folder) folder = {.fd = -1};
  if (storage->table->folder && !open_folder (storage, &folder, error))
    return FALSE;
  *path = g_steal_pointer (&folder.path);
  return TRUE;
}

/* Whether nothing can be written any more; a disk below another may be full, which shows as EIO. */
static gboolean
is_full (VfStorage *storage)
{
  g_autoptr (GError) error = NULL;
  guint64 total, available;
  if (vf_storage_capacity (storage, &total, &available, &error))
    return available < FULL;
  return g_error_matches (error, VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE);
}

/* Ends a default: its error says whose it is, and which disk is full. */
static gboolean
own (VfStorage *storage, const Folder *folder, gboolean done, GError **error)
{
  if (done || !error)
    return done;
  if (g_error_matches (*error, VMFORGE_ERROR, VMFORGE_ERROR_FAILED) && is_full (storage))
    (*error)->code = VMFORGE_ERROR_NO_SPACE;
  if (g_error_matches (*error, VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE))
    g_prefix_error (error, "no room is left in '%s', or on the disk that holds it: ", folder->path);
  g_prefix_error (error, "%s: ", storage->plugin->name);
  return FALSE;
}

gboolean
vf_storage_create (VfStorage *storage, const char *id, guint64 bytes, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return FALSE;
  if (!storage->table->create) {
    g_auto (Folder) folder = {.fd = -1};
    return open_folder (storage, &folder, error) &&
           own (storage, &folder, hold (storage, id, vf_files_create (folder.fd, id, bytes, error)), error);
  }
  begin (&call, storage, "create", 0);
  return vf_call_end (&call, storage->table->create (storage->handle, &call.pub, id, bytes), error);
}

gboolean
vf_storage_clone (VfStorage *storage, const char *id, const char *parent, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error) || !check_id (parent, error))
    return FALSE;
  if (!storage->table->clone) {
    g_auto (Folder) folder = {.fd = -1};
    GCancellable *cancellable = storage->host ? storage->host->cancellable : NULL;
    return open_folder (storage, &folder, error) &&
           own (storage, &folder,
                hold (storage, id, vf_files_clone (folder.fd, id, parent, cancellable, error)), error);
  }
  begin (&call, storage, "clone", 0);
  return vf_call_end (&call, storage->table->clone (storage->handle, &call.pub, id, parent), error);
}

static gboolean
map_file (VfStorage *storage, const char *id, gboolean read_only, char **path, GError **error)
{
  g_auto (Folder) folder = {.fd = -1};
  if (!open_folder (storage, &folder, error))
    return FALSE;
  g_autofree char *name = vf_files_map (folder.fd, id, read_only, error);
  if (!own (storage, &folder, name != NULL, error))
    return FALSE;
  *path = g_build_filename (folder.path, name, NULL);
  return TRUE;
}

static gboolean
map (VfStorage *storage, const char *id, gboolean read_only, char **path, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!storage->table->map)
    return map_file (storage, id, read_only, path, error);
  begin (&call, storage, "map", 0);
  g_autofree char *room = g_malloc0 (VMFORGE_PATH_MAX);
  int returned =
      storage->table->map (storage->handle, &call.pub, id, read_only ? VMFORGE_MAP_READ_ONLY : 0, room);
  if (!vf_call_end (&call, returned, error))
    return FALSE;
  if (!memchr (room, '\0', VMFORGE_PATH_MAX) || room[0] != '/')
    return vf_call_misbehaved (storage->plugin->name, "map", error,
                               "it gives no absolute path for volume '%s'", id);
  *path = g_strdup (room);
  return TRUE;
}

gboolean
vf_storage_map (VfStorage *storage, const char *id, gboolean read_only, char **path, GError **error)
{
  if (!check_id (id, error) || !map (storage, id, read_only, path, error))
    return FALSE;
  add_mapping (storage, id);
  return TRUE;
}

gboolean
vf_storage_unmap (VfStorage *storage, const char *id, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return FALSE;
  if (!drop_mapping (storage, id, FALSE) || !storage->table->unmap)
    return TRUE;
  begin (&call, storage, "unmap", VF_CALL_CLEANS_UP);
  return vf_call_end (&call, storage->table->unmap (storage->handle, &call.pub, id), error);
}

gboolean
vf_storage_grow (VfStorage *storage, const char *id, guint64 bytes, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return FALSE;
  if (!storage->table->grow) {
    g_auto (Folder) folder = {.fd = -1};
    return open_folder (storage, &folder, error) &&
           own (storage, &folder, vf_files_grow (folder.fd, id, bytes, error), error);
  }
  begin (&call, storage, "grow", 0);
  return vf_call_end (&call, storage->table->grow (storage->handle, &call.pub, id, bytes), error);
}

static gboolean
seal_file (VfStorage *storage, const Folder *folder, const char *id, GError **error)
{
  gboolean held = g_strcmp0 (storage->made, id) == 0;
  gboolean sealed = vf_files_seal (folder->fd, id, held ? storage->made_fd : -1, error);
  if (held && sealed)
    let_go (storage);
  return own (storage, folder, sealed, error);
}

gboolean
vf_storage_seal (VfStorage *storage, const char *id, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return FALSE;
  if (!storage->table->seal) {
    g_auto (Folder) folder = {.fd = -1};
    return open_folder (storage, &folder, error) && seal_file (storage, &folder, id, error);
  }
  begin (&call, storage, "seal", 0);
  return vf_call_end (&call, storage->table->seal (storage->handle, &call.pub, id), error);
}

gboolean
vf_storage_remove (VfStorage *storage, const char *id, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return FALSE;
  (void)drop_mapping (storage, id, TRUE);
  /* Its space is free once nobody holds it. */
  if (g_strcmp0 (storage->made, id) == 0)
    let_go (storage);
  if (!storage->table->remove) {
    g_auto (Folder) folder = {.fd = -1};
    return open_folder (storage, &folder, error) &&
           own (storage, &folder, vf_files_remove (folder.fd, id, error), error);
  }
  begin (&call, storage, "remove", VF_CALL_CLEANS_UP);
  if (!vf_call_end (&call, storage->table->remove (storage->handle, &call.pub, id), error))
    return FALSE;
  if (!storage->table->folder)
    return TRUE;
  /* What a default of ours began, a plugin that removes its volumes itself does not know. */
  g_auto (Folder) folder = {.fd = -1};
  return open_folder (storage, &folder, error) &&
         own (storage, &folder, vf_files_remove_part (folder.fd, id, error), error);
}

static gint
compare_volumes (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const VfVolume *const *)a)->id, (*(const VfVolume *const *)b)->id);
}

static GPtrArray *
list_files (VfStorage *storage, GError **error)
{
  g_auto (Folder) folder = {.fd = -1};
  GPtrArray *volumes = open_folder (storage, &folder, error) ? vf_files_list (folder.fd, error) : NULL;
  if (folder.fd >= 0 && own (storage, &folder, volumes != NULL, error))
    g_ptr_array_sort (volumes, compare_volumes);
  return volumes;
}

GPtrArray *
vf_storage_list (VfStorage *storage, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!storage->table->list)
    return list_files (storage, error);
  begin (&call, storage, "list", VF_CALL_EMITS_VOLUMES | VF_CALL_CLEANS_UP);
  if (!vf_call_end (&call, storage->table->list (storage->handle, &call.pub), error))
    return NULL;
  if (!call.results)
    return g_ptr_array_new_with_free_func ((GDestroyNotify)vf_volume_free);
  g_ptr_array_sort (call.results, compare_volumes);
  return g_steal_pointer (&call.results);
}

/* What was emitted, completed to the whole volume with the state that is safe to assume. */
static GArray *
complete_extents (VfCall *call, guint64 bytes, enum vmforge_extent_state rest)
{
  GArray *extents =
      call->extents ? g_steal_pointer (&call->extents) : g_array_new (FALSE, FALSE, sizeof (VfExtent));
  VfExtent *last = extents->len > 0 ? &g_array_index (extents, VfExtent, extents->len - 1) : NULL;
  guint64 end = last ? last->offset + last->length : 0;
  if (end == bytes)
    return extents;
  VfExtent extent = {end, bytes - end, rest};
  if (last && last->state == rest)
    last->length += extent.length;
  else
    g_array_append_val (extents, extent);
  return extents;
}

static GArray *
file_extents (VfStorage *storage, const char *id, GError **error)
{
  g_auto (Folder) folder = {.fd = -1};
  GArray *extents = open_folder (storage, &folder, error) ? vf_files_extents (folder.fd, id, error) : NULL;
  if (folder.fd >= 0)
    own (storage, &folder, extents != NULL, error);
  return extents;
}

GArray *
vf_storage_extents (VfStorage *storage, const char *id, guint64 bytes, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return NULL;
  if (storage->table->extents) {
    begin (&call, storage, "extents", VF_CALL_EMITS_EXTENTS);
    call.bytes = bytes;
    if (!vf_call_end (&call, storage->table->extents (storage->handle, &call.pub, id), error))
      return NULL;
  }
  if (!storage->table->extents && storage->table->folder)
    return file_extents (storage, id, error);
  return complete_extents (&call, bytes, VMFORGE_EXTENT_DATA);
}

GArray *
vf_storage_differences (VfStorage *storage, const char *a, const char *b, guint64 bytes, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (a, error) || !check_id (b, error))
    return NULL;
  if (storage->table->differences) {
    begin (&call, storage, "differences", VF_CALL_EMITS_DIFFERENCES);
    call.bytes = bytes;
    if (!vf_call_end (&call, storage->table->differences (storage->handle, &call.pub, a, b), error))
      return NULL;
  }
  return complete_extents (&call, bytes, VMFORGE_EXTENT_UNKNOWN);
}

gboolean
vf_storage_capacity (VfStorage *storage, guint64 *total, guint64 *available, GError **error)
{
  g_auto (VfCall) call = {0};
  struct vmforge_capacity capacity = {.size = sizeof capacity};
  if (storage->table->capacity) {
    begin (&call, storage, "capacity", 0);
    if (!vf_call_end (&call, storage->table->capacity (storage->handle, &call.pub, &capacity), error))
      return FALSE;
  }
  /* A total of 0 bytes is no answer either. */
  *total = capacity.total > 0 ? capacity.total : G_MAXUINT64;
  *available = capacity.total > 0 ? capacity.available : G_MAXUINT64;
  return TRUE;
}

gboolean
vf_storage_can_snapshot (VfStorage *storage, gboolean *can, GError **error)
{
  g_auto (VfCall) call = {0};
  int answer = 0;
  if (storage->table->can_snapshot) {
    begin (&call, storage, "can_snapshot", 0);
    if (!vf_call_end (&call, storage->table->can_snapshot (storage->handle, &call.pub, &answer), error))
      return FALSE;
  }
  *can = answer != 0;
  return TRUE;
}

gboolean
vf_storage_granularity (VfStorage *storage, guint64 *bytes, GError **error)
{
  g_auto (VfCall) call = {0};
  uint64_t answer = BLOCK;
  if (storage->table->granularity) {
    begin (&call, storage, "granularity", 0);
    if (!vf_call_end (&call, storage->table->granularity (storage->handle, &call.pub, &answer), error))
      return FALSE;
  }
  if (answer < 512 || answer > 16 * 1024 * 1024 || (answer & (answer - 1)) != 0)
    return vf_call_misbehaved (storage->plugin->name, "granularity", error,
                               "%" G_GUINT64_FORMAT " is no power of two from 512 to 16 MiB", answer);
  *bytes = answer;
  return TRUE;
}

gboolean
vf_storage_ask_place (VfStorage *storage, char **place, GError **error)
{
  g_auto (VfCall) call = {0};
  *place = NULL;
  if (!storage->table->place)
    return TRUE;
  begin (&call, storage, "place", 0);
  g_autofree char *room = g_malloc0 (VMFORGE_PATH_MAX);
  if (!vf_call_end (&call, storage->table->place (storage->handle, &call.pub, room), error))
    return FALSE;
  if (!memchr (room, '\0', VMFORGE_PATH_MAX) || !room[0] || !g_utf8_validate (room, -1, NULL))
    return vf_call_misbehaved (storage->plugin->name, "place", error, "it gives no text");
  *place = g_steal_pointer (&room);
  return TRUE;
}

gboolean
vf_storage_label (VfStorage *storage, const char *id, const char *key, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return FALSE;
  if (!storage->table->label)
    return TRUE;
  begin (&call, storage, "label", 0);
  return vf_call_end (&call, storage->table->label (storage->handle, &call.pub, id, key), error);
}

gboolean
vf_storage_sync (VfStorage *storage, const char *id, const char *mapped, GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return FALSE;
  if (!storage->table->sync) {
    vf_autofd int fd = open (mapped, O_RDWR | O_CLOEXEC);
    return (fd >= 0 && fsync (fd) == 0) ||
           vf_error_set_errno (error, "cannot sync volume '%s' at '%s'", id, mapped);
  }
  begin (&call, storage, "sync", 0);
  return vf_call_end (&call, storage->table->sync (storage->handle, &call.pub, id), error);
}

gboolean
vf_storage_discard (VfStorage *storage, const char *id, const char *mapped, guint64 offset, guint64 length,
                    GError **error)
{
  g_auto (VfCall) call = {0};
  if (!check_id (id, error))
    return FALSE;
  g_return_val_if_fail (offset % BLOCK == 0 && length % BLOCK == 0, FALSE);
  if (!storage->table->discard) {
    vf_autofd int fd = open (mapped, O_RDWR | O_CLOEXEC);
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return (fd >= 0 && fallocate (fd, mode, (off_t)offset, (off_t)length) == 0) ||
           vf_error_set_errno (error, "cannot discard a range of volume '%s' at '%s'", id, mapped);
  }
  begin (&call, storage, "discard", 0);
  return vf_call_end (&call, storage->table->discard (storage->handle, &call.pub, id, offset, length), error);
}

gboolean
vf_storage_deactivate (VfStorage *storage, GError **error)
{
  g_auto (VfCall) call = {0};
  let_go (storage);
  if (!storage->table->deactivate)
    return TRUE;
  begin (&call, storage, "deactivate", VF_CALL_CLEANS_UP);
  return vf_call_end (&call, storage->table->deactivate (storage->handle, &call.pub), error);
}
