/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The state folder of one vmforge. docs/store.md describes its files, and why no crash and no race loses a
 * volume. */
#pragma once

#include "plugin/storage.h"
#include "spec/config.h"
#include "support/json.h"
#include "support/lock.h"
#include "vmforge/vmforge.h"

struct _VmforgeStore {
  char *path; /* absolute */
  int fd;
  char *id;
  VfConfig *config;
  char *storage_name;    /* of its records (storages.c): also where storage is NULL */
  char *storage_setting; /* NAME[:key=value,…] */
  VfHost host;           /* of storage calls */
  VfStorage *storage;    /* opened with the store; NULL after vf_store_open_plain */
};

/* Opens what exists, without touching storage or recovering (for workers and read-only commands): storage is
 * NULL, and nothing is written. The store may be read-only. path: NULL as for vmforge_store_open. */
VmforgeStore *vf_store_open_plain (const char *path, GError **error);
/* The same for what is written in a store without its storage: made where absent. */
VmforgeStore *vf_store_open_made (const char *path, GError **error);
/* Opens the storage of a plain store. setting: NULL for the configured one. */
gboolean vf_store_open_storage (VmforgeStore *store, const char *setting, GError **error);

/* The same store and storage once more, for another thread. */
VmforgeStore *vf_store_reopen (const VmforgeStore *store, GError **error);

/* Whether this could be the id of a store. */
gboolean vf_store_is_id (const char *text);

/* ---- stages (stages.c) */
typedef struct {
  char *key;
  char *stage;     /* "core" … */
  char *parent;    /* key, or NULL */
  char *spec_name; /* of the spec that built it first */
  char *volume;    /* id */
  char *storage;   /* name (storages.c) */
  guint64 bytes;
  guint64 own;    /* bytes of blocks that its parent does not have; G_MAXUINT64: unknown */
  gint64 built;   /* seconds since 1970 */
  gint64 used;    /* last time, likewise */
  double seconds; /* that building took */
  char *index;    /* root of the block index (stage-index.h); NULL: an older vmforge made none */
  VfJson *json;   /* stage.json */
} VfStage;
void vf_stage_free (VfStage *stage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfStage, vf_stage_free)

/* NULL without error if this key is not built in the store's storage. */
VfStage *vf_store_find_stage (VmforgeStore *store, const char *key, GError **error);
/* Elements VfStage, one per key and storage, sorted by time. */
GPtrArray *vf_store_list_stages (VmforgeStore *store, GError **error);
/* Full key for an unambiguous prefix of at least 6 characters; of a stage in any storage. */
char *vf_store_complete_key (VmforgeStore *store, const char *prefix, GError **error);
/* Records a sealed volume as this stage: appears whole or not at all. stage: what stage.json holds, with
 * "stage" and, where there are, "parent" and "spec" (a name); borrowed. log_path: the log to keep (moved), or
 * NULL. The caller then ends the building of the volume. */
gboolean vf_store_record_stage (VmforgeStore *store, const char *key, VfJson *stage, const char *volume,
                                guint64 bytes, double seconds, const char *log_path, GError **error);
/* The block index that lies beside the building record of the volume (stage-index.h). */
typedef struct {
  char root[65];
  guint64 own_bytes;
} VfStageIndex;
/* The same, with the index, which becomes the stage's. */
gboolean vf_store_record_indexed (VmforgeStore *store, const char *key, VfJson *stage, const char *volume,
                                  guint64 bytes, double seconds, const char *log_path,
                                  const VfStageIndex *index, GError **error);
/* Refuses while children, images or running builds need it (names them). */
gboolean vf_store_remove_stage (VmforgeStore *store, const char *key, GError **error);
/* Waits for the right to build a key. */
VfLock *vf_store_lock_key (VmforgeStore *store, const char *key, VfLockWaitFunc func, gpointer user_data,
                           GCancellable *cancellable, GError **error);

