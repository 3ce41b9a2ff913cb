/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "storage-lvm.h"

#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER         "lvm"
#define DEFAULT_POOL   "vmforge"
#define DEFAULT_FULL   90
#define MIN_POOL_BYTES (UINT64_C (64) << 20)
#define MAX_UNIT       (UINT64_C (16) << 20)

static int
refuse (Call *call, const char *name, const char *value, const char *wanted)
{
  call->host->error (call, VMFORGE_PLUGIN_INVALID, "%s=%s is wrong: %s", name, value, wanted);
  return -1;
}

/* What LVM takes as a name, and cannot take for an option. */
static gboolean
is_name (const char *text)
{
  return *text != '\0' && *text != '-' && *text != '.' && strlen (text) < 100 &&
         strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-") == strlen (text);
}

static int
set_name (Call *call, char **place, const char *name, const char *value)
{
  if (!is_name (value))
    return refuse (call, name, value, "LVM's names have letters, digits, +, _, . and -");
  g_free (*place);
  *place = g_strdup (value);
  return 0;
}

static int
read_parameter (Store *store, Call *call, const char *name, const char *value)
{
  if (strcmp (name, "vg") == 0)
    return set_name (call, &store->vg, name, value);
  if (strcmp (name, "pool") == 0)
    return set_name (call, &store->pool, name, value);
  if (strcmp (name, "devices") == 0) {
    if (*value != '/')
      return refuse (call, name, value, "give paths of devices, separated by ':'");
    store->devices = g_strdelimit (g_strdup (value), ":", ',');
    return 0;
  }
  if (strcmp (name, "create_pool") == 0) {
    store->create_pool = g_ascii_strtoull (value, NULL, 10);
    return store->create_pool >= MIN_POOL_BYTES ? 0 : refuse (call, name, value, "64MiB is the least");
  }
  char *end;
  store->full = (guint)g_ascii_strtoull (value, &end, 10);
  return end > value && *end == '\0' && store->full >= 1 && store->full <= 100
             ? 0
             : refuse (call, name, value, "it is a percentage, from 1 to 100");
}

static void
ignore_message (int level, const char *file, int line, int dm_errno, const char *format, ...)
{
  /* The library writes to standard error by itself, which is the engine's. */
}

static void
lvm_close (void *handle)
{
  Store *store = handle;
  active_keep (store);
  g_hash_table_unref (store->mapped);
  g_hash_table_unref (store->labels);
  g_clear_pointer (&store->volumes, g_hash_table_unref);
  if (store->folder >= 0)
    close (store->folder);
  g_free (store->vg);
  g_free (store->pool);
  g_free (store->devices);
  g_free (store->store_id);
  g_free (store->folder_path);
  g_free (store);
}

static int
open_folder (Store *store, Call *call, const char *store_path)
{
  store->folder_path = g_strconcat (store_path, "/" FOLDER, NULL);
  if (mkdir (store->folder_path, 0700) < 0 && errno != EEXIST)
    return fail_errno (call, "cannot make '%s'", store->folder_path);
  store->folder = open (store->folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  return store->folder < 0 ? fail_errno (call, "cannot open '%s'", store->folder_path) : 0;
}

static int
prepare (Store *store, Call *call, const struct vmforge_storage_config *config)
{
  for (const char *const *p = config->parameters; p != NULL && p[0] != NULL; p += 2)
    if (read_parameter (store, call, p[0], p[1]) < 0)
      return -1;
  if (store->vg == NULL) {
    call->host->error (call, VMFORGE_PLUGIN_INVALID,
                       "it needs a volume group: --storage storage-lvm:vg=NAME");
    return -1;
  }
  if (geteuid () != 0) {
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "it needs root, as LVM does");
    return -1;
  }
  return open_folder (store, call, config->store_path) < 0 || pool_open (store, call) < 0 ||
                 snapshot_recover (store, call) < 0 || active_recover (store, call, FALSE) < 0
             ? -1
             : 0;
}

static int
lvm_open (Call *call, const struct vmforge_storage_config *config, void **handle)
{
  Store *store = g_new0 (Store, 1);
  dm_log_with_errno_init (ignore_message);
  store->folder = -1;
  store->full = DEFAULT_FULL;
  store->pool = g_strdup (DEFAULT_POOL);
  store->store_id = g_strdup (config->store_id);
  store->mapped = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  store->labels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (prepare (store, call, config) < 0) {
    lvm_close (store);
    return -1;
  }
  *handle = store;
  return 0;
}

static int
lvm_create (void *handle, Call *call, const char *id, uint64_t bytes)
{
  return volume_create (handle, call, id, bytes);
}

static int
lvm_clone (void *handle, Call *call, const char *id, const char *parent)
{
  return volume_clone (handle, call, id, parent);
}

static int
lvm_map (void *handle, Call *call, const char *id, uint32_t flags, char *path)
{
  Volume *volume = report_find (handle, call, id);
  if (volume == NULL)
    return -1;
  if ((flags & VMFORGE_MAP_READ_ONLY) == 0) {
    if (volume->sealed) {
      call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume %s is sealed: it can be mapped read-only alone",
                         id);
      return -1;
    }
    if (pool_check (handle, call) < 0)
      return -1;
  }
  return active_map (handle, call, volume, path);
}

static int
lvm_unmap (void *handle, Call *call, const char *id)
{
  return active_unmap (handle, call, id);
}

