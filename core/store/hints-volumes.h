/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* blocks.json: which volumes the numbers in the table of blocks mean. A number is never given twice; where
 * one volume takes several, they follow each other. */
#pragma once

#include "store/store.h"

typedef struct _VfHintVolumes VfHintVolumes;

/* Of the table with this id; empty if there is none. */
VfHintVolumes *vf_hint_volumes_read (VmforgeStore *store, guint64 table);
gboolean vf_hint_volumes_write (VfHintVolumes *volumes, VmforgeStore *store, GError **error);
void vf_hint_volumes_free (VfHintVolumes *volumes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfHintVolumes, vf_hint_volumes_free)

/* Whether all of it was learnt. */
gboolean vf_hint_volumes_has (const VfHintVolumes *volumes, const char *volume);
/* from: the volume that it was cloned of, or NULL. Returns its first number; 0: there are no more. */
guint32 vf_hint_volumes_add (VfHintVolumes *volumes, const char *volume, const char *from, guint32 parts);
gboolean vf_hint_volumes_complete (VfHintVolumes *volumes, const char *volume);
/* The id of the volume, and which of its parts (may be NULL); NULL: the volume is gone. Borrowed. */
const char *vf_hint_volumes_get (const VfHintVolumes *volumes, guint32 number, guint32 *part);
/* stages: elements VfStage. What a volume had that is gone now passes to one that was cloned of it: most of
 * its blocks are there at the same place, and what is not is found out by whoever looks. FALSE: none is
 * gone. */
gboolean vf_hint_volumes_prune (VfHintVolumes *volumes, GPtrArray *stages);
