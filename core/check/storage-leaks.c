/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "check/ledger.h"
#include "check/suites.h"
#include "check/volume.h"
#include "support/digest.h"

#define SIZE    (4 * VF_CHECK_MIB)
#define WARM_UP 3 /* what a library allocates once is no leak */
#define CYCLES  16
/* Nothing is allocated between two callbacks: the first would be charged with it. */
#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static gboolean
read_ranges (VfStorage *storage, const char *a, const char *b, GError **error)
{
  g_autoptr (GArray) extents = vf_storage_extents (storage, b, 2 * SIZE, error);
  if (!extents)
    return FALSE;
  g_clear_pointer (&extents, g_array_unref);
  extents = vf_storage_differences (storage, a, b, 2 * SIZE, error);
  return extents != NULL;
}

static gboolean
map_and_unmap (VfStorage *storage, const char *id, GError **error)
{
  char *path = NULL, room[VMFORGE_PATH_MAX];
  if (!vf_storage_map (storage, id, FALSE, &path, error))
    return FALSE;
  g_strlcpy (room, path, sizeof room);
  g_free (path);
  return vf_storage_sync (storage, id, room, error) &&
         vf_storage_discard (storage, id, room, 0, VF_CHECK_BLOCK, error) &&
         vf_storage_unmap (storage, id, error);
}

static gboolean
list_once (VfStorage *storage, GError **error)
{
  g_autoptr (GPtrArray) listed = vf_storage_list (storage, error);
  return listed != NULL;
}

static gboolean
ask_place (VfStorage *storage, GError **error)
{
  g_autofree char *place = NULL;
  return vf_storage_ask_place (storage, &place, error);
}

/* Every callback, each followed by another; errors too. Nothing of ours outlives a callback. */
static gboolean
cycle (VfCheck *check, const char *a, const char *b, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  guint64 total, available, granularity;
  gboolean snapshots;
  GError *left = NULL;
  gboolean done = storage && ask_place (storage, error) && vf_storage_label (storage, a, KEY, error) &&
                  vf_storage_create (storage, a, SIZE, error) && map_and_unmap (storage, a, error) &&
                  vf_storage_seal (storage, a, error) && vf_storage_clone (storage, b, a, error) &&
                  vf_storage_grow (storage, b, 2 * SIZE, error) && vf_storage_seal (storage, b, error) &&
                  read_ranges (storage, a, b, error) && list_once (storage, error) &&
                  vf_storage_capacity (storage, &total, &available, error) &&
                  vf_storage_can_snapshot (storage, &snapshots, error) &&
                  vf_storage_granularity (storage, &granularity, error);
  if (done && vf_storage_create (storage, b, SIZE, &left))
    return vf_check_fail (check, error, "create", "to create a volume that exists is not refused");
  g_clear_error (&left);
  return done && vf_storage_remove (storage, b, error) && vf_storage_remove (storage, a, error) &&
         vf_storage_deactivate (storage, error);
}

gboolean
vf_check_storage_leaks (VfCheck *check, GError **error)
{
  g_autofree char *a = vf_digest_random_id (), *b = vf_digest_random_id ();
  for (guint i = 0; i < WARM_UP; i++)
    if (!cycle (check, a, b, error))
      return FALSE;
  VfCheckLedger *ledger = vf_check_ledger_open (check);
  gboolean done = TRUE;
  for (guint i = 0; done && i < CYCLES; i++) {
    done = cycle (check, a, b, error);
    vf_check_ledger_turn (ledger);
  }
  return vf_check_ledger_close (ledger, done ? error : NULL) && done;
}
