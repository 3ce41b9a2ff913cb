/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/rehearsal.h"

#include "support/error.h"
#include "support/fd.h"
#include "transfer/session.h"

#include <string.h>
#include <sys/socket.h>

#define MAX_HINTS 8

typedef struct {
  VmforgeStore *store; /* once more: a storage is used by one thread at a time */
  VfContents *contents;
  guint32 base;
  VfHost host;
  int fd;
  GError *error;
} Receiver;

static const struct vmforge_content *
contents (gpointer data, guint32 *count, GError **error)
{
  return vf_contents_list (((Receiver *)data)->contents, count);
}

static gboolean
read_page (gpointer data, guint32 content, guint level, guint64 page, void *room, GError **error)
{
  VfBlockIndex *index = vf_contents_index (((Receiver *)data)->contents, content, error);
  return index != NULL && vf_block_index_read_page (index, level, page, room, error);
}

static gboolean
read_blocks (gpointer data, guint32 content, guint64 block, guint32 count, void *room, GError **error)
{
  return vf_contents_read (((Receiver *)data)->contents, content, block, count, room, error);
}

/* 1, 0, or -1 */
static int
has_at (Receiver *receiver, guint32 content, guint64 block, const guint8 *hash, guint32 hash_bytes,
        GError **error)
{
  VfBlockHash found;
  VfBlockIndex *index = vf_contents_index (receiver->contents, content, error);
  if (index == NULL || !vf_block_index_lookup (index, block, &found, error))
    return -1;
  return memcmp (&found, hash, hash_bytes) == 0;
}

/* The store's table of blocks knows some place of a block, often one in the stage that the image was cloned
 * of: the image has it at the same place then. */
static int
find_block (gpointer data, const guint8 *hash, guint32 hash_bytes, struct vmforge_place *places, guint32 room,
            GError **error)
{
  Receiver *receiver = data;
  VfHint hints[MAX_HINTS];
  guint n = vf_hints_find (vf_contents_hints (receiver->contents), hash, hints, MAX_HINTS);
  for (guint i = 0; i < n && room > 0; i++) {
    int has = has_at (receiver, 0, hints[i].block, hash, hash_bytes, error);
    if (has == 1)
      places[0] = (struct vmforge_place){.block = hints[i].block};
    if (has != 0)
      return has;
  }
  return 0;
}

static gboolean
offer (gpointer data, const void *bytes, gsize length, enum vmforge_offer_answer *answer, GError **error)
{
  const Receiver *receiver = data;
  g_autoptr (VfOffer) offered = vf_offer_parse (bytes, length, error);
  if (offered == NULL)
    return FALSE;
  gboolean there = g_strcmp0 (offered->root, vf_contents_stage (receiver->contents, 0)->index) == 0;
  *answer = there ? VMFORGE_OFFER_THERE : VMFORGE_OFFER_WANTED;
  return TRUE;
}

static gboolean
target_begun (gpointer data, guint32 *base)
{
  *base = VMFORGE_NO_CONTENT;
  return FALSE;
}

static gboolean
target_open (gpointer data, guint32 base, GError **error)
{
  ((Receiver *)data)->base = base;
  return TRUE;
}

static int
target_has (gpointer data, guint64 block, const guint8 *hash, guint32 hash_bytes, GError **error)
{
  Receiver *receiver = data;
  return receiver->base == VMFORGE_NO_CONTENT
             ? 0
             : has_at (receiver, receiver->base, block, hash, hash_bytes, error);
}

static gboolean
target_write (gpointer data, guint64 block, guint32 count, const void *blocks, GError **error)
{
  return TRUE;
}

static gboolean
target_copy (gpointer data, guint64 block, guint64 count, guint32 content, guint64 from, GError **error)
{
  return TRUE;
}

static gboolean
target_zero (gpointer data, guint64 block, guint64 count, GError **error)
{
  return TRUE;
}

static gboolean
target_publish (gpointer data, GError **error)
{
  return TRUE;
}

static void
figures (gpointer data, const struct vmforge_transfer *transfer)
{
}

static const VfExchange exchange = {
    .contents = contents,
    .read_page = read_page,
    .read_blocks = read_blocks,
    .find_block = find_block,
    .offer = offer,
    .target_begun = target_begun,
    .target_open = target_open,
    .target_has = target_has,
    .target_write = target_write,
    .target_copy = target_copy,
    .target_zero = target_zero,
    .target_publish = target_publish,
    .figures = figures,
};

static void
receiver_free (Receiver *receiver)
{
  if (receiver == NULL)
    return;
  g_clear_pointer (&receiver->contents, vf_contents_free);
  g_clear_pointer (&receiver->store, vmforge_store_free);
  vf_fd_clear (&receiver->fd);
  g_clear_error (&receiver->error);
  g_free (receiver);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Receiver, receiver_free)

static Receiver *
receiver_new (const VmforgeStore *store, const VfImage *there, GError **error)
{
  g_autoptr (Receiver) receiver = g_new0 (Receiver, 1);
  receiver->fd = -1;
  receiver->base = VMFORGE_NO_CONTENT;
  receiver->store = vf_store_reopen (store, error);
  if (receiver->store == NULL)
    return NULL;
  receiver->store->host.cancellable = store->host.cancellable;
  receiver->host = receiver->store->host;
  receiver->host.exchange = &exchange;
  receiver->host.exchange_data = receiver;
  receiver->contents = vf_contents_new_one (receiver->store, there->key, error);
  if (receiver->contents == NULL)
    return NULL;
  guint32 count;
  vf_contents_list (receiver->contents, &count);
  if (count == 1)
    return g_steal_pointer (&receiver);
  vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "stage %.12s was removed meanwhile", there->key);
  return NULL;
}

/* A thread. It ends when the other end of the stream is closed, at the latest. */
static gpointer
receive (gpointer data)
{
  Receiver *receiver = data;
  gboolean told;
  g_autoptr (VfTransport) transport =
      vf_transport_open (receiver->store->config->transport, 0, &receiver->host, &receiver->error);
  if (transport != NULL)
    vf_transport_receive (transport, receiver->fd, receiver->fd, &told, &receiver->error);
  shutdown (receiver->fd, SHUT_RDWR);
  return NULL;
}

gboolean
vf_rehearse (VmforgeStore *store, const VfImage *image, const VmforgeStore *store_there, const VfImage *there,
             struct vmforge_transfer *figures, GError **error)
{
  int ends[2];
  g_autoptr (VfSession) session = vf_session_new (store, NULL, NULL, error);
  g_autoptr (Receiver) receiver = session == NULL ? NULL : receiver_new (store_there, there, error);
  if (receiver == NULL)
    return FALSE;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return vf_error_set_errno (error, "cannot make a pair of sockets");
  vf_autofd int fd = ends[0];
  receiver->fd = ends[1];
  GThread *thread = g_thread_new ("rehearsal", receive, receiver);
  gboolean sent = vf_session_send (session, image, fd, fd, error);
  shutdown (fd, SHUT_RDWR);
  g_thread_join (thread);
  *figures = session->figures;
  if (receiver->error != NULL) /* which the sender was told */
    g_debug ("rehearsal: %s", receiver->error->message);
  if (!sent && error != NULL && !g_error_matches (*error, VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED))
    g_prefix_error (error, "the transfer cannot be rehearsed: ");
  return sent;
}
