/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "repository/verify.h"

#include "blocks/verify.h"
#include "repository/keyring.h"
#include "store/stage-index.h"
#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <string.h>

#define TOLD 8 /* faults of one kind that are told one by one */

typedef struct {
  VmforgeStore *store;
  const VfImage *image;
  const VfVerifyWatcher *watcher;
  guint faults; /* of all steps */
  guint told;   /* of this one */
} Verify;

static void G_GNUC_PRINTF (3, 4) tell (Verify *verify, gboolean good, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  verify->faults += !good;
  verify->watcher->step (good, text, verify->watcher->user_data);
}

static void
tell_signer (Verify *verify, const VfTrustedKey *key)
{
  tell (verify, TRUE, "signed by key %s (%s%s%s)", key->id, vf_role_name (key->role),
        key->name == NULL ? "" : ", ", key->name == NULL ? "" : key->name);
}

/* Those that the policy does not ask for: an author's signature is good to know of all the same. */
static void
tell_others (Verify *verify, VfKeyring *keyring, const char *text, const char *const *signatures,
             GPtrArray *told)
{
  for (VfRole role = VF_ROLE_SERVICE; role <= VF_ROLE_AUTHOR; role++) {
    g_autoptr (GPtrArray) signers =
        vf_keyring_judge (keyring, text, strlen (text), signatures, role, NULL, NULL);
    for (guint i = 0; signers != NULL && i < signers->len; i++)
      if (told == NULL || !g_ptr_array_find (told, signers->pdata[i], NULL))
        tell_signer (verify, signers->pdata[i]);
  }
}

static void
check_signatures (Verify *verify)
{
  g_autoptr (GError) failure = NULL;
  g_autofree char *text = vf_json_canonical (verify->image->manifest);
  g_auto (GStrv) signatures = vf_store_read_signatures (verify->store, verify->image->digest, &failure);
  g_autoptr (VfKeyring) keyring = signatures == NULL ? NULL : vf_keyring_load (verify->store, &failure);
  g_autoptr (GPtrArray) signers =
      keyring == NULL ? NULL
                      : vf_keyring_check_policy (keyring, verify->store->config, text, strlen (text),
                                                 (const char *const *)signatures, &failure);
  if (signers == NULL)
    tell (verify, FALSE, "signatures: %s", failure->message);
  else if (signers->len == 0)
    tell (verify, TRUE, "signatures: none is required");
  for (guint i = 0; signers != NULL && i < signers->len; i++)
    tell_signer (verify, signers->pdata[i]);
  if (keyring != NULL)
    tell_others (verify, keyring, text, (const char *const *)signatures, signers);
}

static void
on_fault (const VfBlockFault *fault, gpointer user_data)
{
  Verify *verify = user_data;
  g_autofree char *text = vf_block_fault_text (fault);
  if (++verify->told <= TOLD)
    tell (verify, FALSE, "%s", text);
}

static void
on_progress (double fraction, gpointer user_data)
{
  Verify *verify = user_data;
  if (verify->watcher->progress != NULL)
    verify->watcher->progress (fraction, verify->watcher->user_data);
}

static void
end_step (Verify *verify, const char *good)
{
  if (verify->told > TOLD)
    tell (verify, FALSE, "%u more faults like these", verify->told - TOLD);
  if (verify->told == 0)
    tell (verify, TRUE, "%s", good);
  verify->told = 0;
}

static gboolean
check_blocks (Verify *verify, const VfBlockIndex *index, const char *path, GError **error)
{
  const VfBlockWatcher watcher = {.fault = on_fault, .progress = on_progress, .user_data = verify};
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return vf_error_set_errno (error, "cannot open '%s'", path);
  g_autoptr (GArray) extents =
      vf_storage_extents (verify->store->storage, verify->image->volume, verify->image->bytes, error);
  const VfBlockVolume volume = {.fd = fd, .bytes = verify->image->bytes};
  if (extents == NULL || !vf_block_index_verify_volume (index, &volume, extents, 0, &watcher,
                                                        verify->store->host.cancellable, error))
    return FALSE;
  end_step (verify, "every block has the hash that the index says");
  return TRUE;
}

static gboolean
check_volume (Verify *verify, const VfBlockIndex *index, GError **error)
{
  VfStorage *storage = verify->store->storage;
  g_autofree char *path = NULL;
  if (!vf_storage_map (storage, verify->image->volume, TRUE, &path, error))
    return FALSE;
  gboolean done = check_blocks (verify, index, path, error);
  return vf_storage_unmap (storage, verify->image->volume, done ? error : NULL) && done;
}

static gboolean
check_index (Verify *verify, const VfStage *stage, gboolean quick, GError **error)
{
  g_autoptr (GError) failure = NULL;
  const char *root = vf_json_string (verify->image->manifest, "root", "");
  if (stage->index == NULL || strcmp (stage->index, root) != 0) {
    tell (verify, FALSE, "the index of its volume has the root %.12s, and the manifest says %.12s",
          stage->index == NULL ? "none" : stage->index, root);
    return TRUE;
  }
  g_autoptr (VfBlockIndex) index = vf_stage_index_open (verify->store, stage, &failure);
  if (index == NULL) {
    tell (verify, FALSE, "%s", failure->message);
    return TRUE;
  }
  const VfBlockWatcher watcher = {.fault = on_fault, .user_data = verify};
  if (!vf_block_index_verify (index, &watcher, verify->store->host.cancellable, error))
    return FALSE;
  end_step (verify, "the block index has the root that the manifest says");
  return quick || check_volume (verify, index, error);
}

gboolean
vf_image_verify (VmforgeStore *store, const VfImage *image, gboolean quick, const VfVerifyWatcher *watcher,
                 GError **error)
{
  Verify verify = {.store = store, .image = image, .watcher = watcher};
  if (image->manifest == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "%.12s is a stage, and no image that anybody signed: `vmforge fsck` checks stages",
                         image->key);
  if (!vf_image_check_volume (store, image, error))
    return FALSE;
  g_autoptr (VfStage) stage = vf_store_find_stage (store, image->key, error);
  if (stage == NULL)
    return FALSE;
  check_signatures (&verify);
  const guint unsigned_faults = verify.faults;
  if (!check_index (&verify, stage, quick, error))
    return FALSE;
  return verify.faults == 0 ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "image %s:%s@%s is not good: %u fault%s%s", image->name,
                       image->version, image->arch, verify.faults, verify.faults == 1 ? "" : "s",
                       verify.faults > unsigned_faults
                           ? ": `vmforge fsck --repair` takes it away, then build or pull it again"
                           : "");
}
