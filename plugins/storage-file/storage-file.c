/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "storage-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

int
fail_errno (call_t *call, const char *folder, const char *format, ...)
{
  int saved = errno;
  char message[VMFORGE_PATH_MAX + 256];
  va_list args;
  va_start (args, format);
  vsnprintf (message, sizeof message, format, args);
  va_end (args);
  switch (saved) {
  case ENOSPC:
  case EDQUOT:
    call->host->error (call, VMFORGE_PLUGIN_NO_SPACE, "%s: the filesystem of '%s' is full", message, folder);
    break;
  case EROFS:
  case EACCES:
  case EPERM:
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "%s: %s", message, strerror (saved));
    break;
  default:
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "%s: %s", message, strerror (saved));
  }
  return -1;
}

static int
read_parameter (struct store *store, call_t *call, const char **dir, const char *name, const char *value)
{
  static const char *const uses[] = {[POOL_AUTO] = "auto", [POOL_ALWAYS] = "always", [POOL_NEVER] = "never"};
  if (strcmp (name, "dir") == 0) {
    *dir = value;
    return 0;
  }
  if (strcmp (name, "pool_size") == 0) {
    store->pool_size = strtoull (value, NULL, 10);
    if (store->pool_size >= UINT64_C (1) << 30 && store->pool_size < UINT64_C (1) << 60)
      return 0;
    call->host->error (call, VMFORGE_PLUGIN_INVALID,
                       "pool_size=%s is too small or too large: 1GiB is the least", value);
    return -1;
  }
  for (size_t i = 0; strcmp (name, "pool") == 0 && i < sizeof uses / sizeof *uses; i++) {
    if (strcmp (value, uses[i]) == 0) {
      store->pool_use = (enum pool_use)i;
      return 0;
    }
  }
  call->host->error (call, VMFORGE_PLUGIN_INVALID,
                     "parameter '%s=%s' is unknown: pool is auto, always or never", name, value);
  return -1;
}

static int
make_folder (call_t *call, const char *path)
{
  if (mkdir (path, 0700) == 0 || errno == EEXIST)
    return 0;
  return fail_errno (call, path, "cannot make the folder '%s'", path);
}

static int
open_base (struct store *store, call_t *call, const struct vmforge_storage_config *config, const char *dir)
{
  int length = dir ? snprintf (store->base, sizeof store->base, "%s/%s", dir, config->store_id)
                   : snprintf (store->base, sizeof store->base, "%s", config->store_path);
  if (length < 0 || (size_t)length >= sizeof store->base) {
    call->host->error (call, VMFORGE_PLUGIN_INVALID, "the path '%.100s…' is too long", store->base);
    return -1;
  }
  if (dir && make_folder (call, store->base) < 0)
    return -1;
  store->base_fd = open (store->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return store->base_fd < 0 ? fail_errno (call, store->base, "cannot open '%s'", store->base) : 0;
}

static void
file_close (void *handle)
{
  struct store *store = handle;
  if (store->removed)
    pool_trim (store, true);
  fd_clear (&store->folder_fd);
  fd_clear (&store->base_fd);
  free (store);
}

static int
file_open (call_t *call, const struct vmforge_storage_config *config, void **handle)
{
  struct store *store = calloc (1, sizeof *store);
  const char *dir = NULL;
  if (!store) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "out of memory");
    return -1;
  }
  store->base_fd = store->folder_fd = -1;
  for (const char *const *p = config->parameters; p && p[0]; p += 2) {
    if (read_parameter (store, call, &dir, p[0], p[1]) < 0) {
      file_close (store);
      return -1;
    }
  }
  if (open_base (store, call, config, dir) < 0 || place_open (store, call) < 0) {
    file_close (store);
    return -1;
  }
  *handle = store;
  return 0;
}

/* No descriptor but folder_fd leads to an unmounted pool. */
static bool
is_active (struct store *store, call_t *call)
{
  if (store->folder_fd >= 0)
    return true;
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "the pool of '%s' was unmounted: open the store again",
                     store->base);
  return false;
}

/* A volume appears under its name when it is complete: until then its file has none, and the kernel frees it
 * when its maker dies. */
