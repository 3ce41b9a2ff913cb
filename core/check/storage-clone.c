/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Clones hold what their parent holds, and neither sees what is written to the other. */
#include "check/suites.h"
#include "check/volume.h"

#define SIZE  (16 * VF_CHECK_MIB)
#define CHAIN 6

gboolean
vf_check_storage_clone (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) parent = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  g_autoptr (VfCheckVolume) clone = parent ? vf_check_volume_clone (parent, error) : NULL;
  VfCheckVolume *const volumes[] = {parent, clone, NULL};
  gboolean snapshots;
  if (!clone || !vf_check_volumes_listed (check, storage, volumes, "clone", error) ||
      !vf_check_volume_verify (clone, "clone", error) ||
      !vf_storage_can_snapshot (storage, &snapshots, error))
    return FALSE;
  GError *left = NULL;
  g_autoptr (VfCheckVolume) wrong = vf_check_volume_clone (clone, &left);
  return vf_check_refused (check, wrong != NULL, left, "clone", "to clone a volume that is not sealed",
                           error) &&
         vf_check_volumes_listed (check, storage, volumes, "clone", error) &&
         vf_check_note (check, "clones are %s here", snapshots ? "instantaneous" : "copies");
}

gboolean
vf_check_storage_isolation (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) parent = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  g_autoptr (VfCheckVolume) one = parent ? vf_check_volume_clone (parent, error) : NULL;
  g_autoptr (VfCheckVolume) two = one ? vf_check_volume_clone (parent, error) : NULL;
  for (guint round = 0; round < 3; round++)
    if (!two || !vf_check_volume_change (one, 12, error) || !vf_check_volume_change (two, 12, error) ||
        !vf_check_volume_verify (parent, "clone", error) || !vf_check_volume_verify (one, "clone", error) ||
        !vf_check_volume_verify (two, "clone", error))
      return FALSE;
  return TRUE;
}

static gboolean
verify_all (GPtrArray *volumes, GError **error)
{
  for (guint i = 0; i < volumes->len; i++)
    if (!vf_check_volume_verify (g_ptr_array_index (volumes, i), "clone", error))
      return FALSE;
  return TRUE;
}

/* The next stage: a clone that grows a little, is written to and sealed. */
static VfCheckVolume *
next_of (const VfCheckVolume *parent, GError **error)
{
  g_autoptr (VfCheckVolume) next = vf_check_volume_clone (parent, error);
  if (!next || !vf_check_volume_grow (next, vf_check_volume_bytes (next) + VF_CHECK_MIB, error) ||
      !vf_check_volume_change (next, 8, error) || !vf_check_volume_seal (next, error))
    return NULL;
  return g_steal_pointer (&next);
}

gboolean
vf_check_storage_chain (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_check_volume_free);
  VfCheckVolume *last = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  for (; last && chain->len < CHAIN; last = next_of (last, error))
    g_ptr_array_add (chain, last);
  if (!last)
    return FALSE;
  g_ptr_array_add (chain, last);
  return verify_all (chain, error);
}

gboolean
vf_check_storage_orphan (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) parent = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  g_autoptr (VfCheckVolume) clone = parent ? vf_check_volume_clone (parent, error) : NULL;
  VfCheckVolume *const rest[] = {clone, NULL};
  return clone && vf_check_volume_change (clone, 4, error) && vf_check_volume_remove (parent, error) &&
         vf_check_volumes_listed (check, storage, rest, "remove", error) &&
         vf_check_volume_verify (clone, "remove", error) && vf_check_volume_seal (clone, error) &&
         vf_check_volume_verify (clone, "remove", error);
}
