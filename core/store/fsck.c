/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "store/fsck.h"

#include "store/records.h"
#include "support/checked.h"
#include "support/error.h"

#include <stdarg.h>

const VfFsckCheck vf_fsck_checks[] = {
    {FALSE, vf_fsck_store},     {FALSE, vf_fsck_stages}, {FALSE, vf_fsck_images}, {FALSE, vf_fsck_roots},
    {FALSE, vf_fsck_buildings}, {FALSE, vf_fsck_caches}, {FALSE, vf_fsck_keys},   {TRUE, vf_fsck_archives},
    {TRUE, vf_fsck_exports},    {TRUE, vf_fsck_volumes}, {FALSE, vf_fsck_hints},  {TRUE, vf_fsck_hint_pages},
    {TRUE, vf_fsck_repository}, {FALSE, NULL},
};

static void
fault_free (gpointer data)
{
  VfFault *fault = data;
  g_free (fault->object);
  g_free (fault->what);
  g_free (fault->target);
  g_free (fault);
}

static void
stage_free (gpointer data)
{
  VfFsckStage *stage = data;
  g_free (stage->key);
  g_free (stage->parent);
  g_free (stage->volume);
  g_free (stage);
}

void
vf_fsck_clear (VfFsck *fsck)
{
  g_clear_pointer (&fsck->faults, g_ptr_array_unref);
  g_clear_pointer (&fsck->stages, g_ptr_array_unref);
  g_clear_pointer (&fsck->volumes, g_hash_table_unref);
}

void
vf_fsck_found (VfFsck *fsck, const char *kind, const char *object, VfCure cure, const char *target,
               const char *format, ...)
{
  va_list args;
  VfFault *fault = g_new0 (VfFault, 1);
  fault->kind = kind;
  fault->object = g_strdup (object);
  fault->cure = cure;
  fault->target = g_strdup (target);
  va_start (args, format);
  fault->what = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (fsck->faults, fault);
}

const char *
vf_cure_describe (VfCure cure)
{
  switch (cure) {
  case VF_CURE_SIGN:
    return "gives it one";
  case VF_CURE_FILE:
    return "removes it";
  case VF_CURE_PIN:
    return "writes the pin anew";
  case VF_CURE_IMAGE:
    return "removes the image";
  case VF_CURE_STAGE:
    return "removes the stage, what was built upon it, and their images";
  case VF_CURE_BLOCKS:
    return "makes the table of blocks anew";
  default:
    return "cannot repair it";
  }
}

gboolean
vf_fsck_record (VfFsck *fsck, const char *kind, const char *path, VfCure cure, const char *target)
{
  g_autofree char *why = NULL;
  switch (vf_checked_verify (fsck->store->fd, path, &why)) {
  case VF_CHECKED_ABSENT:
    return FALSE;
  case VF_CHECKED_BAD:
    vf_fsck_found (fsck, kind, path, cure, target, "damaged: %s", why);
    return FALSE;
  case VF_CHECKED_PLAIN:
    vf_fsck_found (fsck, kind, path, VF_CURE_SIGN, path, "has no checksum");
    return TRUE;
  default:
    return TRUE;
  }
}

static gboolean
list_volumes (VfFsck *fsck, GError **error)
{
  fsck->volumes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)vf_volume_free);
  g_autoptr (GPtrArray) volumes = vf_storage_list (fsck->store->storage, error);
  if (volumes == NULL)
    return FALSE;
  while (volumes->len > 0) {
    VfVolume *volume = g_ptr_array_steal_index (volumes, volumes->len - 1);
    g_hash_table_insert (fsck->volumes, volume->id, volume);
  }
  return TRUE;
}

static gboolean
run_checks (VfFsck *fsck, gboolean contents, GError **error)
{
  for (const VfFsckCheck *check = vf_fsck_checks; check->run != NULL; check++)
    if (check->contents == contents &&
        (vf_error_set_if_cancelled (fsck->cancellable, error) || !check->run (fsck, error)))
      return FALSE;
  return TRUE;
}

gboolean
vf_fsck_run (VfFsck *fsck, VmforgeStore *store, gboolean quick, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (store->storage != NULL, FALSE);
  *fsck = (VfFsck){.store = store, .cancellable = cancellable};
  fsck->faults = g_ptr_array_new_with_free_func (fault_free);
  fsck->stages = g_ptr_array_new_with_free_func (stage_free);
  /* Records refer to each other: nobody changes them meanwhile. In a store that cannot be written nobody
   * does. */
  g_autoptr (VfLock) gate = vf_store_gate (store, NULL);
  if (!list_volumes (fsck, error) || !run_checks (fsck, FALSE, error))
    return FALSE;
  g_clear_pointer (&gate, vf_lock_release);
  return quick || run_checks (fsck, TRUE, error);
}
