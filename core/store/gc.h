/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Inside of garbage collection. */
#pragma once

#include "store/records.h"

typedef struct {
  VfGarbage pub;
  char *parent;     /* key; of a stage */
  guint children;   /* stages that are to go first */
  gboolean visited; /* its turn has come, but it had children */
} VfGcItem;
void vf_gc_item_free (gpointer item);

/* Bytes that the store takes; fills in `own` of stages that have no record of it. (size.c) */
gboolean vf_size_measure (VmforgeStore *store, GPtrArray *stages, guint64 *bytes, GError **error);

/* Adds a VfGcItem for each file of the caches that can be had again. (gc-cache.c) */
void vf_gc_list_caches (VmforgeStore *store, GPtrArray *items);
/* Removes one, unless a build runs beside the caller's own uses: it may be about to use it. */
gboolean vf_gc_remove_cached (VmforgeStore *store, const VfGcItem *item, guint own_uses, gboolean *removed,
                              GError **error);
