/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "blocks/index-writer.h"
#include "transfer/target.h"

struct _VfTarget {
  VmforgeStore *store;
  VfContents *contents;
  char *root, *name;
  guint64 bytes;
  guint32 begun; /* what an earlier time began with */
  guint32 base;
  VfBuilding *building; /* NULL: not made yet, or recorded */
  gboolean mapped;
  gboolean resumed;      /* an earlier receiver wrote some of it */
  int fd;                /* of the volume */
  VfBlockWriter *writer; /* NULL: not open */
  guint64 own_blocks;    /* written */
  gint64 started;        /* monotonic */
  GMutex room_lock;      /* for: */
  guint64 room;          /* bytes that may be written before the disk is looked at again */
};

/* Removes it: it is of no use. */
void vf_target_abandon (VfTarget *target);
/* Hashes what the index says was written, since a machine that went down may have kept the one and lost the
 * other. (target-fill.c) */
gboolean vf_target_recheck (VfTarget *target, GError **error);
/* Before bytes are written: whether there is room for them. What came so far stays whole where there is none.
 * (target-room.c) */
gboolean vf_target_take_room (VfTarget *target, guint64 bytes, GError **error);
/* Of a sealed volume that was resumed: makes its index from the volume. (target-verify.c) */
gboolean vf_target_verify (VfTarget *target, GError **error);