/* ---- contents that were not built here (import.c): recorded as stages whose key follows from what they hold
 */
/* root: of the block index. Free the result. */
char *vf_import_key (const char *root);
/* What its stage.json holds; name: of the image that it came with. */
VfJson *vf_import_record (const char *root, const char *name);

/* ---- what keeps a stage from being removed (pins.c, use.c, roots.c) */
gboolean vf_store_is_pinned (VmforgeStore *store, const char *key);
/* Pins or unpins a stage. */
gboolean vf_store_pin (VmforgeStore *store, const char *key, gboolean pinned, GError **error);
/* From here on until vf_use_end, or the end of this process, no stage with one of these keys is removed,
 * whether it is there already or not. */
typedef struct _VfUse VfUse;
VfUse *vf_store_use (VmforgeStore *store, const char *const *keys, GError **error);
void vf_use_end (VfUse *use);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfUse, vf_use_end)
/* The stage was used now: what was not used for longest is collected first. */
void vf_store_touch (VmforgeStore *store, const char *key);
/* These stages stay as long as the lock file at path (absolute) has this SHA-256. */
gboolean vf_store_add_root (VmforgeStore *store, const char *path, const char *digest,
                            const char *const *keys, GError **error);

/* ---- garbage collection (gc.c) */
typedef struct {
  gint64 keep_seconds; /* what was not used for longer goes; -1: age alone is no reason */
  guint64
      max_bytes; /* least recently used things go until the store is at most this; G_MAXUINT64: no limit */
  gboolean dry_run;
  guint own_uses; /* of the caller (vf_store_use), who needs nothing of the caches any more */
} VfGcOptions;
typedef struct {
  const char *kind; /* "stage", "archive" or "resolution" */
  char *name;       /* key, digest, … */
  char *detail;     /* for people, or NULL */
  guint64 bytes;    /* that its removal gives back */
  gint64 used;      /* seconds since 1970 */
} VfGarbage;
/* For each thing that was removed (or would be). */
typedef void (*VfGcFunc) (const VfGarbage *garbage, gpointer user_data);
typedef struct {
  guint count;
  guint64 bytes;    /* of what was removed */
  guint64 left;     /* bytes of the store after it */
  gboolean in_need; /* max_bytes could not be kept: the rest is needed */
} VfGcResult;
gboolean vf_store_gc (VmforgeStore *store, const VfGcOptions *options, VfGcFunc func, gpointer user_data,
                      VfGcResult *result, GCancellable *cancellable, GError **error);
/* Bytes that the store takes: blocks of its stages, each counted once, exports, caches. (size.c) */
gboolean vf_store_size (VmforgeStore *store, guint64 *bytes, GError **error);
/* Bytes that the store may take: `store_limit`, or half of the filesystem that it is on. */
guint64 vf_store_limit (VmforgeStore *store);

/* ---- volumes under construction (building.c) */
typedef struct {
  char *volume;
  char *key;    /* of the stage that is built, or NULL */
  VfLock *lock; /* its descriptor goes to the worker */
} VfBuilding;
typedef struct {
  const char *key;    /* of the stage that is built */
  const char *parent; /* key; refused if it is gone, and not removed while this is built; NULL for Core */
  const char *stage;  /* "core" … */
  const char *spec;   /* name, for people; or NULL */
  guint64 reserve;    /* bytes that the build may need */
} VfBuildingStage;
/* Makes an id and its record; every volume needs one before it is created, or recovery takes it for an
 * orphan. Refused (VMFORGE_ERROR_NO_SPACE) if what is available, less what other live builds reserved, is
 * less than reserve. */
VfBuilding *vf_store_begin_stage (VmforgeStore *store, const VfBuildingStage *what, GError **error);
/* How much is lacking until that could be reserved; 0: nothing. */
gboolean vf_store_lacking (VmforgeStore *store, guint64 reserve, guint64 *lacking, GError **error);
/* For a throw-away clone of the stage `key` (run, shell): refused if it is gone; it stays while the clone
 * lives. */
