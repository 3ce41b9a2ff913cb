/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Lock files and plans: what a lock says a stage installs, and the lock of what was resolved. */
#pragma once

#include "plan/plan.h"
#include "spec/lockfile.h"

/* Where the lock of a spec lies. Free the result. */
char *vf_plan_lock_path (const VmforgeSpec *spec);
/* The lock that this context uses for the spec; *lock: NULL where it uses none. */
gboolean vf_plan_find_lock (const VfPlanContext *context, const VmforgeSpec *spec, VfLockfile **lock,
                            GError **error);
/* What the lock says this stage installs (VfPackage, sorted). VMFORGE_ERROR_SPEC where the stage asks for
 * something else than it did when the lock was made. The stage's repositories must be known. */
GPtrArray *vf_plan_locked_packages (const VfLockfile *lock, const VfPlanStage *stage, GError **error);
/* The lock of a plan that has all stages. Asks the plugin how old its metadata are. */
VfLockfile *vf_plan_make_lock (const VfPlanContext *context, const VfPlan *plan, GError **error);
/* The spec's lock with these packages as new as the sources have them; what they drag along moves too, all
 * else stays. It must fit the spec. */
VfLockfile *vf_plan_update_lock (const VfPlanContext *context, VmforgeSpec *spec, const char *const *names,
                                 GError **error);

/* Between the files of this part. */
VfLockedPackage *vf_plan_lock_package (const VfPackage *package);
VfPackage *vf_plan_unlock_package (const VfLockedPackage *locked);
/* When the newest metadata of all stages with packages were made; 0: unknown. */
gboolean vf_plan_metadata_date (const VfPlanContext *context, const VfPlan *plan, gint64 *date,
                                GError **error);
