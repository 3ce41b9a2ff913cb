/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Looking for damage in a store, and repairing it: what is damaged goes, with what depends on it, so that the
 * next build makes it anew. */
#pragma once

#include "store/store.h"

/* What --repair does about a fault. */
typedef enum {
  VF_CURE_NONE,
  VF_CURE_SIGN,   /* gives a record that has none its checksum; target: its path */
  VF_CURE_FILE,   /* removes a file; target: its path */
  VF_CURE_PIN,    /* writes a pin anew; target: key */
  VF_CURE_IMAGE,  /* removes an image from the names that list it; target: digest */
  VF_CURE_STAGE,  /* removes a stage from the store's storage, and what was built upon it; target: key */
  VF_CURE_BLOCKS, /* makes the table of blocks anew; no target */
} VfCure;

typedef struct {
  /* "record", "stage", "volume", "image", "index", "export", "archive", "cache", "key", "blocks",
   * "repository" */
  const char *kind;
  char *object; /* path in the store, or the volume's id */
  char *what;   /* is wrong */
  VfCure cure;
  char *target;
} VfFault;

typedef struct {
  VmforgeStore *store;
  GPtrArray *faults;   /* VfFault */
  GHashTable *volumes; /* id → VfVolume, of the store's storage */
  GPtrArray *stages;   /* VfFsckStage */
  GCancellable *cancellable;
} VfFsck;

/* A stage in the store's storage, as far as it can be read. */
typedef struct {
  char *key;
  char *parent; /* or NULL */
  char *volume; /* or NULL where its record is damaged */
  guint64 bytes;
} VfFsckStage;

void vf_fsck_clear (VfFsck *fsck);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VfFsck, vf_fsck_clear)

/* One look at one kind of thing. Those that read contents are left out where only a quick look is wanted, and
 * run without the gate; a fault in a volume's content is told as vf_fsck_found (fsck, "volume", id,
 * VF_CURE_STAGE, key, …) for one of fsck->stages. FALSE only where it cannot look. */
typedef struct {
  gboolean contents;
  gboolean (*run) (VfFsck *fsck, GError **error);
} VfFsckCheck;
/* Ended by a NULL function. (fsck.c) */
extern const VfFsckCheck vf_fsck_checks[];

/* Notes a fault. */
void vf_fsck_found (VfFsck *fsck, const char *kind, const char *object, VfCure cure, const char *target,
                    const char *format, ...) G_GNUC_PRINTF (6, 7);
/* What --repair does about it: "remove the stage and what was built upon it". */
const char *vf_cure_describe (VfCure cure);

/* Looks at all; changes nothing. The store's storage is open. */
gboolean vf_fsck_run (VfFsck *fsck, VmforgeStore *store, gboolean quick, GCancellable *cancellable,
                      GError **error);
/* step: told what was done, line by line. left: how many faults stay. (fsck-repair.c) */
gboolean vf_fsck_repair (VfFsck *fsck, void (*step) (const char *line, gpointer user_data),
                         gpointer user_data, guint *left, GError **error);

/* ---- the checks (fsck-records.c, fsck-stages.c, fsck-contents.c, fsck-keys.c) */
gboolean vf_fsck_store (VfFsck *fsck, GError **error);
gboolean vf_fsck_stages (VfFsck *fsck, GError **error);
gboolean vf_fsck_images (VfFsck *fsck, GError **error);
gboolean vf_fsck_buildings (VfFsck *fsck, GError **error);
gboolean vf_fsck_roots (VfFsck *fsck, GError **error);
gboolean vf_fsck_caches (VfFsck *fsck, GError **error);
gboolean vf_fsck_keys (VfFsck *fsck, GError **error);
gboolean vf_fsck_archives (VfFsck *fsck, GError **error);
gboolean vf_fsck_exports (VfFsck *fsck, GError **error);
/* (fsck-repository.c) */
gboolean vf_fsck_repository (VfFsck *fsck, GError **error);
/* (fsck-volumes.c) */
gboolean vf_fsck_volumes (VfFsck *fsck, GError **error);
/* (fsck-hints.c) */
gboolean vf_fsck_hints (VfFsck *fsck, GError **error);
gboolean vf_fsck_hint_pages (VfFsck *fsck, GError **error);
/* Notes a file that has another digest. One that is removed meanwhile is no fault. FALSE if the user asked to
 * stop. */
gboolean vf_fsck_file (VfFsck *fsck, const char *kind, const char *path, const char *digest, GError **error);
/* Notes damage of a record; with no checksum it is to be given one. TRUE if it is there and can be read. */
gboolean vf_fsck_record (VfFsck *fsck, const char *kind, const char *path, VfCure cure, const char *target);
