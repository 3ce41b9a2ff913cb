/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "crew.h"
#include "pages.h"
#include "protocol.h"
#include "runs.h"
#include "wire.h"

typedef struct {
  Call *call;
  const struct vmforge_exchange *exchange;
  guint threads;
  Wire wire;
  const struct vmforge_content *contents;
  guint32 n_contents;
  guint32 base;     /* one of ours, or VMFORGE_NO_CONTENT */
  guint64 blocks;   /* of the base: what a prefix may refer to */
  gboolean resumes; /* the target holds what came in an earlier time */
  guint64 moved;    /* bytes; atomic */
} Receiver;

/* A frame, for the crew. */
gboolean receive_frame (gpointer frame, Room *room, gpointer receiver);
void receive_free (gpointer frame);

/* Each of one type of frame, by any thread. */
gboolean receive_zero (Receiver *receiver, Bytes bytes);
gboolean receive_copy (Receiver *receiver, Bytes bytes);
gboolean receive_data (Receiver *receiver, Room *room, Bytes bytes);
gboolean receive_query (Receiver *receiver, Bytes bytes);
/* The error for what does not follow the protocol; returns FALSE. */
gboolean receive_refuse (Receiver *receiver);
