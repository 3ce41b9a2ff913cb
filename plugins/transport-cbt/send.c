/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The sending end: what it greets with, and in which order it speaks. */
#include "send.h"

#include <string.h>

static gboolean
greet (Sender *sender, const struct vmforge_shipment *shipment, Frame *answer)
{
  Wire *wire = &sender->wire;
  g_auto (Frame) hello = {0};
  if (!wire_write (wire, FRAME_HELLO, HELLO, HELLO_BYTES) || !wire_expect (wire, FRAME_HELLO, &hello))
    return FALSE;
  if (hello.length != HELLO_BYTES || memcmp (hello.data, HELLO, HELLO_BYTES) != 0)
    return cbt_fail (sender->call, VMFORGE_PLUGIN_FAILED, "the peer speaks another protocol");
  return send_offer (sender, shipment->offer, shipment->offer_length) &&
         wire_expect (wire, FRAME_ANSWER, answer);
}

/* Whether the image is there already; else what the peer has. */
static gboolean
read_answer (Sender *sender, const Frame *answer, gboolean *there)
{
  Bytes bytes = {answer->data, answer->length};
  const guint8 *verdict = bytes_get (&bytes, 1), *begun = bytes_get (&bytes, 4);
  *there = verdict != NULL && *verdict == VMFORGE_OFFER_THERE;
  if (*there)
    return TRUE;
  if (begun == NULL || bytes.length % CONTENT_BYTES != 0 || bytes.length / CONTENT_BYTES > MAX_CONTENTS)
    return cbt_fail (sender->call, VMFORGE_PLUGIN_FAILED, "the peer's answer makes no sense");
  guint32 number;
  memcpy (&number, begun, sizeof number);
  sender->begun = GUINT32_FROM_LE (number);
  peers_read (sender, bytes.data, (guint32)(bytes.length / CONTENT_BYTES));
  return TRUE;
}

static gboolean
begin (Sender *sender)
{
  if (!peers_choose_base (sender))
    return FALSE;
  guint32 base = GUINT32_TO_LE (sender->base == VMFORGE_NO_CONTENT ? NOBODY : sender->peers[sender->base]);
  return wire_write (&sender->wire, FRAME_BEGIN, &base, sizeof base);
}

static gboolean
finish (Sender *sender)
{
  return crew_wait (sender->crew) && wire_write (&sender->wire, FRAME_END, NULL, 0);
}

static gboolean
ship (Sender *sender)
{
  GThread *listener = g_thread_new ("cbt-listen", send_listen, sender);
  sender->crew = crew_new (sender->threads, window_send, window_free, sender);
  gboolean done = send_differences (sender) && finish (sender);
  if (!done && !g_atomic_int_get (&sender->wire.closed)) {
    wire_stop (&sender->wire);
    wire_complain (&sender->wire);
  }
  crew_free (g_steal_pointer (&sender->crew));
  g_thread_join (listener);
  return done && sender->accepted;
}

static gboolean
run (Sender *sender, const struct vmforge_shipment *shipment)
{
  g_auto (Frame) answer = {0};
  gboolean there;
  if (!greet (sender, shipment, &answer) || !read_answer (sender, &answer, &there))
    return FALSE;
  return there || (begin (sender) && ship (sender));
}

static void
sender_clear (Sender *sender)
{
  g_free (sender->peers);
  g_array_unref (sender->wanted);
  g_array_unref (sender->replaced);
  g_array_unref (sender->zeros);
  g_byte_array_unref (sender->copies);
  g_hash_table_unref (sender->queries);
  g_mutex_clear (&sender->lock);
  g_cond_clear (&sender->answered);
}

int
cbt_send (void *handle, Call *call, const struct vmforge_stream *stream,
          const struct vmforge_shipment *shipment)
{
  Sender sender = {.call = call,
                   .exchange = call->host->exchange,
                   .threads = ((Cbt *)handle)->threads,
                   .content = shipment->content,
                   .base = VMFORGE_NO_CONTENT,
                   .begun = NOBODY};
  if (sender.exchange->contents (call, &sender.contents, &sender.n_contents) < 0)
    return -1;
  sender.figures = (struct vmforge_transfer){.size = sizeof sender.figures,
                                             .image_bytes = sender.contents[sender.content].bytes};
  sender.wanted = runs_new ();
  sender.replaced = runs_new ();
  sender.zeros = runs_new ();
  sender.copies = g_byte_array_new ();
  sender.queries = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
  g_mutex_init (&sender.lock);
  g_cond_init (&sender.answered);
  wire_begin (&sender.wire, call, stream, ((Cbt *)handle)->silence);
  gboolean done = run (&sender, shipment);
  if (!done)
    wire_fail_end (&sender.wire);
  send_tell (&sender);
  wire_end (&sender.wire);
  sender_clear (&sender);
  return done ? 0 : -1;
}
