/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A loop device over a part of a file or block device, which vanishes with its last user. */
#pragma once

#include "vmforge/vmforge.h"

typedef struct {
  char *path; /* /dev/loopN */
  int fd;     /* keeps it while nothing is mounted from it */
} VfLoop;

VfLoop *vf_loop_attach (const char *file, guint64 offset, guint64 length, GError **error);
/* The same of a file that is only read: the kernel refuses to write through the device. */
VfLoop *vf_loop_attach_read_only (const char *file, guint64 offset, guint64 length, GError **error);
/* Waits until no filesystem is mounted from the device: what unmounts last may be the end of another mount
 * namespace, and writes back then. */
gboolean vf_loop_wait_unmounted (VfLoop *loop, GError **error);
void vf_loop_detach (VfLoop *loop);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfLoop, vf_loop_detach)
