/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The suite of the storage plugins. */
#include "check/suites.h"
#include "check/volume.h"

gboolean
vf_check_storage_clear (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (GPtrArray) listed = storage ? vf_storage_list (storage, error) : NULL;
  for (guint i = 0; listed && i < listed->len; i++)
    if (!vf_storage_remove (storage, ((VfVolume *)g_ptr_array_index (listed, i))->id, error))
      return FALSE;
  return listed && vf_storage_deactivate (storage, error);
}

const VfCheckCase *
vf_check_storage_cases (void)
{
  static const VfCheckCase cases[] = {
      {"open", "a store is opened and closed, and is empty at first", 0, vf_check_storage_open},
      {"create", "a new volume is listed and reads as zeros", 0, vf_check_storage_create},
      {"write", "what is written stays", 0, vf_check_storage_write},
      {"grow", "a volume grows by zeros, and never shrinks", 0, vf_check_storage_grow},
      {"seal", "a sealed volume refuses changes", 0, vf_check_storage_seal},
      {"clone", "a clone holds what its parent holds", 0, vf_check_storage_clone},
      {"isolation", "a write to a clone reaches neither parent nor sibling", 0, vf_check_storage_isolation},
      {"chain", "clones of clones hold what they must", 0, vf_check_storage_chain},
      {"orphan", "a clone outlives its parent", 0, vf_check_storage_orphan},
      {"extents", "what is called a hole reads as zeros", 0, vf_check_storage_extents},
      {"differences", "what is called the same is the same", 0, vf_check_storage_differences},
      {"discard", "a discarded range reads as zeros, its neighbours as before", 0, vf_check_storage_discard},
      {"capacity", "its capacity is possible", 0, vf_check_storage_capacity},
      {"reopen", "another process finds everything", 0, vf_check_storage_reopen},
      {"remove", "a removed volume is gone, and one that never was is no error", 0, vf_check_storage_remove},
      {"deactivate", "volumes outlive deactivation", 0, vf_check_storage_deactivate},
      {"parameters", "senseless parameters are refused with a reason", 0, vf_check_storage_parameters},
      {"unknown", "unknown volumes are refused with a reason", 0, vf_check_storage_unknown},
      {"twice", "an id is used once", 0, vf_check_storage_twice},
      {"cancelled", "work that is cancelled leaves nothing half made", 0, vf_check_storage_cancelled},
      {"together", "four processes share a store", 0, vf_check_storage_together},
      {"killed", "after a kill all that is listed is whole or can be removed", 0, vf_check_storage_killed},
      {"full", "a full disk is an error that says so, and harms no sealed volume", 0, vf_check_storage_full},
      {"leaks", "callbacks leave no memory and no descriptors behind", 0, vf_check_storage_leaks},
      {NULL, NULL, 0, NULL},
  };
  return cases;
}
