/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What is particular to one type of root filesystem. */
#pragma once

#include "build/loop.h"
#include "build/mount.h"
#include "support/process.h"

typedef struct {
  const char *name;
  const char *options;                       /* of mounts while building */
  VfProcess *(*make) (const VfDiskIds *ids); /* without the profile's arguments and the device */
  VfProcess *(*grow) (const char *device, const char *target);
  gboolean grows_mounted;
  gboolean needs_arguments; /* from the profile: its own defaults would come from the host's configuration */
} VfFilesystemType;

/* Static. */
const VfFilesystemType *vf_filesystem_type (const char *name, GError **error);

/* Extends the filesystem to the end of its device. */
gboolean vf_filesystem_grow (const VfFilesystemType *type, gint64 epoch, const char *device,
                             const char *target, GCancellable *cancellable, GError **error);
