/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A volume that is being received, and its block index beside it: every block that is written is hashed,
 * every one that is copied has the hash that its source's index says, so that in the end the root is known
 * without reading anything again. What is interrupted goes on later. Any number of threads may fill it. */
#pragma once

#include "transfer/contents.h"

typedef struct _VfTarget VfTarget;

/* root: what is received must have it; bytes: of the disk; name: of the image, for people. Takes up what was
 * left of the same content, if anything was. Borrows store and contents. */
VfTarget *vf_target_new (VmforgeStore *store, VfContents *contents, const char *root, guint64 bytes,
                         const char *name, GError **error);
/* What was received so far stays for another time, unless it was finished, or turned out wrong. */
void vf_target_free (VfTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfTarget, vf_target_free)

/* What vmforge_exchange says of them. */
gboolean vf_target_begun (const VfTarget *target, guint32 *base);
gboolean vf_target_open (VfTarget *target, guint32 base, GError **error);
int vf_target_has (VfTarget *target, guint64 block, const guint8 *hash, guint32 hash_bytes, GError **error);
gboolean vf_target_write (VfTarget *target, guint64 block, guint32 count, const void *data, GError **error);
gboolean vf_target_copy (VfTarget *target, guint64 block, guint64 count, guint32 content, guint64 from,
                         GError **error);
gboolean vf_target_zero (VfTarget *target, guint64 block, guint64 count, GError **error);
/* Compares the root, seals the volume and records it. */
gboolean vf_target_finish (VfTarget *target, GError **error);