VfBuilding *vf_store_begin_clone (VmforgeStore *store, const char *key, guint64 reserve, GError **error);
/* What the build may need from now on, having written some of it (reservations.c). */
gboolean vf_store_still_needs (VmforgeStore *store, const VfBuilding *building, guint64 reserve,
                               GError **error);
/* Frees building in any case. remove_volume: removes the volume too (failed build; and a stage record that
 * names it). keep: leaves volume and record for `vmforge shell`. Neither: the volume was recorded. What fails
 * is left to the next recovery. */
gboolean vf_store_end (VmforgeStore *store, VfBuilding *building, gboolean remove_volume, gboolean keep,
                       GError **error);
/* Removes what dead builders left: volumes, temporary files. Called by vmforge_store_open, which does not
 * fail where this does. */
gboolean vf_store_recover (VmforgeStore *store, GError **error);

/* ---- volumes that are being received (import.c). What is there of them survives the receiver, which may be
 * killed, for a week. */
#define VF_IMPORT_RESERVE (64 * G_GUINT64_CONSTANT (1048576)) /* bytes that such a volume may need next */
/* root: of what is received; base_key: of the stage that the volume begins as, or NULL. */
VfBuilding *vf_store_begin_import (VmforgeStore *store, const char *root, const char *name,
                                   const char *base_key, GError **error);
/* The volume is there: from here on it stays if its receiver dies. base: the content of that stage. */
gboolean vf_store_keep_import (VmforgeStore *store, const VfBuilding *building, const char *root,
                               const char *base, GError **error);
/* What may be written until this is asked again: at least what the volume reserves, as there is room for that
 * (VMFORGE_ERROR_NO_SPACE if not), and half of what is free besides. What was written must be on the disk. */
gboolean vf_store_take_room (VmforgeStore *store, guint64 reserve, guint64 *bytes, GError **error);
/* One that was left, with the base that it was begun with (free it; NULL: none). NULL: there is none. */
VfBuilding *vf_store_resume_import (VmforgeStore *store, const char *root, char **base);
/* It is about to be recorded, or removed: from here on it goes if its receiver dies. */
gboolean vf_store_finish_import (VmforgeStore *store, const VfBuilding *building, const char *root,
                                 GError **error);

/* ---- volumes of failed builds that were kept (kept.c) */
typedef struct {
  char *volume;
  char *key, *stage, *spec; /* stage and spec may be NULL */
  char *storage;            /* name (storages.c) */
  gint64 started;           /* seconds since 1970 */
} VfKept;
void vf_kept_free (VfKept *kept);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfKept, vf_kept_free)

/* Elements VfKept, all storages, sorted by time. */
GPtrArray *vf_store_list_kept (VmforgeStore *store, GError **error);
/* word: the volume's id or an unambiguous prefix of at least 6 characters. */
VfKept *vf_store_find_kept (VmforgeStore *store, const char *word, GError **error);
/* Holds a kept volume (its descriptor goes to the worker): it is not removed meanwhile. */
VfLock *vf_store_lock_kept (VmforgeStore *store, const VfKept *kept, GError **error);
/* Fails, and says which storage has it, if it is not the one that is open. */
gboolean vf_kept_check_storage (VmforgeStore *store, const VfKept *kept, GError **error);
gboolean vf_store_remove_kept (VmforgeStore *store, const VfKept *kept, GError **error);

/* ---- images (images.c, image-word.c) */
typedef struct {
  char *name, *version, *arch; /* NULL for a stage */
  char *digest;                /* of the manifest; NULL for a stage */
  char *key;                   /* of its last stage */
  char *storage;               /* name (storages.c) */
  char *volume;                /* NULL if this storage does not hold it */
  guint64 bytes;
  gint64 created;
  gboolean current; /* the name points to it */
  char **tags;      /* NULL for a stage, or where it was not looked for by name */
  VfJson *manifest; /* NULL for a stage */
} VfImage;
void vf_image_free (VfImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfImage, vf_image_free)

