/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A pool has one metadata snapshot at most. Ours are reserved under a lock of the machine, and for the time
 * that one is there STORE/lvm/reserved says that it is ours: it outlives the process, and a reboot. */
#include "storage-lvm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define MARK       "reserved"
#define STEP       100000 /* µs */
#define PATIENCE_S 10     /* for another program */

static int
wait_for_lock (Store *store, Call *call, int lock)
{
  while (flock (lock, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail_errno (call, "cannot lock the metadata of pool '%s/%s'", store->vg, store->pool);
    if (call->host->cancelled (call))
      return -1;
    g_usleep (STEP);
  }
  return 0;
}

static int
open_lock (Store *store, Call *call)
{
  g_autofree char *path = g_strdup_printf ("/run/lock/vmforge-lvm-%s-%s", store->vg, store->pool);
  int lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0)
    return fail_errno (call, "cannot open '%s'", path);
  if (wait_for_lock (store, call, lock) == 0)
    return lock;
  close (lock);
  return -1;
}

static gboolean
is_marked (const Store *store)
{
  return faccessat (store->folder, MARK, F_OK, 0) == 0;
}

static int
set_mark (Store *store, Call *call)
{
  int mark = openat (store->folder, MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (mark < 0 || fsync (mark) < 0 || fsync (store->folder) < 0) {
    fail_errno (call, "cannot write '%s/" MARK "'", store->folder_path);
    if (mark >= 0)
      close (mark);
    return -1;
  }
  close (mark);
  return 0;
}

static int
drop (Store *store, Call *call)
{
  if (pool_message (store, call, "release_metadata_snap") < 0)
    return -1;
  (void)unlinkat (store->folder, MARK, 0);
  return 0;
}

/* Under the lock. 1: there is none now; 0: it is somebody else's. */
static int
clear (Store *store, Call *call)
{
  for (int i = 0; i <= PATIENCE_S * 1000000 / STEP; i++) {
    Pool pool;
    gboolean active;
    if (pool_read (store, call, &pool, &active) < 0)
      return -1;
    if (pool.snapshot == 0)
      return 1;
    if (is_marked (store))
      return drop (store, call) < 0 ? -1 : 1;
    if (call->host->cancelled (call))
      return -1;
    g_usleep (STEP);
  }
  return 0;
}

int
snapshot_reserve (Store *store, Call *call, Snapshot *snapshot)
{
  *snapshot = (Snapshot){.lock = open_lock (store, call)};
  if (snapshot->lock < 0)
    return -1;
  int free = clear (store, call);
  if (free <= 0)
    return free;
  if (set_mark (store, call) < 0)
    return -1;
  if (pool_message (store, call, "reserve_metadata_snap") < 0) {
    /* The next one that is there is somebody else's. */
    (void)unlinkat (store->folder, MARK, 0);
    return -1;
  }
  snapshot->reserved = TRUE;
  return 1;
}

int
snapshot_release (Store *store, Call *call, Snapshot *snapshot)
{
  int done = snapshot->reserved ? drop (store, call) : 0;
  if (snapshot->lock >= 0)
    close (snapshot->lock);
  *snapshot = (Snapshot){.lock = -1};
  return done;
}

int
snapshot_recover (Store *store, Call *call)
{
  if (!is_marked (store))
    return 0;
  Snapshot snapshot = {.lock = open_lock (store, call)};
  if (snapshot.lock < 0)
    return -1;
  /* Who was at work while we waited has taken its mark away. */
  Pool pool = {0};
  gboolean active;
  int done = is_marked (store) ? pool_read (store, call, &pool, &active) : 0;
  if (done == 0 && pool.snapshot != 0)
    done = drop (store, call);
  else if (done == 0)
    (void)unlinkat (store->folder, MARK, 0);
  close (snapshot.lock);
  return done;
}
