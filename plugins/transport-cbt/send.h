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
  guint32 content; /* that is sent */

  guint32 *peers;      /* number of each of our contents in the peer's list, or NOBODY */
  gboolean peer_knows; /* contents that we do not have: it may have any block */
  guint32
      begun;    /* number in the peer's list that an interrupted transfer began with, BEGUN_EMPTY or NOBODY */
  guint32 base; /* one of our contents, that the peer has too; or VMFORGE_NO_CONTENT */

  GArray *zeros;      /* Run: become zeros */
  GByteArray *copies; /* of a COPY frame that is being filled */
  guint n_copies;
  guint32 copy_content; /* the run that is being grown: ours */
  guint64 copy_from, copy_block, copy_count;
  PageCache pages;  /* of what copies come from */
  GArray *wanted;   /* Run: blocks that the peer may lack */
  GArray *replaced; /* Run: of the base, where the image has something else */

  Crew *crew;  /* of windows */
  GMutex lock; /* for all below */
  GCond answered;
  GHashTable *queries; /* number → runs asked for */
  guint n_queries;
  GArray *lacking;           /* Run: what the peer has not found, while it is asked */
  gboolean accepted, silent; /* the peer has published; nothing comes from it any more */
  struct vmforge_transfer figures;
} Sender;

/* ---- send-peers.c: what both ends have */
void peers_read (Sender *sender, const guint8 *list, guint32 count);
/* The content of both that is nearest to what is sent. */
gboolean peers_choose_base (Sender *sender);

/* ---- send-plan.c: what becomes of each block that differs from the base */
gboolean send_differences (Sender *sender);

/* ---- send-ask.c: what the peer says while we send */
gboolean send_offer (Sender *sender, const void *offer, gsize length);
gpointer send_listen (gpointer sender);
/* Leaves of `wanted` what the peer lacks. */
gboolean send_ask (Sender *sender);
/* Figures, to the engine. */
void send_tell (Sender *sender);

/* ---- send-window.c */
/* Takes `wanted` and `replaced` apart into windows, for the crew. */
gboolean send_windows (Sender *sender);
gboolean window_send (gpointer window, Room *room, gpointer sender);
void window_free (gpointer window);
