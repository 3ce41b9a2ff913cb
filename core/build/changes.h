/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What changes in a filesystem while somebody works in it, as the kernel tells (fanotify): so that looking at
 * the times of files costs what was changed, not what is there. It does not tell of writes through memory
 * maps. */
#pragma once

#include "vmforge/vmforge.h"

typedef struct _VfChanges VfChanges;

/* From now on. root: a descriptor of the filesystem. NULL where the kernel cannot tell. */
VfChanges *vf_changes_watch (int root);
/* Gives what was changed and is later than epoch that time. *complete: FALSE where so much was changed that
 * not all of it is known; then nothing was done. */
gboolean vf_changes_clamp (VfChanges *changes, gint64 epoch, gboolean *complete, GError **error);
/* Before the filesystem is unmounted. */
void vf_changes_free (VfChanges *changes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfChanges, vf_changes_free)
