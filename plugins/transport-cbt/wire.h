/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Frames over a pair of descriptors: a type, a length, so many bytes. Several threads may write. */
#pragma once

#include "cbt.h"

typedef enum {
  FRAME_HELLO = 1,
  FRAME_OFFER = 2,
  FRAME_ANSWER = 3,
  FRAME_BEGIN = 4,
  FRAME_ZERO = 5,
  FRAME_COPY = 6,
  FRAME_QUERY = 7,
  FRAME_FOUND = 8,
  FRAME_DATA = 9,
  FRAME_END = 10,
  FRAME_DONE = 11,
  FRAME_ERROR = 12,
  FRAME_ALIVE = 13,
  N_FRAMES,
} FrameType;

/* Longer ones are refused unread: an offer may be the longest. */
#define WIRE_MAX_FRAME (16u * 1024 * 1024)

typedef struct {
  Call *call;
  const struct vmforge_stream *stream;
  int input, output; /* the stream's, or our own */
  gboolean input_is_socket, output_is_socket;
  GMutex lock;               /* of writing */
  gint stopped;              /* atomic: another thread has failed, nothing is waited for any more */
  gint closed;               /* atomic: the peer takes nothing any more */
  gint ended;                /* atomic: the peer says nothing any more */
  guint64 sent, received;    /* bytes; atomic */
  gint64 heard;              /* monotonic time at which something came; of the reading thread */
  gint64 spoken;             /* the same for what went out; under the lock */
  guint64 n_written, n_read; /* frames */
  gboolean has_ended;        /* END was said: nothing comes after it; under the lock */
  gboolean is_broken;        /* a frame went out in part: nothing can follow it; under the lock */
  gint64 silence;            /* seconds of it, that are taken for the end of the peer */
  GThread *ticker;           /* says that we are alive while we have nothing else to say */
  GMutex tick_lock;          /* for: */
  GCond tick;
  gboolean ends;
} Wire;

typedef struct {
  FrameType type;
  guint8 *data; /* owned */
  gsize length;
} Frame;

void frame_clear (Frame *frame);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Frame, frame_clear)

void wire_begin (Wire *wire, Call *call, const struct vmforge_stream *stream, guint silence);
void wire_end (Wire *wire);
/* Wakes who reads or writes, and makes it fail. */
void wire_stop (Wire *wire);

/* FALSE without an error where the peer has closed: who reads tells why. */
gboolean wire_write (Wire *wire, FrameType type, const void *data, gsize length);
/* The same of two parts. */
gboolean wire_write2 (Wire *wire, FrameType type, const void *data, gsize length, const void *more,
                      gsize more_length);
/* Passes over ALIVE; an ERROR of the peer is the call's error. */
gboolean wire_read (Wire *wire, Frame *frame);
/* The same, and any other type is an error. */
gboolean wire_expect (Wire *wire, FrameType type, Frame *frame);

/* This end has failed: where the peer has closed, what it said last is the call's error; else it is told why.
 */
void wire_fail_end (Wire *wire);
/* Tells the peer why this end fails, if it still listens. */
void wire_complain (Wire *wire);
