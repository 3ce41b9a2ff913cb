/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Inside the store, and core/repository, which keeps records in it, alone: the gate, and small files that
 * appear and vanish while others read. */
#pragma once

#include "store/store.h"

#define VF_STORE_FORMAT     1
#define VF_STORE_MIN_PREFIX 6
#define VF_VOLUME_HEX       32

/* The gate: whoever changes records holds it; readers do not. It is a leaf: under it locks are only tried,
 * never waited for, and no volume is made or removed. */
VfLock *vf_store_gate (VmforgeStore *store, GError **error);

/* Names in a folder that end in suffix (NULL: all), without it, sorted; hidden ones are left out. An absent
 * folder is empty. */
char **vf_records_names (VmforgeStore *store, const char *folder, const char *suffix, GError **error);
/* Reads a record. NULL without error if it is (by now) absent. A newer "format" is an error. */
VfJson *vf_records_read (VmforgeStore *store, const char *path, GError **error);
/* Removes a file and syncs its folder; an absent one is no error. */
gboolean vf_records_remove (VmforgeStore *store, const char *path, GError **error);
gboolean vf_records_sync_dir (VmforgeStore *store, const char *folder, GError **error);
/* The one of names that word is, or is an unambiguous prefix of. NULL without error: none; error: several.
 * what: "image digest", for the message. Borrowed from names. */
const char *vf_records_complete (char **names, const char *word, const char *what, GError **error);

/* ---- storages.c */
/* What the records of the store's storage are called by; of the opened one, else by its setting. Free it. */
char *vf_storages_name (VmforgeStore *store, GError **error);
/* Remembers the storage that is open, and gives it its name for good. */
gboolean vf_storages_register (VmforgeStore *store, GError **error);
/* The setting that opens the storage of this name, for messages. Free it. */
char *vf_storages_setting (VmforgeStore *store, const char *name);
/* The same for a list of names: "storage-file:dir=/x, storage-lvm". Free it. */
char *vf_storages_settings (VmforgeStore *store, char **names);

/* Names of the storages that have a stage. */
char **vf_stage_storages (VmforgeStore *store, const char *key, GError **error);
/* Takes a stage's record in the store's storage away if it names volume (NULL: any). Under the gate. */
gboolean vf_stage_forget (VmforgeStore *store, const char *key, const char *volume, GError **error);

/* ---- use.c: the stages that living processes need. Under the gate. living: how many processes. */
typedef void (*VfUseFunc) (const char *key, gint64 pid, gpointer user_data);
gboolean vf_uses_scan (VmforgeStore *store, guint *living, VfUseFunc func, gpointer user_data,
                       GError **error);
/* Nothing but how many; forgets those that died. Under the gate. */
gboolean vf_uses_count (VmforgeStore *store, guint *living, GError **error);
/* Their keys, as a set. Under the gate. */
GHashTable *vf_uses_keys (VmforgeStore *store, GError **error);
/* ---- roots.c: the stages of lock files that are there unchanged */
typedef void (*VfRootFunc) (const char *key, const char *path, gpointer user_data);
gboolean vf_roots_scan (VmforgeStore *store, VfRootFunc func, gpointer user_data, GError **error);
/* Forgets the others. Under the gate. */
void vf_roots_sweep (VmforgeStore *store);

/* A transfer that was not taken up again for so long will not be. */
#define VF_TRANSFER_SECONDS (7 * 24 * 3600)

/* building/VOLUME.json */
VfJson *vf_building_read (VmforgeStore *store, const char *volume, GError **error);
/* NULL without error if another holds it. */
VfLock *vf_building_try_lock (VmforgeStore *store, const char *volume, GError **error);
gboolean vf_building_write (VmforgeStore *store, const char *volume, VfJson *record, GError **error);
/* Removes a volume through storage, also after the user asked to stop. */
gboolean vf_building_remove_volume (VmforgeStore *store, const char *volume, GError **error);
/* Removes an index that no stage got, the record, then the lock file. The lock is held. */
gboolean vf_building_forget (VmforgeStore *store, const char *volume, GError **error);

