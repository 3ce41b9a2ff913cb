/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes as thin logical volumes: VG/vmforge-ID in a thin pool of the user's volume group, tagged with what
 * they are. All that stays in LVM's metadata goes through LVM's own tools; what only the kernel knows (how
 * full the pool is, which blocks differ) is asked of the device mapper. Thin ids are never touched behind
 * LVM's back. */
#pragma once

#include "vmforge/plugin.h"

#include <glib.h>

typedef struct vmforge_call Call;

#define TAG        "vmforge"
#define TAG_STORE  "vmforge.store:"
#define TAG_STATE  "vmforge.state:"
#define TAG_STAGE  "vmforge.stage:"
#define TAG_BYTES  "vmforge.bytes:"
#define BUILDING   "building"
#define SEALED     "sealed"
#define LV_PREFIX  "vmforge-"
#define ID_LENGTH  32
#define NAME_BYTES (sizeof LV_PREFIX + ID_LENGTH)

/* A volume of ours, as LVM told of it. */
typedef struct {
  char id[ID_LENGTH + 1];
  guint64 bytes; /* that were asked for: LVM rounds up to its extents */
  guint64 room;  /* of the LV */
  guint64 allocated;
  guint32 thin_id;
  gboolean sealed, active;
} Volume;

/* The handle of the ABI. */
typedef struct {
  char *vg, *pool, *devices; /* devices: NULL for those that LVM knows */
  char *store_id;
  guint64 create_pool; /* bytes; 0: never made */
  guint full;          /* % of data or metadata from which on nothing begins */
  int folder;          /* STORE/lvm: locks of mapped volumes, and the mark of a reserved snapshot */
  char *folder_path;
  GHashTable *volumes; /* id → Volume: those of this store, as far as known; NULL: not asked yet */
  GHashTable *mapped;  /* id → descriptor + 1 of its lock */
  GHashTable *labels;  /* id → stage key: of a volume that is about to be made */
} Store;

/* ---- command.c: LVM's tools */
/* Runs `words` (NULL terminated: "lvcreate", …). output: NULL, or what it writes to standard output is
 * appended. what: "make volume ID", for the error; NULL: failing is none. */
int lvm_run (Store *store, Call *call, const char *what, GString *output, const char *const *words);
int fail_memory (Call *call);
int fail_errno (Call *call, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* ---- report.c: what LVM knows of the volume group */
/* Reads all volumes of this store anew. */
int report_read (Store *store, Call *call);
/* NULL with the error set where there is none, or the name is taken by a volume that is not ours. */
Volume *report_find (Store *store, Call *call, const char *id);
/* What LVM says of the pool: 1, or 0 where the volume group has no LV of that name. */
int report_pool (Store *store, Call *call, gboolean *active);
/* Adds or replaces what is known of a volume. */
Volume *report_note (Store *store, const char *id, guint64 bytes, gboolean sealed);
void report_name (char *name, const char *id);

/* ---- pool.c: the pool, as the kernel knows it */
typedef struct {
  guint64 chunk;                                                /* bytes */
  guint64 data_total, data_used, metadata_total, metadata_used; /* bytes; of data, blocks of metadata */
  guint64 snapshot;                                             /* block of the metadata snapshot; 0: none */
  gboolean stale;                                               /* new chunks are not zeroed */
} Pool;
/* 0 with *active FALSE: no such device. Errors name a pool that has failed or needs a check. */
int pool_read (Store *store, Call *call, Pool *pool, gboolean *active);
/* Finds it, makes it where that was asked for, activates it, and refuses one that gives away old data. */
int pool_open (Store *store, Call *call);
/* An error where it is too full for more; the first: by what was read. */
int pool_judge_room (Store *store, Call *call, const Pool *pool);
int pool_check (Store *store, Call *call);
/* "reserve_metadata_snap" and its like. */
int pool_message (Store *store, Call *call, const char *message);
/* "VG-POOL_tmeta" below /dev/mapper; free it. suffix: "_tmeta" or "-tpool". */
char *pool_device (const Store *store, const char *suffix);

/* ---- active.c: who uses which volume */
/* A lock that lasts as long as the process, then the device. path: VMFORGE_PATH_MAX bytes of room. */
int active_map (Store *store, Call *call, Volume *volume, char *path);
/* Deactivates it unless another process uses it. */
int active_unmap (Store *store, Call *call, const char *id);
/* Those that are mapped stay so when the handle is closed, and are deactivated by active_recover (kept). */
void active_keep (Store *store);
/* Deactivates what processes that were killed left mapped, as far as nobody has it open; kept: and what stays
 * mapped otherwise. */
int active_recover (Store *store, Call *call, gboolean kept);
/* No lock of it is left. */
void active_forget (Store *store, const char *id);

/* ---- exact.c: a device of the exact size, over an LV that LVM rounded up */
int exact_make (Call *call, const Volume *volume, const char *node);
/* One that is not there is no error; quiet: nor is one that is in use. */
int exact_remove (Call *call, const char *id, gboolean quiet);
void exact_path (const char *id, char *path);

/* ---- snapshot.c: metadata snapshots, one at a time per pool */
typedef struct {
  int lock; /* -1: not held */
  gboolean reserved;
} Snapshot;
/* 1: reserved; 0: another program has reserved one and does not give it back; -1. Release it in any case. */
int snapshot_reserve (Store *store, Call *call, Snapshot *snapshot);
int snapshot_release (Store *store, Call *call, Snapshot *snapshot);
/* One that a process of this store left when it was killed. */
int snapshot_recover (Store *store, Call *call);

/* ---- ranges.c */
int ranges_emit (Store *store, Call *call, const Volume *volume);
int ranges_compare (Store *store, Call *call, const Volume *a, const Volume *b);

/* ---- volume.c */
int volume_create (Store *store, Call *call, const char *id, guint64 bytes);
int volume_clone (Store *store, Call *call, const char *id, const char *parent);
int volume_grow (Store *store, Call *call, const char *id, guint64 bytes);
int volume_seal (Store *store, Call *call, const char *id);
int volume_remove (Store *store, Call *call, const char *id);
int volume_discard (Store *store, Call *call, const char *id, guint64 offset, guint64 length);
