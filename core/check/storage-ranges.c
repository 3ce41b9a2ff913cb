/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which parts of a volume hold data, and which differ from another: never less than what is true. */
#include "check/suites.h"
#include "check/volume.h"
#include "support/error.h"

#include <string.h>

#define SIZE   (16 * VF_CHECK_MIB)
#define ROUNDS 8

static guint32
number_at (const VfCheckVolume *volume, guint block)
{
  return block < volume->model->len ? g_array_index (volume->model, guint32, block) : 0;
}

gboolean
vf_check_storage_extents (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) volume = storage ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  guint64 holes = 0;
  for (guint round = 0; round < ROUNDS; round++) {
    if (!volume || !vf_check_volume_change (volume, 3, error))
      return FALSE;
    g_autoptr (GArray) extents = vf_storage_extents (storage, volume->id, SIZE, error);
    if (!extents)
      return FALSE;
    holes = 0;
    for (guint i = 0; i < extents->len; i++) {
      const VfExtent *extent = &g_array_index (extents, VfExtent, i);
      if (extent->state != VMFORGE_EXTENT_HOLE)
        continue;
      holes += extent->length;
      for (guint64 at = extent->offset; at < extent->offset + extent->length; at += VF_CHECK_BLOCK)
        if (number_at (volume, (guint)(at / VF_CHECK_BLOCK)))
          return vf_check_fail (check, error, "extents",
                                "the block at %" G_GUINT64_FORMAT " holds data and is called a hole", at);
    }
  }
  return vf_check_note (check, "%" G_GUINT64_FORMAT " KiB of %" G_GUINT64_FORMAT " are holes at the end",
                        holes / 1024, (guint64)SIZE / 1024);
}

/* What is called SAME is the same. same: the bytes of it. */
static gboolean
check_pair (const VfCheckVolume *a, const VfCheckVolume *b, guint64 *same, GError **error)
{
  guint64 bytes = vf_check_volume_bytes (b);
  g_autoptr (GArray) extents = vf_storage_differences (a->storage, a->id, b->id, bytes, error);
  *same = 0;
  for (guint i = 0; extents && i < extents->len; i++) {
    const VfExtent *extent = &g_array_index (extents, VfExtent, i);
    if (extent->state != VMFORGE_EXTENT_SAME)
      continue;
    *same += extent->length;
    for (guint64 at = extent->offset; at < extent->offset + extent->length; at += VF_CHECK_BLOCK) {
      guint block = (guint)(at / VF_CHECK_BLOCK);
      if (number_at (a, block) != number_at (b, block))
        return vf_check_fail (a->check, error, "differences",
                              "the block at %" G_GUINT64_FORMAT " differs and is called the same", at);
    }
  }
  return extents != NULL;
}

/* A sealed clone with a few changes, now and then a larger one. */
static VfCheckVolume *
changed_clone (const VfCheckVolume *parent, guint round, GError **error)
{
  g_autoptr (VfCheckVolume) clone = vf_check_volume_clone (parent, error);
  if (!clone || (round % 3 == 2 &&
                 !vf_check_volume_grow (clone, vf_check_volume_bytes (clone) + 2 * VF_CHECK_MIB, error)))
    return NULL;
  if (!vf_check_volume_change (clone, round % 4, error) || !vf_check_volume_seal (clone, error))
    return NULL;
  return g_steal_pointer (&clone);
}

static gboolean
check_pairs (GPtrArray *volumes, guint64 *same, GError **error)
{
  for (guint i = 0; i < volumes->len; i++)
    for (guint j = 0; j < volumes->len; j++)
      if (!check_pair (g_ptr_array_index (volumes, i), g_ptr_array_index (volumes, j), same, error))
        return FALSE;
  return TRUE;
}

gboolean
vf_check_storage_differences (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (GPtrArray) volumes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_check_volume_free);
  VfCheckVolume *first = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  if (!first)
    return FALSE;
  g_ptr_array_add (volumes, first);
  guint64 same = 0, granularity;
  for (guint round = 0; round < ROUNDS; round++) {
    guint parent = g_rand_int (check->random) % volumes->len;
    VfCheckVolume *clone = changed_clone (g_ptr_array_index (volumes, parent), round, error);
    if (!clone)
      return FALSE;
    g_ptr_array_add (volumes, clone);
  }
  VfCheckVolume *stranger = vf_check_volume_sealed (check, storage, SIZE, error);
  if (!stranger)
    return FALSE;
  g_ptr_array_add (volumes, stranger);
  if (!check_pairs (volumes, &same, error) || !check_pair (first, first, &same, error) ||
      !vf_storage_granularity (storage, &granularity, error))
    return FALSE;
  return vf_check_note (
      check, "of a volume and itself %u %% are known to be the same; unit %" G_GUINT64_FORMAT " bytes",
      (guint)(same * 100 / SIZE), granularity);
}

gboolean
vf_check_storage_discard (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) volume = storage ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  if (!volume || !vf_check_volume_map (volume, error) || !vf_check_volume_fill (volume, error))
    return FALSE;
  for (guint round = 0; round < ROUNDS; round++) {
    guint first = g_rand_int (check->random) % (volume->model->len - 300), length = 1 + round * 37;
    if (!vf_storage_discard (storage, volume->id, volume->path, first * VF_CHECK_BLOCK,
                             length * VF_CHECK_BLOCK, error))
      return FALSE;
    memset (&g_array_index (volume->model, guint32, first), 0, length * sizeof (guint32));
  }
  return vf_check_volume_unmap (volume, error) && vf_check_volume_verify (volume, "discard", error);
}

gboolean
vf_check_storage_capacity (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  guint64 total, available;
  if (!storage || !vf_storage_capacity (storage, &total, &available, error))
    return FALSE;
  if (total == G_MAXUINT64)
    return vf_check_note (check, "unknown");
  if (available > total)
    return vf_check_fail (check, error, "capacity",
                          "%" G_GUINT64_FORMAT " bytes of %" G_GUINT64_FORMAT " are available", available,
                          total);
  g_autoptr (VfCheckVolume) volume = vf_check_volume_create (check, storage, SIZE, error);
  return volume && vf_check_note (check, "%" G_GUINT64_FORMAT " MiB of %" G_GUINT64_FORMAT " are available",
                                  available / VF_CHECK_MIB, total / VF_CHECK_MIB);
}
