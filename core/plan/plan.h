/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* From a spec to four stages with keys: what each would install, and whether it is there already. */
#pragma once

#include "plan/context.h"
#include "spec/lockfile.h"
#include "spec/spec.h"
#include "store/store.h"

/* Raised when the engine writes another root filesystem for the same inputs: part of every key. */
#define VF_PLAN_FORMAT 2

typedef struct _VfPlanStage VfPlanStage;
struct _VfPlanStage {
  VmforgeStageKind kind;
  VmforgeSpec *spec;   /* borrowed */
  VfPlanStage *parent; /* NULL: Core */
  char *key;
  VfJson *inputs;       /* what the key is the digest of */
  GPtrArray *packages;  /* VfPackage with data: to install and to remove in this stage */
  GPtrArray *installed; /* VfPackage: in the root filesystem after this stage */
  GPtrArray
      *repositories; /* of this stage and those below; struct vmforge_repository *, borrowed from `spec` */
  guint64 bytes;     /* size of the volume */
  gboolean reproducible; /* no step of this stage or below used the network */
};

typedef struct {
  VmforgeSpec *spec; /* borrowed */
  VfPlanStage *stages[VMFORGE_N_STAGES];
  guint n_stages;   /* fewer with `until` */
  VfLockfile *lock; /* that the packages are of; NULL: they were resolved */
} VfPlan;

/* Resolves and keys the first n_stages stages of a spec. Runs package tools only where nothing recent is
 * known. */
VfPlan *vf_plan_new (const VfPlanContext *context, VmforgeSpec *spec, guint n_stages, GError **error);
void vf_plan_free (VfPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPlan, vf_plan_free)

/* Repositories of the stages up to this one, as the ABI has them: struct vmforge_repository *, borrowed from
 * spec. */
GPtrArray *vf_plan_collect_repositories (const VmforgeSpec *spec, VmforgeStageKind kind, GError **error);
/* What the root filesystem holds after `packages` changed what was there (may be NULL). */
GPtrArray *vf_plan_apply_packages (GPtrArray *before, GPtrArray *packages);
/* What a failed fetch means where the packages are of a lock. Returns FALSE. */
gboolean vf_plan_explain_fetch (const VfPlan *plan, GError **error);
/* Bytes that the packages of a list take once installed. */
guint64 vf_plan_installed_size (GPtrArray *packages);