/* Room for a new build (reservations.c). */
typedef struct {
  guint64 available;   /* G_MAXUINT64: unknown */
  GHashTable *running; /* volume → what it reserved when the storage was asked (guint64) */
} VfRoom;
void vf_room_clear (VfRoom *room);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VfRoom, vf_room_clear)
/* Asks the storage; without the gate. */
gboolean vf_room_ask (VmforgeStore *store, VfRoom *room, GError **error);
/* Under the gate; once. */
gboolean vf_room_check (VmforgeStore *store, VfRoom *room, guint64 reserve, GError **error);

/* Names of the images ("NAME:VERSION@ARCH") whose last stage is key. */
GPtrArray *vf_images_of_stage (VmforgeStore *store, const char *key, GError **error);
/* Puts signatures with those that the manifest has. Under the gate. (signatures.c) */
gboolean vf_signatures_add (VmforgeStore *store, const char *digest, const char *const *signatures,
                            GError **error);
/* An image by digest; NULL without error if absent. */
VfImage *vf_image_read (VmforgeStore *store, const char *digest, GError **error);
/* Removes manifests that no name lists, and exports without a manifest. Under the gate. */
gboolean vf_images_sweep (VmforgeStore *store, GError **error);

/* STORE/repository, and the record in each of its folders of what the files there should be. */
#define VF_REPOSITORY         "repository"
#define VF_REPOSITORY_DIGESTS "digests.json"

/* ---- sweep.c: what recovery removes beside volumes and records */
/* Temporaries of a folder in which they are made under the gate alone. Under the gate, so they have no living
 * maker. */
void vf_sweep_temporaries (VmforgeStore *store, const char *folder);
/* TRUE if this recovery holds the lock of a volume. */
typedef gboolean (*VfSweepClaimed) (const char *volume, gpointer user_data);
/* Temporaries in exports/ whose writer is dead. Under the gate. */
void vf_sweep_exports (VmforgeStore *store, VfSweepClaimed claimed, gpointer user_data);
#define VF_KEY_LOCK "key-"
/* locks/key-KEY that nobody holds. */
void vf_sweep_key_locks (VmforgeStore *store);
/* Old logs of builds that failed. */
void vf_sweep_logs (VmforgeStore *store);

/* What the record of an export has beside its name. */
#define VF_EXPORT_RECORD ".json"
/* SHA-256 of an export as it was written; NULL if that is not known. Free the result. */
char *vf_export_digest (VmforgeStore *store, const char *name);
/* Removes the exports of images whose digest is not in listed. Under the gate. */
gboolean vf_exports_sweep (VmforgeStore *store, GHashTable *listed, GError **error);

/* images/NAME/VERSION@ARCH.json */
typedef struct {
  char *name, *version, *arch;
  char **digests;   /* newest first */
  gint64 published; /* microseconds since 1970, growing within a store */
  VfJson *tags;     /* or NULL (tags.c) */
} VfImageName;
void vf_image_name_free (VfImageName *name);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfImageName, vf_image_name_free)
/* NAME:VERSION@ARCH. Free the result. */
char *vf_image_name_text (const VfImageName *name);
/* Writes a name, or removes it if no digest is left. Under the gate. (publish.c) */
gboolean vf_image_name_write (VmforgeStore *store, const VfImageName *entry, GError **error);
/* The tags of one of its digests. Free the result. */
char **vf_image_name_tags (const VfImageName *name, const char *digest);
/* Those of the digests that are listed; NULL if there are none. */
VfJson *vf_image_name_live_tags (const VfImageName *name);
/* The digest that a tag is of, borrowed; NULL if nobody has it. arch: or NULL. */
const char *vf_image_names_tagged (GPtrArray *names, const char *name, const char *tag, const char *arch,
                                   const VfImageName **found);
/* Elements VfImageName, by name, then most recently published first. */
GPtrArray *vf_image_names_read (VmforgeStore *store, GError **error);
