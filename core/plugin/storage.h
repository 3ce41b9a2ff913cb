/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Storage plugins as objects: one function (runner) per callback, which supplies the default of a missing
 * one, prefixes errors with the plugin's name, and reports a plugin that fails without saying why. */
#pragma once

#include "plugin/call.h"
#include "plugin/plugin.h"

typedef struct _VfStorage VfStorage;

/* setting: `NAME[:key=value,…]`. host is borrowed for the life of the object. */
VfStorage *vf_storage_open (const char *setting, const char *store_path, const char *store_id,
                            const VfHost *host, GError **error);
void vf_storage_close (VfStorage *storage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfStorage, vf_storage_close)

const char *vf_storage_get_setting (const VfStorage *storage); /* as given: for the worker's job */

/* What the plugin itself says of where its volumes are; else NULL. Free it. */
gboolean vf_storage_ask_place (VfStorage *storage, char **place, GError **error);
/* Of volumes that are files, the folder; else NULL. Free it. */
gboolean vf_storage_get_folder (VfStorage *storage, char **path, GError **error);
/* A text that is the same for two settings of one plugin if their volumes are in the same place: what the
 * plugin says, the folder, relative to the store if it is inside, or the parameters. Free it.
 * (storage-place.c) */
gboolean vf_storage_get_place (VfStorage *storage, const char *store_path, char **place, GError **error);

gboolean vf_storage_create (VfStorage *storage, const char *id, guint64 bytes, GError **error);
gboolean vf_storage_clone (VfStorage *storage, const char *id, const char *parent, GError **error);
/* Of a volume that create or clone is called for next. */
gboolean vf_storage_label (VfStorage *storage, const char *id, const char *key, GError **error);
/* path: free it. Counted: it stays mapped until unmap was called as often. */
gboolean vf_storage_map (VfStorage *storage, const char *id, gboolean read_only, char **path, GError **error);
gboolean vf_storage_unmap (VfStorage *storage, const char *id, GError **error);
gboolean vf_storage_grow (VfStorage *storage, const char *id, guint64 bytes, GError **error);
gboolean vf_storage_seal (VfStorage *storage, const char *id, GError **error);
gboolean vf_storage_remove (VfStorage *storage, const char *id, GError **error);
/* Elements VfVolume; owns them. */
GPtrArray *vf_storage_list (VfStorage *storage, GError **error);
/* Elements VfExtent by value. extents: whole volume is DATA by default; differences: UNKNOWN. */
GArray *vf_storage_extents (VfStorage *storage, const char *id, guint64 bytes, GError **error);
GArray *vf_storage_differences (VfStorage *storage, const char *a, const char *b, guint64 bytes,
                                GError **error);
/* available: G_MAXUINT64 if unknown. NO_SPACE where nothing is, from plugins that say what to do. */
gboolean vf_storage_capacity (VfStorage *storage, guint64 *total, guint64 *available, GError **error);
/* can: whether clones are instantaneous here. */
gboolean vf_storage_can_snapshot (VfStorage *storage, gboolean *can, GError **error);
gboolean vf_storage_granularity (VfStorage *storage, guint64 *bytes, GError **error);
/* Of a volume that is mapped writable; mapped: the path that map gave. */
gboolean vf_storage_sync (VfStorage *storage, const char *id, const char *mapped, GError **error);
/* offset and length: multiples of 4096. */
gboolean vf_storage_discard (VfStorage *storage, const char *id, const char *mapped, guint64 offset,
                             guint64 length, GError **error);
gboolean vf_storage_deactivate (VfStorage *storage, GError **error);
