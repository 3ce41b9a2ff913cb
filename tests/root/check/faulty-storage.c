/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A storage plugin of plain copies that is sound until its parameter `fault` says what to do wrong. Volumes
 * are the files ID of STORE/faulty; ID.new is one that is not whole yet. */
#include "faulty.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum mode { ANY = 0, WRITABLE = 0600, SEALED = 0400 };

static int
fail (struct vmforge_call *call, const char *what, const char *id)
{
  int code = (errno == ENOSPC || errno == EDQUOT) && !faulty ("clone:full") ? VMFORGE_PLUGIN_NO_SPACE
                                                                            : VMFORGE_PLUGIN_FAILED;
  if (!call->host->cancelled (call))
    call->host->error (call, code, "cannot %s '%s': %s", what, id, strerror (errno));
  return -1;
}

/* The result of a callback that worked with this descriptor. */
static int
finish (struct vmforge_call *call, int fd, int good, const char *what, const char *id)
{
  int result = good ? 0 : fail (call, what, id);
  if (fd >= 0)
    close (fd);
  return result;
}

/* Fails unless the volume is there, and of this mode. The handle of every callback is the open folder. */
static int
look (void *folder, struct vmforge_call *call, const char *id, enum mode mode, struct stat *status)
{
  if (fstatat (dirfd (folder), id, status, AT_SYMLINK_NOFOLLOW) < 0)
    return fail (call, "find volume", id);
  if (mode == ANY || (status->st_mode & 0777) == mode)
    return 0;
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume '%s' is %ssealed", id,
                     mode == SEALED ? "not " : "");
  return -1;
}

static int
copy_data (struct vmforge_call *call, int from, int to)
{
  off_t in, out, end = 0;
  while ((in = out = lseek (from, end, SEEK_DATA)) >= 0 && (end = lseek (from, in, SEEK_HOLE)) >= 0)
    for (ssize_t step = 1 << 24; in < end;)
      if (call->host->cancelled (call) ||
          copy_file_range (from, &in, to, &out, (size_t)(end - in < step ? end - in : step), 0) <= 0)
        return -1;
  return errno == ENXIO ? 0 : -1; /* no data behind */
}

/* The volume gets its name when it is whole. from: a descriptor of its content, or -1. */
static int
make (void *folder, struct vmforge_call *call, const char *id, uint64_t bytes, int from)
{
  char name[48];
  snprintf (name, sizeof name, "%.32s.new", id);
  int to = openat (dirfd (folder), name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, WRITABLE);
  int good = to >= 0 && ftruncate (to, (off_t)bytes) == 0 &&
             (!faulty ("create:dirty") || from >= 0 || pwrite (to, "x", 1, 70000) == 1) &&
             (from < 0 || faulty ("clone:empty") || copy_data (call, from, to) == 0) &&
             linkat (dirfd (folder), name, dirfd (folder), id, 0) == 0;
  int result = finish (call, to, good, "make volume", id);
  unlinkat (dirfd (folder), name, 0);
  return result;
}

static int
open_store (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle)
{
  for (const char *const *p = config->parameters; p && p[0]; p += 2)
    snprintf (fault, sizeof fault, "%s", p[1]);
  if (go_wrong ("open"))
    return -1;
  char path[VMFORGE_PATH_MAX + 80];
  snprintf (path, sizeof path, "%s/faulty", config->store_path);
  int good = (mkdir (path, 0700) == 0 || errno == EEXIST) && (*handle = opendir (path));
  return good ? 0 : fail (call, "open the folder", path);
}

static void
close_store (void *handle)
{
  go_wrong ("close");
  if (faulty ("close:nothing"))
    return;
  closedir (handle);
}

static int
create (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  if (go_wrong ("create"))
    return -1;
  if (faulty ("create:nothing"))
    return 0;
  if (faulty ("create:size"))
    bytes += 4096;
  return make (handle, call, id, bytes, -1);
}

