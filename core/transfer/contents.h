/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Everything of a store that its peers may have blocks of: the volumes of the stages and images in the
 * storage that is open. Opened when they are first looked at; no stage is removed while they are there. Any
 * number of threads. */
#pragma once

#include "blocks/index.h"
#include "store/hints.h"
#include "store/store.h"
#include "vmforge/plugin.h"

typedef struct _VfContents VfContents;

VfContents *vf_contents_new (VmforgeStore *store, GError **error);
/* As if the store had nothing but the stage with this key. */
VfContents *vf_contents_new_one (VmforgeStore *store, const char *key, GError **error);
void vf_contents_free (VfContents *contents);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfContents, vf_contents_free)

/* Most recently used first. */
const struct vmforge_content *vf_contents_list (const VfContents *contents, guint32 *count);
const VfStage *vf_contents_stage (const VfContents *contents, guint32 content);
/* By root (VMFORGE_HASH_BYTES), or by the volume's id. VMFORGE_NO_CONTENT if there is none. */
guint32 vf_contents_find_root (const VfContents *contents, const guint8 *root);
guint32 vf_contents_find_volume (const VfContents *contents, const char *volume);

const VfHints *vf_contents_hints (const VfContents *contents);

/* Borrowed. */
VfBlockIndex *vf_contents_index (VfContents *contents, guint32 content, GError **error);
/* The volume, mapped for reading; borrowed. -1: error. */
int vf_contents_volume (VfContents *contents, guint32 content, GError **error);
gboolean vf_contents_read (VfContents *contents, guint32 content, guint64 block, guint32 count, void *room,
                           GError **error);
/* Whoever uses the storage of the store meanwhile holds this: a storage is used by one thread at a time. */
GMutexLocker *vf_contents_lock_storage (VfContents *contents);
