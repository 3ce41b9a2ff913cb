/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the tests of block indexes share: a folder with volumes and indexes in it. */
#pragma once

#include "blocks/index-build.h"
#include "blocks/verify.h"

#define SECTOR 512

typedef struct {
  char *path;
  int fd;
  GArray *faults; /* VfBlockFault: of the last blocks_verify… */
} Blocks;

void blocks_set_up (Blocks *blocks, gconstpointer data);
void blocks_tear_down (Blocks *blocks, gconstpointer data);
#define BLOCKS_TEST(name)                                                                                    \
  g_test_add ("/block-index/" #name, Blocks, NULL, blocks_set_up, name, blocks_tear_down)

/* Volumes are numbered; a new one is a hole. */
void blocks_make (const Blocks *blocks, guint volume, guint64 bytes);
void blocks_fill (const Blocks *blocks, guint volume, guint64 offset, guint64 length, guint8 byte);
void blocks_punch (const Blocks *blocks, guint volume, guint64 offset, guint64 length);
void blocks_copy (const Blocks *blocks, guint from, guint to, guint64 bytes);
char *blocks_path (const Blocks *blocks, const char *name);
char *blocks_volume_path (const Blocks *blocks, guint volume);
/* Caller closes. */
VfBlockVolume blocks_open (const Blocks *blocks, guint volume);

/* Of the whole volume, into the file `name`. Free the root. */
char *blocks_build (const Blocks *blocks, guint volume, const char *name);
/* own may be NULL. NULL with error. */
char *blocks_build_from (const Blocks *blocks, guint volume, const char *name, const char *parent,
                         GArray *differences, guint64 *own, GError **error);

void blocks_verify (Blocks *blocks, const char *name);
void blocks_verify_volume (Blocks *blocks, const char *name, guint volume, gboolean paranoid);
const VfBlockFault *blocks_fault (const Blocks *blocks, guint i);
/* Turns one bit around. */
void blocks_flip (const Blocks *blocks, const char *name, off_t offset);
