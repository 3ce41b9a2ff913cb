/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What stands behind struct vmforge_exchange: the store's contents, and what is received. The contracts are
 * those of plugin.h, with errors through GError; all may be called by several threads at once. */
#pragma once

#include "plugin/call.h"

struct _VfExchange {
  const struct vmforge_content *(*contents) (gpointer data, guint32 *count, GError **error);
  gboolean (*read_page) (gpointer data, guint32 content, guint level, guint64 page, void *room,
                         GError **error);
  gboolean (*read_blocks) (gpointer data, guint32 content, guint64 block, guint32 count, void *room,
                           GError **error);
  /* Returns how many, or -1. */
  int (*find_block) (gpointer data, const guint8 *hash, guint32 hash_bytes, struct vmforge_place *places,
                     guint32 room, GError **error);
  gboolean (*offer) (gpointer data, const void *offer, gsize length, enum vmforge_offer_answer *answer,
                     GError **error);
  gboolean (*target_begun) (gpointer data, guint32 *base);
  gboolean (*target_open) (gpointer data, guint32 base, GError **error);
  /* 1, 0, or -1. */
  int (*target_has) (gpointer data, guint64 block, const guint8 *hash, guint32 hash_bytes, GError **error);
  gboolean (*target_write) (gpointer data, guint64 block, guint32 count, const void *blocks, GError **error);
  gboolean (*target_copy) (gpointer data, guint64 block, guint64 count, guint32 content, guint64 from,
                           GError **error);
  gboolean (*target_zero) (gpointer data, guint64 block, guint64 count, GError **error);
  gboolean (*target_publish) (gpointer data, GError **error);
  gboolean (*file) (gpointer data, const void *bytes, gsize length, GError **error);
  void (*figures) (gpointer data, const struct vmforge_transfer *transfer);
};