static int
make_unnamed (struct store *store, call_t *call)
{
  int fd = openat (store->folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT,
                       "the filesystem of '%s' has no unnamed files (O_TMPFILE): give a dir on another one",
                       store->base);
    return -1;
  }
  return fd < 0 ? fail_errno (call, store->base, "cannot make a file in '%s/%s'", store->base, store->folder)
                : fd;
}

static int
name_it (struct store *store, call_t *call, int fd, const char *id)
{
  char name[VOLUME_NAME_MAX], source[64];
  volume_name (name, id);
  snprintf (source, sizeof source, "/proc/self/fd/%d", fd);
  if (linkat (AT_FDCWD, source, store->folder_fd, name, AT_SYMLINK_FOLLOW) < 0)
    return fail_errno (call, store->base, "cannot name the file of volume %s", id);
  return 0;
}

static int
file_create (void *handle, call_t *call, const char *id, uint64_t bytes)
{
  struct store *store = handle;
  autofd int fd = is_active (store, call) ? make_unnamed (store, call) : -1;
  if (fd < 0)
    return -1;
  if (ftruncate (fd, (off_t)bytes) < 0)
    return fail_errno (call, store->base, "cannot make volume %s of %llu bytes", id,
                       (unsigned long long)bytes);
  return name_it (store, call, fd, id);
}

static int
file_clone (void *handle, call_t *call, const char *id, const char *parent)
{
  struct store *store = handle;
  bool sealed;
  uint64_t bytes;
  autofd int from =
      is_active (store, call) ? volume_open (store, call, parent, O_RDONLY, &sealed, &bytes) : -1;
  if (from < 0)
    return -1;
  if (!sealed) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume %s is not sealed: it cannot be cloned", parent);
    return -1;
  }
  autofd int to = make_unnamed (store, call);
  if (to < 0 || clone_content (store, call, from, to, bytes) < 0)
    return -1;
  return name_it (store, call, to, id);
}

static int
file_map (void *handle, call_t *call, const char *id, uint32_t flags, char *path)
{
  struct store *store = handle;
  char name[VOLUME_NAME_MAX];
  bool sealed;
  uint64_t bytes;
  autofd int fd = is_active (store, call) ? volume_open (store, call, id, O_RDONLY, &sealed, &bytes) : -1;
  if (fd < 0)
    return -1;
  if (sealed && !(flags & VMFORGE_MAP_READ_ONLY)) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume %s is sealed: it can only be read", id);
    return -1;
  }
  volume_name (name, id);
  snprintf (path, VMFORGE_PATH_MAX, "%s/%s/%s", store->base, store->folder, name);
  return 0;
}

static int
file_grow (void *handle, call_t *call, const char *id, uint64_t wanted)
{
  struct store *store = handle;
  bool sealed;
  uint64_t bytes;
  autofd int fd = is_active (store, call) ? volume_open (store, call, id, O_RDONLY, &sealed, &bytes) : -1;
  if (fd < 0)
    return -1;
  if (sealed || wanted < bytes) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume %s of %llu bytes %s", id,
                       (unsigned long long)bytes,
                       sealed ? "is sealed: it cannot grow" : "cannot be made smaller");
    return -1;
  }
  fd_clear (&fd);
  fd = volume_open (store, call, id, O_RDWR, NULL, NULL);
  if (fd < 0)
    return -1;
  return ftruncate (fd, (off_t)wanted) < 0 ? fail_errno (call, store->base, "cannot grow volume %s", id) : 0;
}

static int
file_seal (void *handle, call_t *call, const char *id)
{
  struct store *store = handle;
  autofd int fd = is_active (store, call) ? volume_open (store, call, id, O_RDONLY, NULL, NULL) : -1;
  if (fd < 0)
    return -1;
  /* Data first: after a crash no file may look sealed that is not whole. */
  if (fsync (fd) < 0 || fchmod (fd, 0400) < 0 || fsync (fd) < 0 || fsync (store->folder_fd) < 0)
    return fail_errno (call, store->base, "cannot seal volume %s", id);
  return 0;
}

static int
file_remove (void *handle, call_t *call, const char *id)
{
  struct store *store = handle;
  char name[VOLUME_NAME_MAX];
  if (!is_active (store, call))
    return -1;
  volume_name (name, id);
  if (unlinkat (store->folder_fd, name, 0) < 0 && errno != ENOENT)
    return fail_errno (call, store->base, "cannot remove volume %s", id);
  store->removed = true;
  return 0;
}

