/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER          8
#define LOOK            250 /* milliseconds between two looks at the cancellation */
#define ALIVE           (10 * (gint64)G_USEC_PER_SEC)
#define MAX_ALIVE       (3600 * (gint64)G_USEC_PER_SEC)
#define MAX_MESSAGE     2000
#define MAX_LAST_FRAMES 1000

void
frame_clear (Frame *frame)
{
  g_clear_pointer (&frame->data, g_free);
  frame->length = 0;
}

static gboolean
is_stopped (Wire *wire)
{
  return g_atomic_int_get (&wire->stopped) || wire->call->host->cancelled (wire->call);
}

/* Who stopped the transfer has said why, and what follows from that is no news. */
#define wire_fail(wire, ...)                                                                                 \
  (is_stopped (wire) ? FALSE : cbt_fail ((wire)->call, VMFORGE_PLUGIN_FAILED, __VA_ARGS__))

/* Waits until the descriptor is ready. since: the last time that something moved. */
static gboolean
wait_for (Wire *wire, int fd, short events, gint64 since)
{
  struct pollfd polled = {.fd = fd, .events = events};
  for (;;) {
    if (is_stopped (wire))
      return FALSE;
    if (g_get_monotonic_time () - since > wire->silence * G_USEC_PER_SEC)
      return wire_fail (wire, "the peer has been silent for %d seconds: run the command again to go on",
                        (int)wire->silence);
    int ready = poll (&polled, 1, LOOK);
    if (ready > 0)
      return TRUE;
    if (ready < 0 && errno != EINTR)
      return wire_fail (wire, "cannot wait for the peer: %s", g_strerror (errno));
  }
}

static gboolean
fail_cut (Wire *wire)
{
  if (__atomic_load_n (&wire->received, __ATOMIC_RELAXED) == 0)
    return wire_fail (wire, "the other end did not answer");
  return wire_fail (wire, "the connection was cut: run the command again, it goes on where it stopped");
}

static gboolean
write_all (Wire *wire, const guint8 *data, gsize length)
{
  gint64 since = g_get_monotonic_time ();
  for (gsize done = 0; done < length;) {
    ssize_t step = wire->output_is_socket
                       ? send (wire->output, data + done, length - done, MSG_DONTWAIT | MSG_NOSIGNAL)
                       : write (wire->output, data + done, length - done);
    if (step < 0 && errno == EAGAIN) {
      if (!wait_for (wire, wire->output, POLLOUT, since))
        return FALSE;
      continue;
    }
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0) {
      /* Why it has closed is what it said last: whoever reads hears it. */
      g_atomic_int_set (&wire->closed, 1);
      return FALSE;
    }
    done += (gsize)step;
    since = g_get_monotonic_time ();
  }
  __atomic_add_fetch (&wire->sent, length, __ATOMIC_RELAXED);
  return TRUE;
}

/* Type, three bytes of a digest of type, length and the number of the frame, length: what was lost, changed
 * or said twice shows before anybody waits for bytes that never come. */
static void
make_header (guint8 *header, FrameType type, guint32 length, guint64 number)
{
  guint8 text[13] = {(guint8)type}, digest[HASH];
  guint32 small_length = GUINT32_TO_LE (length);
  guint64 small_number = GUINT64_TO_LE (number);
  memcpy (text + 1, &small_length, 4);
  memcpy (text + 5, &small_number, 8);
  cbt_sha256 (text, sizeof text, digest);
  header[0] = (guint8)type;
  memcpy (header + 1, digest, 3);
  memcpy (header + 4, &small_length, 4);
}

gboolean
wire_write2 (Wire *wire, FrameType type, const void *data, gsize length, const void *more, gsize more_length)
{
  guint8 header[HEADER];
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&wire->lock);
  if (wire->is_broken)
    return FALSE;
  make_header (header, type, (guint32)(length + more_length), wire->n_written++);
  wire->spoken = g_get_monotonic_time ();
  wire->has_ended |= type == FRAME_END;
  wire->is_broken = !write_all (wire, header, sizeof header) || !write_all (wire, data, length) ||
                    !write_all (wire, more, more_length);
  return !wire->is_broken;
}

gboolean
wire_write (Wire *wire, FrameType type, const void *data, gsize length)
{
  return wire_write2 (wire, type, data, length, NULL, 0);
}

static gboolean
read_all (Wire *wire, guint8 *data, gsize length)
{
  for (gsize done = 0; done < length;) {
    ssize_t step = wire->input_is_socket ? recv (wire->input, data + done, length - done, MSG_DONTWAIT)
                                         : read (wire->input, data + done, length - done);
    if (step < 0 && errno == EAGAIN) {
      if (!wait_for (wire, wire->input, POLLIN, wire->heard))
        return FALSE;
      continue;
    }
    if (step < 0 && errno == EINTR)
      continue;
    if (step <= 0) {
      g_atomic_int_set (&wire->ended, 1);
      return fail_cut (wire);
    }
    done += (gsize)step;
    wire->heard = g_get_monotonic_time ();
  }
  __atomic_add_fetch (&wire->received, length, __ATOMIC_RELAXED);
  return TRUE;
}

static gboolean
refuse_frame (Wire *wire)
{
  if (wire->n_read == 1)
    return wire_fail (wire, "what the peer says first is not the protocol: does its shell print something?");
  return wire_fail (wire, "what the peer says is not the protocol (is its vmforge as new as this one?)");
}

