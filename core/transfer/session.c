/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/session.h"

#include "repository/keyring.h"
#include "support/digest.h"
#include "support/error.h"
#include "transfer/find.h"

#include <string.h>

static const struct vmforge_content *
contents (gpointer data, guint32 *count, GError **error)
{
  const VfSession *session = data;
  return vf_contents_list (session->contents, count);
}

static gboolean
read_page (gpointer data, guint32 content, guint level, guint64 page, void *room, GError **error)
{
  VfSession *session = data;
  VfBlockIndex *index = vf_contents_index (session->contents, content, error);
  return index != NULL && vf_block_index_read_page (index, level, page, room, error);
}

static gboolean
read_blocks (gpointer data, guint32 content, guint64 block, guint32 count, void *room, GError **error)
{
  VfSession *session = data;
  return vf_contents_read (session->contents, content, block, count, room, error);
}

static int
find_block (gpointer data, const guint8 *hash, guint32 hash_bytes, struct vmforge_place *places, guint32 room,
            GError **error)
{
  VfSession *session = data;
  return vf_find_block (session->contents, hash, hash_bytes, places, room);
}

/* Nobody else makes the same meanwhile, by receiving it or by any other way. */
static gboolean
lock_content (VfSession *session, GError **error)
{
  g_autofree char *key = vf_import_key (session->offer->root);
  session->lock =
      vf_store_lock_key (session->store, key, NULL, NULL, session->store->host.cancellable, error);
  return session->lock != NULL;
}

/* Beside the signatures that the policy wants there may be anything: what is kept goes into the repository.
 */
static gboolean
publish (VfSession *session, GError **error)
{
  const VfOffer *offer = session->offer;
  g_auto (GStrv) there = vf_store_read_signatures (session->store, offer->digest, error);
  g_autoptr (VfKeyring) keyring = there == NULL ? NULL : vf_keyring_load (session->store, error);
  if (keyring == NULL)
    return FALSE;
  g_auto (GStrv) kept = vf_keyring_sift (keyring, offer->text, strlen (offer->text),
                                         (const char *const *)there, (const char *const *)offer->signatures);
  return vf_store_publish_signed (session->store, offer->manifest, (const char *const *)kept,
                                  &session->digest, error);
}

/* Before anything is received: whoever is not trusted costs nothing. */
static gboolean
check_signatures (VfSession *session, GError **error)
{
  const VfOffer *offer = session->offer;
  g_autoptr (VfKeyring) keyring = vf_keyring_load (session->store, error);
  g_autoptr (GPtrArray) signers =
      keyring == NULL
          ? NULL
          : vf_keyring_check_policy (keyring, session->store->config, offer->text, strlen (offer->text),
                                     (const char *const *)offer->signatures, error);
  if (signers == NULL)
    g_prefix_error (error, "image %s is not taken: ", offer->name);
  return signers != NULL;
}

/* Rollback: somebody who has an old image, signed by whom we trust, shall not make it the current one again.
 */
static gboolean
check_order (const VfSession *session, GError **error)
{
  const VfOffer *offer = session->offer;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfImage) current = vf_store_find_image (session->store, offer->name, &failure);
  gint64 created = vf_json_int (offer->manifest, "created", 0);
  if (failure != NULL && !g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (current == NULL || current->created <= created || strcmp (current->digest, offer->digest) == 0)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "image %s is not taken: it is older than the one of that name which is there "
                       "(`vmforge images rm %s` at the receiver removes that)",
                       offer->name, offer->name);
}

static gboolean
take_offer (VfSession *session, enum vmforge_offer_answer *answer, GError **error)
{
  if (!lock_content (session, error))
    return FALSE;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) there = vf_image_stage (session->store, session->offer->manifest, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (there != NULL) {
    *answer = VMFORGE_OFFER_THERE;
    return publish (session, error);
  }
  *answer = VMFORGE_OFFER_WANTED;
  session->target = vf_target_new (session->store, session->contents, session->offer->root,
                                   session->offer->bytes, session->offer->name, error);
  return session->target != NULL;
}

/* in_order: what is older than what is there is refused. */
static gboolean
judge_offer (VfSession *session, const void *bytes, gsize length, gboolean in_order,
             enum vmforge_offer_answer *answer, GError **error)
{
  if (session->offer != NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the peer offers two images at once");
  session->offer = vf_offer_parse (bytes, length, error);
  return session->offer != NULL && check_signatures (session, error) &&
         (!in_order || check_order (session, error)) && take_offer (session, answer, error);
}

gboolean
vf_session_offer (VfSession *session, const void *bytes, gsize length, enum vmforge_offer_answer *answer,
                  GError **error)
{
  return judge_offer (session, bytes, length, FALSE, answer, error);
}

static gboolean
offer (gpointer data, const void *bytes, gsize length, enum vmforge_offer_answer *answer, GError **error)
{
  return judge_offer (data, bytes, length, TRUE, answer, error);
}

static gboolean
target_begun (gpointer data, guint32 *base)
{
  const VfSession *session = data;
  *base = VMFORGE_NO_CONTENT;
  return session->target != NULL && vf_target_begun (session->target, base);
}

static gboolean
need_target (const VfSession *session, GError **error)
{
  return session->target != NULL ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "blocks came before an image that is wanted");
}