static int
emit_file (struct store *store, call_t *call, const char *name)
{
  char id[33];
  struct stat status;
  if (strlen (name) != 36 || strspn (name, "0123456789abcdef") != 32 || strcmp (name + 32, ".raw") != 0)
    return 0;
  if (fstatat (store->folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? 0 : fail_errno (call, store->base, "cannot look at volume '%s'", name);
  if (!S_ISREG (status.st_mode))
    return 0;
  memcpy (id, name, 32);
  id[32] = '\0';
  struct vmforge_volume volume = {
      .size = sizeof volume,
      .flags = status.st_mode & S_IWUSR ? 0 : VMFORGE_VOLUME_SEALED,
      .id = id,
      .bytes = (uint64_t)status.st_size,
      .allocated = (uint64_t)status.st_blocks * 512,
  };
  return call->host->emit_volume (call, &volume);
}

static int
file_list (void *handle, call_t *call)
{
  struct store *store = handle;
  if (!is_active (store, call))
    return -1;
  autofd int fd = openat (store->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir (fd) : NULL;
  if (!folder)
    return fail_errno (call, store->base, "cannot read '%s/%s'", store->base, store->folder);
  fd_steal (&fd);
  int result = 0;
  struct dirent *entry;
  while (result == 0 && (errno = 0, entry = readdir (folder)))
    result = emit_file (store, call, entry->d_name);
  if (result == 0 && errno != 0)
    result = fail_errno (call, store->base, "cannot read '%s/%s'", store->base, store->folder);
  closedir (folder);
  return result;
}

static int
file_extents (void *handle, call_t *call, const char *id)
{
  return is_active (handle, call) ? volume_extents (handle, call, id) : -1;
}

static int
file_differences (void *handle, call_t *call, const char *a, const char *b)
{
  return is_active (handle, call) ? volume_differences (handle, call, a, b) : -1;
}

/* A pool has room while both it and the filesystem that its file is on have. */
static int
file_capacity (void *handle, call_t *call, struct vmforge_capacity *capacity)
{
  struct store *store = handle;
  struct statvfs inside, host;
  if (!is_active (store, call))
    return -1;
  pool_trim (store, false);
  if (fstatvfs (store->folder_fd, &inside) < 0 || fstatvfs (store->base_fd, &host) < 0)
    return fail_errno (call, store->base, "cannot ask for the free space of '%s'", store->base);
  uint64_t available = (uint64_t)inside.f_bavail * inside.f_frsize;
  uint64_t host_available = (uint64_t)host.f_bavail * host.f_frsize;
  capacity->total = (uint64_t)inside.f_blocks * inside.f_frsize;
  capacity->available = available < host_available ? available : host_available;
  return 0;
}

static int
file_can_snapshot (void *handle, call_t *call, int *answer)
{
  struct store *store = handle;
  *answer = store->place != PLACE_COPY;
  return 0;
}

static int
file_deactivate (void *handle, call_t *call)
{
  struct store *store = handle;
  if (store->place != PLACE_POOL)
    return 0;
  pool_trim (store, true);
  fd_clear (&store->folder_fd);
  return pool_umount (store, call);
}

static const struct vmforge_parameter parameters[] = {
    {"dir", "path", NULL, "where volumes live instead of the store"},
    {"pool", "string", "auto", "auto, always or never: the XFS pool file"},
    {"pool_size", "size", NULL, "size of the pool; default: that of the filesystem that it is on"},
    {NULL, NULL, NULL, NULL},
};

static const struct vmforge_storage table = {
    .size = sizeof table,
    .open = file_open,
    .close = file_close,
    .create = file_create,
    .clone = file_clone,
    .map = file_map,
    .grow = file_grow,
    .seal = file_seal,
    .remove = file_remove,
    .list = file_list,
    .extents = file_extents,
    .differences = file_differences,
    .capacity = file_capacity,
    .deactivate = file_deactivate,
    .can_snapshot = file_can_snapshot,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof (struct vmforge_storage), .name = "storage-file",
                .version = VMFORGE_VERSION, .description = "volumes as sparse files, cloned by reference",
                .license = "LGPL-2.1-or-later", .parameters = parameters, .storage = &table);