static gboolean
read_frame (Wire *wire, Frame *frame)
{
  guint8 header[HEADER], wanted[HEADER];
  guint32 size;
  if (!read_all (wire, header, sizeof header))
    return FALSE;
  memcpy (&size, header + 4, sizeof size);
  size = GUINT32_FROM_LE (size);
  make_header (wanted, header[0], size, wire->n_read++);
  if (header[0] == 0 || header[0] >= N_FRAMES || memcmp (header, wanted, sizeof header) != 0 ||
      size > WIRE_MAX_FRAME)
    return refuse_frame (wire);
  frame_clear (frame);
  frame->type = header[0];
  frame->data = g_malloc (MAX (size, 1));
  frame->length = size;
  return read_all (wire, frame->data, size);
}

/* A peer that only lives on keeps what is locked for it from others. */
static gboolean
is_patient (Wire *wire, gint64 since)
{
  return g_get_monotonic_time () - since < MAX_ALIVE ||
         wire_fail (wire, "the peer has said nothing but that it lives for an hour: run the command again");
}

gboolean
wire_read (Wire *wire, Frame *frame)
{
  const gint64 since = g_get_monotonic_time ();
  do
    if (!read_frame (wire, frame) || (frame->type == FRAME_ALIVE && !is_patient (wire, since)))
      return FALSE;
  while (frame->type == FRAME_ALIVE);
  if (frame->type == FRAME_ERROR)
    return wire_fail (wire, "the peer says: %.*s", (int)MIN (frame->length, MAX_MESSAGE),
                      (const char *)frame->data);
  return TRUE;
}

gboolean
wire_expect (Wire *wire, FrameType type, Frame *frame)
{
  if (!wire_read (wire, frame))
    return FALSE;
  return frame->type == type ||
         wire_fail (wire, "the peer breaks the protocol: frame %d, not %d", (int)frame->type, (int)type);
}

void
wire_complain (Wire *wire)
{
  const char *why = wire->call->host->exchange->reason (wire->call);
  wire_write (wire, FRAME_ERROR, why, MIN (strlen (why), MAX_MESSAGE));
}

/* What came before the peer closed is not more than buffers hold; one that goes on is not listened to. */
static void
hear_last_words (Wire *wire)
{
  g_auto (Frame) frame = {0};
  for (guint i = 0; i < MAX_LAST_FRAMES && wire_read (wire, &frame); i++)
    ;
}

void
wire_fail_end (Wire *wire)
{
  if (g_atomic_int_get (&wire->closed))
    hear_last_words (wire);
  /* One that has gone knows that it has; one that never came hears nothing of it. */
  if (!g_atomic_int_get (&wire->ended) || __atomic_load_n (&wire->received, __ATOMIC_RELAXED) > 0)
    wire_complain (wire);
}

static gpointer
tick (gpointer data)
{
  Wire *wire = data;
  g_mutex_lock (&wire->tick_lock);
  while (!wire->ends) {
    g_cond_wait_until (&wire->tick, &wire->tick_lock, g_get_monotonic_time () + ALIVE / 2);
    if (wire->ends || is_stopped (wire))
      continue;
    g_mutex_unlock (&wire->tick_lock);
    g_mutex_lock (&wire->lock);
    gboolean quiet = !wire->has_ended && g_get_monotonic_time () - wire->spoken >= ALIVE;
    g_mutex_unlock (&wire->lock);
    if (quiet)
      wire_write (wire, FRAME_ALIVE, NULL, 0);
    g_mutex_lock (&wire->tick_lock);
  }
  g_mutex_unlock (&wire->tick_lock);
  return NULL;
}

/* Descriptors may be shared with other processes (a shell, a relay), which do not expect them to become
 * non-blocking: sockets are asked not to wait each time, and pipes are opened once more. */
static int
own (int fd, int flags, gboolean *is_socket)
{
  struct stat st;
  *is_socket = fstat (fd, &st) == 0 && S_ISSOCK (st.st_mode);
  if (*is_socket || !S_ISFIFO (st.st_mode))
    return fd;
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  int again = open (path, flags | O_NONBLOCK | O_CLOEXEC);
  return again < 0 ? fd : again;
}

void
wire_begin (Wire *wire, Call *call, const struct vmforge_stream *stream, guint silence)
{
  *wire = (Wire){.call = call, .stream = stream, .silence = silence};
  wire->input = own (stream->input, O_RDONLY, &wire->input_is_socket);
  wire->output = own (stream->output, O_WRONLY, &wire->output_is_socket);
  g_mutex_init (&wire->lock);
  g_mutex_init (&wire->tick_lock);
  g_cond_init (&wire->tick);
  wire->heard = wire->spoken = g_get_monotonic_time ();
  wire->ticker = g_thread_new ("cbt-alive", tick, wire);
}

void
wire_stop (Wire *wire)
{
  g_atomic_int_set (&wire->stopped, 1);
}

void
wire_end (Wire *wire)
{
  g_mutex_lock (&wire->tick_lock);
  wire->ends = TRUE;
  g_cond_signal (&wire->tick);
  g_mutex_unlock (&wire->tick_lock);
  g_thread_join (wire->ticker);
  if (wire->input != wire->stream->input)
    close (wire->input);
  if (wire->output != wire->stream->output)
    close (wire->output);
  g_mutex_clear (&wire->lock);
  g_mutex_clear (&wire->tick_lock);
  g_cond_clear (&wire->tick);
}
