/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/share.h"

#include "repository/repository.h"
#include "support/digest.h"
#include "support/error.h"
#include "transfer/session.h"

/* Opened when the first pack is made, if any is. */
typedef struct {
  VfSession *session;
  VfTransport *transport;
} Packer;

static gboolean
find_content (const VfSession *session, const char *root, guint32 *content, GError **error)
{
  guint8 bytes[VMFORGE_HASH_BYTES];
  *content = VMFORGE_NO_CONTENT;
  if (root == NULL)
    return TRUE;
  if (vf_digest_from_hex (root, bytes, sizeof bytes))
    *content = vf_contents_find_root (session->contents, bytes);
  return *content != VMFORGE_NO_CONTENT ||
         vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "content %.12s was removed meanwhile", root);
}

static gboolean
open_packer (Packer *packer, VmforgeStore *store, GError **error)
{
  if (packer->session == NULL)
    packer->session = vf_session_new (store, NULL, NULL, error);
  if (packer->session != NULL && packer->transport == NULL)
    packer->transport = vf_session_open_transport (packer->session, error);
  if (packer->transport == NULL)
    return FALSE;
  return vf_transport_can_pack (packer->transport) ||
         vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                       "transport '%s' makes no packs: configure 'repository: {packs: false}'",
                       store->config->transport);
}

static gboolean
pack (VmforgeStore *store, const char *root, const char *base, int output, gpointer user_data, GError **error)
{
  Packer *packer = user_data;
  guint32 content, before;
  return open_packer (packer, store, error) && find_content (packer->session, root, &content, error) &&
         find_content (packer->session, base, &before, error) &&
         vf_transport_pack (packer->transport, content, before, output, error);
}

gboolean
vf_share_update (VmforgeStore *store, gboolean renew, GError **error)
{
  Packer packer = {0};
  gboolean done =
      vf_repository_update (store, store->config->repository_packs ? pack : NULL, &packer, renew, error);
  g_clear_pointer (&packer.transport, vf_transport_close);
  g_clear_pointer (&packer.session, vf_session_free);
  if (!done)
    g_prefix_error (error, "the repository is not up to date: ");
  return done;
}
