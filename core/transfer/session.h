/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* One transfer: what a transport may do with the store, and what came of it. */
#pragma once

#include "plugin/transport.h"
#include "transfer/contents.h"
#include "transfer/offer.h"
#include "transfer/target.h"

/* Told from any thread, one at a time. */
typedef void (*VfFiguresFunc) (const struct vmforge_transfer *figures, gpointer user_data);

typedef struct {
  VmforgeStore *store;
  VfContents *contents;
  VfOffer *offer;   /* of what is received; NULL: none yet */
  VfLock *lock;     /* on the key of what is received */
  VfTarget *target; /* NULL: not wanted */
  char *digest;     /* of what was published */
  GBytes *file;     /* that a transport has read */
  VfFiguresFunc func;
  gpointer user_data;
  GMutex lock_figures;
  struct vmforge_transfer figures; /* the last that were told */
  VfHost host;
} VfSession;

/* func: may be NULL. store is borrowed, with its storage open. */
VfSession *vf_session_new (VmforgeStore *store, VfFiguresFunc func, gpointer user_data, GError **error);
void vf_session_free (VfSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSession, vf_session_free)

/* Forgets what was offered, so that something else may be; what was received of it stays. */
void vf_session_reset (VfSession *session);

/* Sends an image to a peer that runs vf_session_receive. */
gboolean vf_session_send (VfSession *session, const VfImage *image, int input, int output, GError **error);
/* What a peer offers (offer.h): judged by the policy of this store. */
gboolean vf_session_offer (VfSession *session, const void *offer, gsize length,
                           enum vmforge_offer_answer *answer, GError **error);
/* The transport that the store is configured with. */
VfTransport *vf_session_open_transport (VfSession *session, GError **error);
/* *told: the peer knows why it fails, and tells its user; set in any case. */
gboolean vf_session_receive (VfSession *session, int input, int output, gboolean *told, GError **error);