static int
clone_sealed (void *handle, struct vmforge_call *call, const char *id, const char *parent)
{
  if (go_wrong ("clone"))
    return -1;
  if (faulty ("clone:nothing"))
    return 0;
  if (faulty ("clone:shared"))
    return linkat (dirfd (handle), parent, dirfd (handle), id, 0) == 0 &&
                   fchmodat (dirfd (handle), id, WRITABLE, 0) == 0
               ? 0
               : fail (call, "share", id);
  if (faulty ("clone:twice"))
    unlinkat (dirfd (handle), id, 0);
  struct stat status;
  if (look (handle, call, parent, SEALED, &status) < 0)
    return -1;
  int from = openat (dirfd (handle), parent, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  int result =
      from < 0 ? fail (call, "read volume", parent) : make (handle, call, id, (uint64_t)status.st_size, from);
  if (from >= 0)
    close (from);
  return result;
}

static int
map (void *handle, struct vmforge_call *call, const char *id, uint32_t flags, char *path)
{
  if (go_wrong ("map"))
    return -1;
  if (faulty ("map:sealed"))
    flags = VMFORGE_MAP_READ_ONLY;
  if (faulty ("map:relative") || faulty ("map:absent")) {
    strcpy (path, faulty ("map:relative") ? "volume" : "/nonexistent/volume");
    return 0;
  }
  struct stat status;
  char name[80];
  if (look (handle, call, id, flags & VMFORGE_MAP_READ_ONLY ? ANY : WRITABLE, &status) < 0)
    return -1;
  snprintf (name, sizeof name, "/proc/self/fd/%d/%.32s", dirfd (handle), id);
  return realpath (name, path) ? 0 : fail (call, "find the path of volume", id);
}

static int
grow (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{
  if (go_wrong ("grow"))
    return -1;
  if (faulty ("grow:nothing"))
    return 0;
  struct stat status;
  if (look (handle, call, id, WRITABLE, &status) < 0)
    return -1;
  if (bytes < (uint64_t)status.st_size && !faulty ("grow:shrink")) {
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "volume '%s' cannot be made smaller", id);
    return -1;
  }
  int fd = openat (dirfd (handle), id, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  return finish (call, fd,
                 fd >= 0 && ftruncate (fd, (off_t)bytes) == 0 &&
                     (!faulty ("grow:garbage") || pwrite (fd, "x", 1, (off_t)bytes - 9) == 1),
                 "grow volume", id);
}

static int
seal (void *handle, struct vmforge_call *call, const char *id)
{
  if (go_wrong ("seal"))
    return -1;
  if (faulty ("seal:nothing"))
    return 0;
  int fd = openat (dirfd (handle), id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  /* Data first: no crash leaves a file that looks sealed and is not whole. */
  int good = fd >= 0 && fsync (fd) == 0 && fchmod (fd, SEALED) == 0 && fsync (fd) == 0 &&
             fsync (dirfd (handle)) == 0;
  return finish (call, fd, good, "seal volume", id);
}

static int
remove_volume (void *handle, struct vmforge_call *call, const char *id)
{
  if (go_wrong ("remove"))
    return -1;
  if (faulty ("remove:nothing"))
    return 0;
  if (faulty ("remove:absent") && faccessat (dirfd (handle), id, F_OK, 0) < 0)
    return fail (call, "find volume", id);
  char name[48];
  snprintf (name, sizeof name, "%.32s.new", id);
  int good = (unlinkat (dirfd (handle), name, 0) == 0 || errno == ENOENT) &&
             (unlinkat (dirfd (handle), id, 0) == 0 || errno == ENOENT);
  return good ? 0 : fail (call, "remove volume", id);
}

static int
list (void *handle, struct vmforge_call *call)
{
  if (go_wrong ("list"))
    return -1;
  if (faulty ("list:empty"))
    return 0;
  struct dirent *entry;
  bool first = true;
  rewinddir (handle);
  while ((errno = 0, entry = readdir (handle))) {
    struct stat status;
    if (strlen (entry->d_name) != 32 || strspn (entry->d_name, "0123456789abcdef") != 32 ||
        fstatat (dirfd (handle), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    if (first && faulty ("list:less")) {
      first = false;
      continue;
    }
    struct vmforge_volume volume = {
        .size = sizeof volume,
        .flags = (status.st_mode & 0777) == SEALED ? VMFORGE_VOLUME_SEALED : 0,
        .id = entry->d_name,
        .bytes = (uint64_t)status.st_size,
        .allocated = (uint64_t)status.st_blocks * 512,
    };
    if (faulty ("list:id"))
      volume.id = "a-volume";
    if (faulty ("list:size"))
      volume.bytes++;
    if (faulty ("list:double") && call->host->emit_volume (call, &volume) < 0)
      return -1;
    if (call->host->emit_volume (call, &volume) < 0)
      return -1;
  }
  return errno ? fail (call, "list", "faulty") : 0;
}

static int
unmap (void *handle, struct vmforge_call *call, const char *id)
{
  if (go_wrong ("unmap"))
    return -1;
  if (!faulty ("unmap:lost"))
    return 0;
  /* What was written last never got there. */
  int fd = openat (dirfd (handle), id, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  return finish (call, fd,
                 fd >= 0 && fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20) == 0,
                 "lose", id);
}

static int
extents (void *handle, struct vmforge_call *call, const char *id)
{
  struct stat status;
  if (go_wrong ("extents") || look (handle, call, id, ANY, &status) < 0)
    return -1;
  uint64_t bytes = (uint64_t)status.st_size;
  if (faulty ("extents:hole"))
    return call->host->emit_extent (call, 0, bytes, VMFORGE_EXTENT_HOLE);
  if (faulty ("extents:overlap") && call->host->emit_extent (call, 0, bytes, VMFORGE_EXTENT_DATA) < 0)
    return -1;
  return call->host->emit_extent (call, 0, bytes, VMFORGE_EXTENT_DATA);
}

/* Compares the two, block by block; what the faults shift is the end of a changed run. */
static int
compare (struct vmforge_call *call, int a, int b, uint64_t bytes)
{
  static const size_t block = 4096;
  char left[4096], right[4096];
  bool before = false;
  for (uint64_t at = 0; at < bytes; at += block) {
    memset (left, 0, block);
    if (pread (a, left, block, (off_t)at) < 0 || pread (b, right, block, (off_t)at) != (ssize_t)block)
      return fail (call, "compare", "volumes");
    bool differs = memcmp (left, right, block) != 0, shifted = faulty ("differences:shifted") && !before;
    before = differs;
    if (call->host->emit_extent (call, at, block,
                                 differs && !shifted ? VMFORGE_EXTENT_CHANGED : VMFORGE_EXTENT_SAME) < 0)
      return -1;
  }
  return 0;
}

static int
differences (void *handle, struct vmforge_call *call, const char *a, const char *b)
{
  struct stat left, right;
  if (go_wrong ("differences") || look (handle, call, a, ANY, &left) < 0 ||
      look (handle, call, b, ANY, &right) < 0)
    return -1;
  if (faulty ("differences:same"))
    return call->host->emit_extent (call, 0, (uint64_t)right.st_size, VMFORGE_EXTENT_SAME);
  int a_fd = openat (dirfd (handle), a, O_RDONLY | O_CLOEXEC),
      b_fd = openat (dirfd (handle), b, O_RDONLY | O_CLOEXEC);
  int result = compare (call, a_fd, b_fd, (uint64_t)right.st_size);
  close (a_fd);
  close (b_fd);
  return result;
}

static int
capacity (void *handle, struct vmforge_call *call, struct vmforge_capacity *capacity)
{
  (void)handle;
  if (go_wrong ("capacity"))
    return -1;
  capacity->total = 1 << 30;
  capacity->available = faulty ("capacity:impossible") ? 2u << 30 : 1 << 29;
  return 0;
}

static int
deactivate (void *handle, struct vmforge_call *call)
{
  (void)call;
  if (go_wrong ("deactivate"))
    return -1;
  if (faulty ("deactivate:destroys")) {
    struct dirent *entry;
    for (rewinddir (handle); (entry = readdir (handle));)
      unlinkat (dirfd (handle), entry->d_name, 0);
  }
  return 0;
}

static int
can_snapshot (void *handle, struct vmforge_call *call, int *answer)
{
  (void)handle, (void)call;
  *answer = 0;
  return go_wrong ("can_snapshot") ? -1 : 0;
}

static int
granularity (void *handle, struct vmforge_call *call, uint64_t *bytes)
{
  (void)handle, (void)call;
  *bytes = faulty ("granularity:three") ? 3 : 4096;
  return go_wrong ("granularity") ? -1 : 0;
}

static int
sync_volume (void *handle, struct vmforge_call *call, const char *id)
{
  struct stat status;
  return go_wrong ("sync") ? -1 : look (handle, call, id, WRITABLE, &status);
}

static int
discard (void *handle, struct vmforge_call *call, const char *id, uint64_t offset, uint64_t length)
{
  if (go_wrong ("discard"))
    return -1;
  if (faulty ("discard:nothing"))
    return 0;
  if (faulty ("discard:more"))
    length += 4096;
  int fd = openat (dirfd (handle), id, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  return finish (call, fd,
                 fd >= 0 && fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                                       (off_t)length) == 0,
                 "discard a range of", id);
}

static int
place (void *handle, struct vmforge_call *call, char *text)
{
  static int times;
  (void)handle, (void)call;
  snprintf (text, VMFORGE_PATH_MAX, "%s%d", faulty ("place:nothing") ? "" : "here",
            faulty ("place:moving") ? ++times : 0);
  if (faulty ("place:nothing"))
    *text = '\0';
  return go_wrong ("place") ? -1 : 0;
}

static int
label (void *handle, struct vmforge_call *call, const char *id, const char *key)
{
  (void)handle, (void)call, (void)id, (void)key;
  return go_wrong ("label") ? -1 : 0;
}

static const struct vmforge_parameter parameters[] = {
    {"fault", "string", "none", "CALLBACK:KIND, what to do wrong"},
    {NULL, NULL, NULL, NULL},
};

static const struct vmforge_storage table = {
    .size = sizeof table,
    .open = open_store,
    .close = close_store,
    .create = create,
    .clone = clone_sealed,
    .map = map,
    .grow = grow,
    .seal = seal,
    .remove = remove_volume,
    .list = list,
    .unmap = unmap,
    .extents = extents,
    .differences = differences,
    .capacity = capacity,
    .deactivate = deactivate,
    .can_snapshot = can_snapshot,
    .granularity = granularity,
    .sync = sync_volume,
    .discard = discard,
    .place = place,
    .label = label,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof table, .name = "faulty", .version = "1",
                .description = "wrong where it is told to be", .license = "LGPL-2.1-or-later",
                .parameters = parameters, .storage = &table);
