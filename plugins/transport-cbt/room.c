/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "room.h"

guint8 *
room_bytes (Room *room, RoomUse use, gsize length)
{
  if (length > room->sizes[use] || room->bytes[use] == NULL) {
    g_free (room->bytes[use]);
    room->sizes[use] = MAX (length, 1);
    room->bytes[use] = g_malloc (room->sizes[use]);
  }
  return room->bytes[use];
}

ZSTD_CCtx *
room_packer (Room *room)
{
  if (room->packer == NULL)
    room->packer = ZSTD_createCCtx ();
  ZSTD_CCtx_reset (room->packer, ZSTD_reset_session_and_parameters);
  return room->packer;
}

ZSTD_DCtx *
room_unpacker (Room *room)
{
  if (room->unpacker == NULL)
    room->unpacker = ZSTD_createDCtx ();
  ZSTD_DCtx_reset (room->unpacker, ZSTD_reset_session_and_parameters);
  return room->unpacker;
}

void
room_clear (Room *room)
{
  for (guint i = 0; i < N_ROOMS; i++)
    g_free (room->bytes[i]);
  ZSTD_freeCCtx (room->packer);
  ZSTD_freeDCtx (room->unpacker);
}