/* Whether these can be words of ours, and names of files. */
gboolean vf_image_check_words (const char *name, const char *version, const char *arch, GError **error);
gboolean vf_image_is_tag (const char *text);
/* The same of a manifest. */
gboolean vf_manifest_check (VfJson *manifest, GError **error);
/* Publishes a manifest
 * ({"format":1,"name","version","arch","stage","stages","spec_digest","created","packages",…}) under its name
 * and applies retention. Publishing what is current already ("created" apart) changes nothing. digest: free
 * it; may be NULL. */
gboolean vf_store_publish (VmforgeStore *store, VfJson *manifest, char **digest, GError **error);
/* The same with signatures, that the caller has judged; what the image had is kept. */
gboolean vf_store_publish_signed (VmforgeStore *store, VfJson *manifest, const char *const *signatures,
                                  char **digest, GError **error);
/* The same, of a manifest that is published. The caller has made or judged them. */
gboolean vf_store_add_signatures (VmforgeStore *store, const char *digest, const char *const *signatures,
                                  GError **error);
/* Of one image: each of another key. */
#define VF_SIGNATURES_MAX 16
/* Texts of the signatures of a manifest (signatures.c). Free the result. */
char **vf_store_read_signatures (VmforgeStore *store, const char *digest, GError **error);
/* The stage whose volume is what the manifest says. NULL without error if the storage does not have it. */
VfStage *vf_image_stage (VmforgeStore *store, VfJson *manifest, GError **error);
/* Elements VfImage; by name, then newest first. */
GPtrArray *vf_store_list_images (VmforgeStore *store, GError **error);
/* Gives an image another word for its version; it is taken from the image of the same name and architecture
 * that had it. An image that has a tag is kept, whatever retention says. Refused if a version is called so.
 * (tags.c) */
gboolean vf_store_tag_image (VmforgeStore *store, const VfImage *image, const char *tag, GError **error);
/* VMFORGE_ERROR_NOT_FOUND if it has it not. */
gboolean vf_store_untag_image (VmforgeStore *store, const VfImage *image, const char *tag, GError **error);
/* word: NAME[:VERSION or tag][@ARCH], an image digest, or a stage key (also unambiguous prefixes of 6
 * characters), tried in this order: a stage gives an image without a name. VMFORGE_ERROR_NOT_FOUND with a
 * suggestion. */
VfImage *vf_store_find_image (VmforgeStore *store, const char *word, GError **error);
/* Fails, and says which storage has it, if volume is NULL. */
gboolean vf_image_check_volume (VmforgeStore *store, const VfImage *image, GError **error);
/* "exports/…": where the image lies in a format that was derived from its volume. The image has a digest and
 * a volume. Free the result. */
char *vf_store_export_name (const VfImage *image, const char *format);
/* Remembers the digest of an export that was just written; it counts from then on. name: as above. */
gboolean vf_store_record_export (VmforgeStore *store, const char *name, GError **error);
/* Before it is written: what was remembered of a former one does not count for the new one. */
gboolean vf_store_forget_export (VmforgeStore *store, const char *name, GError **error);
gboolean vf_store_has_export (VmforgeStore *store, const char *name);
/* Writes a record of a cache or an export, with a checksum (support/checked.h). path: in the store. It takes
 * the gate for that, so that recovery, which holds it, knows a half written one for that of a dead process.
 */
gboolean vf_store_write_checked (VmforgeStore *store, const char *path, VfJson *json, GError **error);
/* Removes this digest; an older one of the name becomes current. Stages stay. */
gboolean vf_store_remove_image (VmforgeStore *store, const VfImage *image, GError **error);
/* Removes NAME:VERSION@ARCH of an image with all its digests. */
gboolean vf_store_remove_name (VmforgeStore *store, const VfImage *image, GError **error);
