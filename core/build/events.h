/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The worker's voice: events for the engine, and the log of the stage. See job.h. */
#pragma once

#include "support/json.h"

typedef struct {
  int events_fd, log_fd;
  int permille; /* last progress told, with what: the same is not repeated */
  char *what;
} VfEvents;

void vf_events_log (VfEvents *events, const char *line);
void vf_events_logf (VfEvents *events, const char *format, ...) G_GNUC_PRINTF (2, 3);
void vf_events_progress (double fraction, const char *what, gpointer events);
void vf_events_warning (VfEvents *events, const char *message);
/* bytes: that the volume has taken of the storage since the stage began. */
void vf_events_written (VfEvents *events, guint64 bytes);
/* packages: VfPackage. root: of the block index. */
void vf_events_done (VfEvents *events, GPtrArray *packages, const char *root, guint64 own_bytes);
void vf_events_failed (VfEvents *events, const GError *error);
