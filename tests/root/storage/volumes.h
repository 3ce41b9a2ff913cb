/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What tests do with volumes; all of it must succeed. */
#pragma once

#include "place.h"

#define A     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BLOCK 4096
#define MIB   (1024 * 1024)

void volume_create (Fixture *fixture, const char *id, guint64 bytes);
void volume_clone (Fixture *fixture, const char *id, const char *parent);
void volume_seal (Fixture *fixture, const char *id);
/* A descriptor. */
int volume_open (Fixture *fixture, const char *id, gboolean read_only);
/* Random bytes, the same for the same seed. */
void volume_write_block (int fd, guint64 block, guint seed);
