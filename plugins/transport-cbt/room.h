/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a thread needs for each window, kept from one to the next: megabytes that are given back and taken
 * again are pages that the kernel clears each time. */
#pragma once

#include <glib.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

typedef enum { ROOM_PLAIN, ROOM_PREFIX, ROOM_PACKED, N_ROOMS } RoomUse;

typedef struct {
  guint8 *bytes[N_ROOMS];
  gsize sizes[N_ROOMS];
  ZSTD_CCtx *packer;
  ZSTD_DCtx *unpacker;
} Room;

/* At least so many bytes; whatever they were. */
guint8 *room_bytes (Room *room, RoomUse use, gsize length);
/* With no parameter set. */
ZSTD_CCtx *room_packer (Room *room);
ZSTD_DCtx *room_unpacker (Room *room);
void room_clear (Room *room);
