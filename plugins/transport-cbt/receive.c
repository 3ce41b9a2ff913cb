/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The receiving end. Nothing that the peer sends is believed: lengths are bounded before anything is made of
 * them, and the engine publishes only what has the root that the manifest says. */
#include "receive.h"

#include <string.h>
#include <zstd.h>

gboolean
receive_refuse (Receiver *receiver)
{
  return cbt_fail (receiver->call, VMFORGE_PLUGIN_FAILED,
                   "what the peer sends makes no sense (is its vmforge as new as this one?)");
}

/* Told in any case before it is judged, so that both ends fail with the right words. */
static gboolean
greet (Receiver *receiver)
{
  g_auto (Frame) hello = {0};
  if (!wire_write (&receiver->wire, FRAME_HELLO, HELLO, HELLO_BYTES) ||
      !wire_expect (&receiver->wire, FRAME_HELLO, &hello))
    return FALSE;
  return (hello.length == HELLO_BYTES && memcmp (hello.data, HELLO, HELLO_BYTES) == 0) ||
         cbt_fail (receiver->call, VMFORGE_PLUGIN_FAILED, "the peer speaks another protocol");
}

static gboolean
read_offer (Receiver *receiver, enum vmforge_offer_answer *answer)
{
  g_auto (Frame) frame = {0};
  guint32 plain;
  if (!wire_expect (&receiver->wire, FRAME_OFFER, &frame))
    return FALSE;
  if (frame.length < sizeof plain)
    return receive_refuse (receiver);
  memcpy (&plain, frame.data, sizeof plain);
  plain = GUINT32_FROM_LE (plain);
  if (plain > VMFORGE_OFFER_MAX)
    return receive_refuse (receiver);
  g_autofree guint8 *text = g_malloc (MAX (plain, 1));
  gsize size = ZSTD_decompress (text, plain, frame.data + sizeof plain, frame.length - sizeof plain);
  if (ZSTD_isError (size) || size != plain)
    return receive_refuse (receiver);
  return receiver->exchange->offer (receiver->call, text, plain, answer) == 0;
}

static gboolean
answer_offer (Receiver *receiver, enum vmforge_offer_answer answer)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint8 verdict = (guint8)answer;
  guint32 begun;
  g_byte_array_append (bytes, &verdict, 1);
  if (answer == VMFORGE_OFFER_THERE)
    return wire_write (&receiver->wire, FRAME_ANSWER, bytes->data, bytes->len);
  receiver->resumes = receiver->exchange->target_begun (receiver->call, &begun) > 0;
  begun = begun == VMFORGE_NO_CONTENT ? BEGUN_EMPTY : begun;
  begun = GUINT32_TO_LE (receiver->resumes ? begun : NOBODY);
  g_byte_array_append (bytes, (const guint8 *)&begun, sizeof begun);
  receiver->n_contents = MIN (receiver->n_contents, MAX_CONTENTS);
  for (guint32 i = 0; i < receiver->n_contents; i++) {
    guint64 size = GUINT64_TO_LE (receiver->contents[i].bytes);
    g_byte_array_append (bytes, receiver->contents[i].root, HASH);
    g_byte_array_append (bytes, (const guint8 *)&size, sizeof size);
  }
  return wire_write (&receiver->wire, FRAME_ANSWER, bytes->data, bytes->len);
}

static gboolean
open_target (Receiver *receiver)
{
  g_auto (Frame) frame = {0};
  guint32 base;
  if (!wire_expect (&receiver->wire, FRAME_BEGIN, &frame))
    return FALSE;
  if (frame.length != sizeof base)
    return receive_refuse (receiver);
  memcpy (&base, frame.data, sizeof base);
  base = GUINT32_FROM_LE (base);
  if (base != NOBODY && base >= receiver->n_contents)
    return receive_refuse (receiver);
  receiver->base = base == NOBODY ? VMFORGE_NO_CONTENT : base;
  receiver->blocks = base == NOBODY ? 0 : block_count (receiver->contents[base].bytes);
  return receiver->exchange->target_open (receiver->call, receiver->base) == 0;
}

void
receive_free (gpointer data)
{
  frame_clear (data);
  g_free (data);
}

gboolean
receive_frame (gpointer job, Room *room, gpointer user_data)
{
  Receiver *receiver = user_data;
  Frame *frame = job;
  Bytes bytes = {frame->data, frame->length};
  gboolean done = FALSE;
  switch (frame->type) {
  case FRAME_ZERO:
    done = receive_zero (receiver, bytes);
    break;
  case FRAME_COPY:
    done = receive_copy (receiver, bytes);
    break;
  case FRAME_DATA:
    done = receive_data (receiver, room, bytes);
    break;
  case FRAME_QUERY:
    done = receive_query (receiver, bytes);
    break;
  default:
    receive_refuse (receiver);
  }
  if (!done)
    wire_stop (&receiver->wire);
  receive_free (frame);
  return done;
}

static void
tell (Receiver *receiver)
{
  struct vmforge_transfer figures = {.size = sizeof figures,
                                     .moved_bytes = __atomic_load_n (&receiver->moved, __ATOMIC_RELAXED),
                                     .wire_bytes =
                                         __atomic_load_n (&receiver->wire.sent, __ATOMIC_RELAXED) +
                                         __atomic_load_n (&receiver->wire.received, __ATOMIC_RELAXED)};
  receiver->exchange->figures (receiver->call, &figures);
}

static gboolean
fill (Receiver *receiver)
{
  g_autoptr (Crew) crew = crew_new (receiver->threads, receive_frame, receive_free, receiver);
  for (;;) {
    Frame *frame = g_new0 (Frame, 1);
    gboolean got = wire_read (&receiver->wire, frame);
    if (!got || frame->type == FRAME_END) {
      receive_free (frame);
      /* What came before a cut is written all the same, so that it need not come again. */
      return crew_wait (crew) && got;
    }
    if (!crew_push (crew, frame))
      return FALSE;
    tell (receiver);
  }
}

static gboolean
run (Receiver *receiver)
{
  enum vmforge_offer_answer answer = 0;
  if (!greet (receiver) || !read_offer (receiver, &answer) || !answer_offer (receiver, answer))
    return FALSE;
  if (answer == VMFORGE_OFFER_THERE)
    return TRUE;
  return open_target (receiver) && fill (receiver) &&
         receiver->exchange->target_publish (receiver->call) == 0 &&
         wire_write (&receiver->wire, FRAME_DONE, NULL, 0);
}

int
cbt_receive (void *handle, Call *call, const struct vmforge_stream *stream)
{
  Receiver receiver = {.call = call, .exchange = call->host->exchange, .threads = ((Cbt *)handle)->threads};
  wire_begin (&receiver.wire, call, stream, ((Cbt *)handle)->silence);
  gboolean done =
      receiver.exchange->contents (call, &receiver.contents, &receiver.n_contents) == 0 && run (&receiver);
  if (!done)
    wire_fail_end (&receiver.wire);
  tell (&receiver);
  wire_end (&receiver.wire);
  return done ? 0 : -1;
}