static int
lvm_grow (void *handle, Call *call, const char *id, uint64_t bytes)
{
  return volume_grow (handle, call, id, bytes);
}

static int
lvm_seal (void *handle, Call *call, const char *id)
{
  return volume_seal (handle, call, id);
}

static int
lvm_remove (void *handle, Call *call, const char *id)
{
  return volume_remove (handle, call, id);
}

static int
lvm_list (void *handle, Call *call)
{
  Store *store = handle;
  GHashTableIter iter;
  gpointer value;
  if (report_read (store, call) < 0)
    return -1;
  g_hash_table_iter_init (&iter, store->volumes);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Volume *volume = value;
    struct vmforge_volume row = {.size = sizeof row,
                                 .flags = volume->sealed ? VMFORGE_VOLUME_SEALED : 0,
                                 .id = volume->id,
                                 .bytes = volume->bytes,
                                 .allocated = volume->allocated};
    if (call->host->emit_volume (call, &row) < 0)
      return -1;
  }
  return 0;
}

static int
lvm_extents (void *handle, Call *call, const char *id)
{
  const Volume *volume = report_find (handle, call, id);
  return volume == NULL ? -1 : ranges_emit (handle, call, volume);
}

static int
lvm_differences (void *handle, Call *call, const char *a, const char *b)
{
  /* The second look-up may read all anew. */
  if (report_find (handle, call, a) == NULL || report_find (handle, call, b) == NULL)
    return -1;
  const Volume *left = report_find (handle, call, a), *right = report_find (handle, call, b);
  if (left == NULL || right == NULL)
    return -1;
  if (left->sealed && right->sealed)
    return ranges_compare (handle, call, left, right);
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume %s is not sealed: it cannot be compared",
                     left->sealed ? b : a);
  return -1;
}

static int
lvm_capacity (void *handle, Call *call, struct vmforge_capacity *capacity)
{
  const Store *store = handle;
  Pool pool;
  gboolean active;
  if (pool_read (handle, call, &pool, &active) < 0)
    return -1;
  if (!active)
    return 0;
  guint64 usable = pool.data_total / 100 * store->full;
  capacity->total = pool.data_total;
  capacity->available = usable > pool.data_used ? usable - pool.data_used : 0;
  return pool_judge_room (handle, call, &pool);
}

static int
lvm_deactivate (void *handle, Call *call)
{
  Store *store = handle;
  g_autoptr (GList) ids = g_hash_table_get_keys (store->mapped);
  for (GList *id = ids; id != NULL; id = id->next) {
    g_autofree char *copy = g_strdup (id->data);
    if (active_unmap (store, call, copy) < 0)
      return -1;
  }
  return active_recover (store, call, TRUE);
}

static int
lvm_can_snapshot (void *handle, Call *call, int *answer)
{
  *answer = 1;
  return 0;
}

/* Chunks of LVM need not be a power of two. */
static int
lvm_granularity (void *handle, Call *call, uint64_t *bytes)
{
  Pool pool;
  gboolean active;
  if (pool_read (handle, call, &pool, &active) < 0)
    return -1;
  for (*bytes = 4096; *bytes < pool.chunk && *bytes < MAX_UNIT;)
    *bytes *= 2;
  return 0;
}

static int
lvm_discard (void *handle, Call *call, const char *id, uint64_t offset, uint64_t length)
{
  return volume_discard (handle, call, id, offset, length);
}

/* Volumes are found by volume group and name; a store that came to another pool has them in both. */
static int
lvm_place (void *handle, Call *call, char *text)
{
  const Store *store = handle;
  g_snprintf (text, VMFORGE_PATH_MAX, "vg=%s", store->vg);
  return 0;
}

static int
lvm_label (void *handle, Call *call, const char *id, const char *key)
{
  Store *store = handle;
  g_hash_table_insert (store->labels, g_strdup (id), g_strdup (key));
  return 0;
}

static const struct vmforge_parameter parameters[] = {
    {"vg", "string", NULL, "the volume group; there is no default"},
    {"pool", "string", DEFAULT_POOL, "the thin pool in it"},
    {"create_pool", "size", NULL, "make the pool with this size if there is none"},
    {"devices", "string", NULL,
     "the devices that LVM may look at, separated by ':'; default: those that it knows"},
    {"full", "string", "90", "percentage of data or metadata used from which on nothing begins"},
    {NULL, NULL, NULL, NULL},
};

static const struct vmforge_storage table = {
    .size = sizeof table,
    .open = lvm_open,
    .close = lvm_close,
    .create = lvm_create,
    .clone = lvm_clone,
    .map = lvm_map,
    .unmap = lvm_unmap,
    .grow = lvm_grow,
    .seal = lvm_seal,
    .remove = lvm_remove,
    .list = lvm_list,
    .extents = lvm_extents,
    .differences = lvm_differences,
    .capacity = lvm_capacity,
    .deactivate = lvm_deactivate,
    .can_snapshot = lvm_can_snapshot,
    .granularity = lvm_granularity,
    .discard = lvm_discard,
    .place = lvm_place,
    .label = lvm_label,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof (struct vmforge_storage), .name = "storage-lvm",
                .version = VMFORGE_VERSION,
                .description = "volumes as thin logical volumes of a volume group",
                .license = "LGPL-2.1-or-later", .parameters = parameters, .storage = &table);
