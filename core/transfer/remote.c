/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Against the attacks that https://theupdateframework.io/docs/security/ names: rollback, by the number;
 * freeze, by the expiry; mix-and-match, as index.json names each manifest by its digest, and that its content
 * by its root. */
#include "transfer/remote.h"

#include "repository/keyring.h"
#include "store/records.h"
#include "support/checked.h"
#include "support/error.h"
#include "support/fs.h"

#define REMOTES "remotes.json"

static gboolean
check_signature (VmforgeStore *store, const char *text, gsize length, const char *signature, GError **error)
{
  /* Whoever takes images that nobody signed asks for no order among them either. */
  if (store->config->policy_roles[0] == NULL)
    return TRUE;
  const char *const signatures[] = {signature, NULL};
  g_autoptr (VfKeyring) keyring = vf_keyring_load (store, error);
  g_autoptr (GPtrArray) signers =
      keyring == NULL ? NULL
                      : vf_keyring_judge (keyring, text, length, signatures, VF_ROLE_SERVICE,
                                          (const char *const *)store->config->policy_keys, error);
  if (signers == NULL)
    g_prefix_error (error, "the repository is not believed: ");
  return signers != NULL;
}

static VfJson *
read_remotes (VmforgeStore *store, GError **error)
{
  if (!vf_fs_exists (store->fd, REMOTES)) {
    VfJson *json = json_object_new_object ();
    vf_json_set_int (json, "format", 1);
    vf_json_set (json, "remotes", json_object_new_object ());
    return json;
  }
  VfJson *json = vf_checked_read (store->fd, REMOTES, error);
  if (json != NULL && vf_json_object (json, "remotes") != NULL)
    return json;
  g_clear_pointer (&json, vf_json_unref);
  if (error != NULL && *error == NULL)
    vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s/" REMOTES "' is damaged", store->path);
  g_prefix_error (error, "what was pulled last cannot be told (remove the file to begin anew): ");
  return NULL;
}

/* Nobody answers for a number that nobody signed: remembering it, a server could have those that are signed
 * refused later. */
static gboolean
check_number (VmforgeStore *store, const VfListing *listing, GError **error)
{
  if (store->config->policy_roles[0] == NULL)
    return TRUE;
  /* Of two that pull at once neither forgets what the other has seen. */
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  g_autoptr (VfJson) json = gate == NULL ? NULL : read_remotes (store, error);
  VfJson *remotes = json == NULL ? NULL : vf_json_object (json, "remotes");
  if (remotes == NULL)
    return FALSE;
  VfJson *known = vf_json_object (remotes, listing->store);
  gint64 number = known == NULL ? 0 : vf_json_int (known, "number", 0);
  if (listing->number < number)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "the repository is older than it was before (number %" G_GINT64_FORMAT
                         ", and %" G_GINT64_FORMAT " was seen): somebody may hold back what is new",
                         listing->number, number);
  if (listing->number == number)
    return TRUE;
  VfJson *seen = json_object_new_object ();
  vf_json_set_int (seen, "number", listing->number);
  vf_json_set (remotes, listing->store, seen);
  return vf_checked_write (store->fd, REMOTES, json, error);
}

static gboolean
check_expiry (const VfListing *listing, GError **error)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  if (listing->expires > now)
    return TRUE;
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (listing->expires);
  g_autofree char *text =
      time == NULL ? g_strdup ("long ago") : g_date_time_format (time, "%Y-%m-%d %H:%M UTC");
  return vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "the repository expired at %s: where it is made, `vmforge repo refresh` renews it",
                       text);
}

VfListing *
vf_remote_judge (VmforgeStore *store, const char *text, gsize length, const char *signature, GError **error)
{
  if (!check_signature (store, text, length, signature, error))
    return NULL;
  g_autoptr (VfListing) listing = vf_listing_parse (text, length, error);
  if (listing == NULL || !check_expiry (listing, error) || !check_number (store, listing, error))
    return NULL;
  return g_steal_pointer (&listing);
}
