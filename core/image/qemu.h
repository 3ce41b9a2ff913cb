/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The machine that images are booted in. */
#pragma once

#include "image/image.h"
#include "support/process.h"

typedef struct {
  const char *arch;     /* "x86_64", "i386"; NULL: x86_64 */
  const char *firmware; /* "bios", "uefi" */
  const char *disk;     /* raw file or block device */
  guint64 memory;       /* bytes */
  guint cpus;
  gboolean graphical;
} VfQemu;

/* The process, whose serial console is its standard input and output. how: free it; the accelerator in words.
 */
VfProcess *vf_qemu_new (const VfQemu *machine, char **how, GCancellable *cancellable, GError **error);
