/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* objects/DIGEST.signatures: what was signed is the text of objects/DIGEST.json, byte by byte. */
#include "sign/sign.h"
#include "store/records.h"
#include "support/checked.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>

static char *
signatures_path (const char *digest)
{
  return g_strdup_printf ("objects/%s.signatures", digest);
}

char **
vf_store_read_signatures (VmforgeStore *store, const char *digest, GError **error)
{
  g_autofree char *path = signatures_path (digest);
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfJson) record = vf_records_read (store, path, &failure);
  if (failure == NULL)
    return record == NULL ? g_new0 (char *, 1) : vf_json_strv (record, "signatures");
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

static gboolean
is_of_one_key (const char *a, const char *b)
{
  guint8 x[VF_SIGN_ID_BYTES], y[VF_SIGN_ID_BYTES];
  return vf_sign_claimed_id (a, strlen (a), x, NULL) && vf_sign_claimed_id (b, strlen (b), y, NULL) &&
         memcmp (x, y, sizeof x) == 0;
}

/* One of each key: the file of a signature has the name of its key. FALSE: it is there. */
static gboolean
put (GPtrArray *all, const char *signature)
{
  for (guint i = 0; i < all->len; i++) {
    if (strcmp (all->pdata[i], signature) == 0)
      return FALSE;
    if (!is_of_one_key (all->pdata[i], signature))
      continue;
    all->pdata[i] = (gpointer)signature;
    return TRUE;
  }
  g_ptr_array_add (all, (gpointer)signature);
  return TRUE;
}

gboolean
vf_signatures_add (VmforgeStore *store, const char *digest, const char *const *signatures, GError **error)
{
  g_auto (GStrv) there = vf_store_read_signatures (store, digest, error);
  if (there == NULL)
    return FALSE;
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  for (char **text = there; *text != NULL; text++)
    g_ptr_array_add (all, *text);
  gboolean changed = FALSE;
  for (; signatures != NULL && *signatures != NULL; signatures++)
    changed |= put (all, *signatures);
  if (!changed)
    return TRUE;
  if (all->len > VF_SIGNATURES_MAX)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "image %.12s has signatures of %d keys already, and no more are kept: publish it "
                         "under another version",
                         digest, VF_SIGNATURES_MAX);
  g_ptr_array_add (all, NULL);
  g_autoptr (VfJson) record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set (record, "signatures", vf_json_from_strv ((const char *const *)all->pdata));
  g_autofree char *path = signatures_path (digest);
  return vf_checked_write (store->fd, path, record, error);
}

gboolean
vf_store_add_signatures (VmforgeStore *store, const char *digest, const char *const *signatures,
                         GError **error)
{
  g_autofree char *path = g_strdup_printf ("objects/%s.json", digest);
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL)
    return FALSE;
  if (!vf_fs_exists (store->fd, path))
    return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "image %.12s was removed meanwhile", digest);
  return vf_signatures_add (store, digest, signatures, error);
}
