/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Reads a plugin's numbers from its ELF file, before any code of it runs (constructors are code too). */
#pragma once

#include "vmforge/vmforge.h"

/* The first members of struct vmforge_plugin, in its order. */
typedef struct {
  guint32 abi;
  guint32 size;
  guint32 kind;
  guint32 table_size;
} VfElfNumbers;

/* fd: a regular file; path: for messages. symbol_size: of `vmforge_plugin` as the file states it. */
gboolean vf_elf_read_numbers (int fd, const char *path, VfElfNumbers *numbers, guint64 *symbol_size,
                              GError **error);