static gboolean
target_open (gpointer data, guint32 base, GError **error)
{
  VfSession *session = data;
  return need_target (session, error) && vf_target_open (session->target, base, error);
}

static int
target_has (gpointer data, guint64 block, const guint8 *hash, guint32 hash_bytes, GError **error)
{
  VfSession *session = data;
  return need_target (session, error) ? vf_target_has (session->target, block, hash, hash_bytes, error) : -1;
}

static gboolean
target_write (gpointer data, guint64 block, guint32 count, const void *blocks, GError **error)
{
  VfSession *session = data;
  return need_target (session, error) && vf_target_write (session->target, block, count, blocks, error);
}

static gboolean
target_copy (gpointer data, guint64 block, guint64 count, guint32 content, guint64 from, GError **error)
{
  VfSession *session = data;
  return need_target (session, error) && vf_target_copy (session->target, block, count, content, from, error);
}

static gboolean
target_zero (gpointer data, guint64 block, guint64 count, GError **error)
{
  VfSession *session = data;
  return need_target (session, error) && vf_target_zero (session->target, block, count, error);
}

static gboolean
target_publish (gpointer data, GError **error)
{
  VfSession *session = data;
  return need_target (session, error) && vf_target_finish (session->target, error) &&
         publish (session, error);
}

static gboolean
take_file (gpointer data, const void *bytes, gsize length, GError **error)
{
  VfSession *session = data;
  g_clear_pointer (&session->file, g_bytes_unref);
  session->file = g_bytes_new (bytes, length);
  return TRUE;
}

static void
tell_figures (gpointer data, const struct vmforge_transfer *figures)
{
  VfSession *session = data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&session->lock_figures);
  session->figures = *figures;
  if (session->func != NULL)
    session->func (figures, session->user_data);
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
    .file = take_file,
    .figures = tell_figures,
};

VfSession *
vf_session_new (VmforgeStore *store, VfFiguresFunc func, gpointer user_data, GError **error)
{
  g_autoptr (VfSession) session = g_new0 (VfSession, 1);
  g_mutex_init (&session->lock_figures);
  session->store = store;
  session->func = func;
  session->user_data = user_data;
  session->host = store->host;
  session->host.exchange = &exchange;
  session->host.exchange_data = session;
  /* What is not in the table yet would travel for nothing. */
  g_autoptr (GError) failure = NULL;
  if (!vf_store_learn_blocks (store, NULL, NULL, &failure))
    g_debug ("%s", failure->message);
  session->contents = vf_contents_new (store, error);
  return session->contents == NULL ? NULL : g_steal_pointer (&session);
}

void
vf_session_reset (VfSession *session)
{
  g_clear_pointer (&session->target, vf_target_free);
  g_clear_pointer (&session->offer, vf_offer_free);
  g_clear_pointer (&session->lock, vf_lock_release);
}

void
vf_session_free (VfSession *session)
{
  if (session == NULL)
    return;
  vf_session_reset (session);
  g_clear_pointer (&session->contents, vf_contents_free);
  g_clear_pointer (&session->file, g_bytes_unref);
  g_mutex_clear (&session->lock_figures);
  g_free (session->digest);
  g_free (session);
}

VfTransport *
vf_session_open_transport (VfSession *session, GError **error)
{
  return vf_transport_open (session->store->config->transport, 0, &session->host, error);
}

gboolean
vf_session_send (VfSession *session, const VfImage *image, int input, int output, GError **error)
{
  guint8 root[VMFORGE_HASH_BYTES];
  const char *text = vf_json_string (image->manifest, "root", "");
  guint32 content = vf_digest_from_hex (text, root, sizeof root)
                        ? vf_contents_find_root (session->contents, root)
                        : VMFORGE_NO_CONTENT;
  if (content == VMFORGE_NO_CONTENT)
    return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                         "image %s:%s@%s has no block index here: build it again", image->name,
                         image->version, image->arch);
  g_autoptr (GBytes) shown = vf_offer_make (session->store, image, error);
  g_autoptr (VfTransport) transport = shown == NULL ? NULL : vf_session_open_transport (session, error);
  return transport != NULL && vf_transport_send (transport, input, output, content, shown, error);
}

gboolean
vf_session_receive (VfSession *session, int input, int output, gboolean *told, GError **error)
{
  g_autoptr (VfTransport) transport = vf_session_open_transport (session, error);
  *told = FALSE;
  return transport != NULL && vf_transport_receive (transport, input, output, told, error);
}
