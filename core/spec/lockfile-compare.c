/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/lockfile.h"

#include <string.h>

void
vf_lock_change_free (VfLockChange *change)
{
  g_free (change->name);
  g_free (change->before);
  g_free (change->after);
  g_free (change);
}

static gboolean
is_same (const VfLockedPackage *a, const VfLockedPackage *b)
{
  return strcmp (a->version, b->version) == 0 && strcmp (a->arch, b->arch) == 0 &&
         g_strcmp0 (a->digest, b->digest) == 0;
}

/* NULL for a package that the stage does not install: it is not in the list, or goes away. */
static char *
version_of (const VfLockedPackage *package)
{
  return package == NULL || package->remove ? NULL : g_strdup (package->version);
}

static void
add_change (GPtrArray *changes, VmforgeStageKind kind, const VfLockedPackage *before,
            const VfLockedPackage *after)
{
  VfLockChange *change = g_new (VfLockChange, 1);
  *change = (VfLockChange){.stage = kind,
                           .name = g_strdup (before != NULL ? before->name : after->name),
                           .before = version_of (before),
                           .after = version_of (after)};
  g_ptr_array_add (changes, change);
}

/* Both lists are sorted by id. */
static void
compare_stages (GPtrArray *changes, VmforgeStageKind kind, const VfLockedStage *before,
                const VfLockedStage *after)
{
  guint i = 0, j = 0;
  while (i < before->packages->len || j < after->packages->len) {
    const VfLockedPackage *old = i < before->packages->len ? before->packages->pdata[i] : NULL;
    const VfLockedPackage *new = j < after->packages->len ? after->packages->pdata[j] : NULL;
    int order = old == NULL ? 1 : new == NULL ? -1 : strcmp (old->id, new->id);
    i += order <= 0;
    j += order >= 0;
    old = order <= 0 ? old : NULL;
    new = order >= 0 ? new : NULL;
    if (old != NULL && new != NULL && old->remove &&new->remove)
      continue;
    if (old == NULL || new == NULL || old->remove != new->remove || !is_same (old, new))
      add_change (changes, kind, old, new);
  }
}

GPtrArray *
vf_lockfile_compare (const VfLockfile *before, const VfLockfile *after)
{
  GPtrArray *changes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_lock_change_free);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    compare_stages (changes, i, &before->stages[i], &after->stages[i]);
  return changes;
}
