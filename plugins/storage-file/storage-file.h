/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes as sparse files. One folder holds them, and what can be done there decides how clones are made:
 *
 *   BASE/volumes         if the filesystem of BASE clones files by reference, or if nothing does (copies)
 *   BASE/pool            otherwise: an XFS filesystem in the file BASE/pool.img, mounted through a loop
 * device
 *
 * BASE is the store, or DIR/STORE_ID where the user gives `dir`. */
#pragma once

#include "vmforge/plugin.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

enum pool_use { POOL_AUTO, POOL_ALWAYS, POOL_NEVER };

enum place {
  PLACE_NONE,    /* deactivated */
  PLACE_REFLINK, /* BASE/volumes, clones by reference */
  PLACE_POOL,    /* BASE/pool, clones by reference */
  PLACE_COPY,    /* BASE/volumes, clones are copies */
};

/* One open store: the handle of the ABI. */
struct store {
  char base[VMFORGE_PATH_MAX - 128]; /* room for the names below it */
  int base_fd;
  enum pool_use pool_use;
  uint64_t pool_size; /* 0: the default */
  enum place place;
  int folder_fd;      /* of the folder with the volumes */
  const char *folder; /* its name below base */
  bool removed;       /* a volume, since it was opened */
};

typedef struct vmforge_call call_t;

/* Descriptors that close themselves. */
static inline void
fd_clear (int *fd)
{
  if (*fd >= 0) {
    int saved = errno;
    close (*fd);
    errno = saved;
  }
  *fd = -1;
}
#define autofd __attribute__ ((cleanup (fd_clear)))

static inline int
fd_steal (int *fd)
{
  int stolen = *fd;
  *fd = -1;
  return stolen;
}

/* Says `MESSAGE: strerror`, with the code that errno asks for; EIO on a disk that is full comes of that.
 * folder: what is full if a disk is. Returns -1.
 */
int fail_errno (call_t *call, const char *folder, const char *format, ...) VMFORGE_PLUGIN_PRINTF (3, 4);

/* The filesystem that this folder is on has no room. */
bool is_full (const char *folder);

/* ---- volume.c: one volume */

#define VOLUME_NAME_MAX 48
/* ID.raw */
void volume_name (char name[VOLUME_NAME_MAX], const char *id);
/* Opens an existing volume; sealed may be NULL. -1 after error(). */
int volume_open (struct store *store, call_t *call, const char *id, int flags, bool *sealed, uint64_t *bytes);

/* ---- clone.c */

/* 1 if files of this folder can be cloned by reference, tried with a small file; 0 if not; -1 after error().
 */
int clone_probe (call_t *call, int folder_fd, const char *folder);

/* ---- place.c */

/* Decides where volumes live and opens that folder. Returns -1 after error(). */
int place_open (struct store *store, call_t *call);

/* ---- pool.c */

/* Mounts the pool (made where absent) unless it is, and opens its folder. required: error() where this
 * machine cannot; else 0 with folder_fd < 0 and the reason in the log. Returns -1 after error(). */
int pool_open (struct store *store, call_t *call, bool required);
bool pool_exists (struct store *store);
int pool_umount (struct store *store, call_t *call);
void pool_trim (struct store *store, bool after_removal);

/* ---- users.c: who uses files below a folder, in words */
void find_user (const char *folder, char *who, size_t size);

/* ---- loop.c */

/* The loop device that the file is attached to already: a descriptor that holds it, and its path. -1: none.
 */
int loop_find (int image_fd, const char *image_name, char path[64]);
/* Attaches the file; the device is freed with its last user. -1 with errno. */
int loop_attach (int image_fd, char path[64]);
/* Tells the device that its file grew. */
int loop_resize (int loop_fd);

/* ---- extents.c, differences.c */
int volume_differences (struct store *store, call_t *call, const char *a, const char *b);
/* The end of the hole or data that begins at offset; data: which of the two. -1 with errno. */
int next_range (int fd, uint64_t offset, uint64_t size, uint64_t *end, bool *data);
