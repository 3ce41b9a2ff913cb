/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Content based transfer: only blocks that the other end lacks. docs/wire.md is the protocol. */
#pragma once

#include <glib.h>
#include <vmforge/plugin.h>

typedef struct vmforge_call Call;

#define BLOCK       VMFORGE_BLOCK_BYTES
#define HASH        VMFORGE_HASH_BYTES
#define PAGE_HASHES 128
#define PAGE_SHIFT  7

typedef struct {
  guint threads;
  guint silence; /* seconds of it, that are taken for the end of the peer */
} Cbt;

typedef struct {
  guint8 bytes[HASH];
} Hash;

/* A page of a block index. */
typedef struct {
  Hash hashes[PAGE_HASHES];
} Page;

static inline gboolean
hash_is_zero (const Hash *hash)
{
  static const Hash zero;
  return memcmp (hash, &zero, sizeof zero) == 0;
}

void cbt_sha256 (const void *data, gsize length, guint8 digest[HASH]);

static inline guint64
block_count (guint64 bytes)
{
  return bytes / BLOCK + (bytes % BLOCK != 0);
}

/* Says why the call fails, and returns FALSE. */
#define cbt_fail(call, code, ...) ((call)->host->error ((call), (code), __VA_ARGS__), FALSE)

int cbt_send (void *handle, Call *call, const struct vmforge_stream *stream,
              const struct vmforge_shipment *shipment);
int cbt_receive (void *handle, Call *call, const struct vmforge_stream *stream);
int cbt_pack (void *handle, Call *call, const struct vmforge_packing *packing);
int cbt_read_file (void *handle, Call *call, const struct vmforge_repository_file *file);
int cbt_fetch (void *handle, Call *call, const struct vmforge_fetch *fetch);
