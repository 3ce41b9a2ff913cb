/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Inside of vmforge_build: what one thread of a run works with. The one that called vmforge_build plans and
 * tells what happens; each stage that is built has another (schedule.c). */
#pragma once

#include "plan/plan.h"
#include "store/store.h"

/* Of a stage's progress, the part that fetching is. */
#define VF_ENGINE_FETCH_SHARE 0.25

typedef struct {
  VmforgeStore *store;
  const VmforgeBuildOptions *options;
  VmforgeEventFunc func; /* or NULL */
  gpointer user_data;
  GCancellable *cancellable;
  VfHost host; /* of package plugins in this process */
  VfPlanContext context;
  /* What progress and log lines belong to at the moment. */
  const VfPlanStage *stage; /* NULL: planning */
  const VmforgeSpec *spec;
  gint64 began;               /* monotonic microseconds */
  int log_fd;                 /* of the stage being built; -1: none */
  const VfBuilding *building; /* of that stage; NULL: none */
  guint64 reserve;            /* bytes that it may need in all */
  gboolean has_built;         /* a stage was built in this run, and not only found */
  gint64 epoch;               /* that the stage is dated by (epoch.c) */
  VfStageIndex index;         /* what the worker said of it */
} VfEngine;

/* All pointers are borrowed. */
void vf_engine_init (VfEngine *engine, VmforgeStore *store, const VmforgeBuildOptions *options,
                     VmforgeEventFunc func, gpointer user_data, GCancellable *cancellable);
void vf_engine_clear (VfEngine *engine);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VfEngine, vf_engine_clear)

/* Tells the caller; fills in spec, stage, key and seconds from the engine's state. */
void vf_engine_emit (VfEngine *engine, VmforgeEvent event);

/* Sets engine->epoch for a stage whose packages are in the cache, and whose parent is built. backend: NULL
 * where it has none. (epoch.c) */
gboolean vf_engine_date_stage (VfEngine *engine, const VfPlanStage *stage, VfBackend *backend,
                               GError **error);

/* Tells that the stage is reused, and sets *reused, if it is recorded. (stage.c) */
gboolean vf_engine_reuse_stage (VfEngine *engine, const VfPlanStage *stage, gboolean *reused, GError **error);
/* Builds one stage, or reuses it if somebody else did so meanwhile. (stage.c) */
gboolean vf_engine_build_stage (VfEngine *engine, const VfPlan *plan, const VfPlanStage *stage,
                                GError **error);

/* The job for a worker. (job-make.c) */
VfJson *vf_engine_make_job (VfEngine *engine, const VfPlan *plan, const VfPlanStage *stage,
                            const char *volume, const char *parent_volume, GError **error);

/* Whether the boot files of a stage must be made anew; whether a file of `files` is a reason. (job-boot.c) */
gboolean vf_engine_needs_boot (const VfPlanStage *stage);
/* Whether a file of this stage is one that the initial RAM filesystem is made of. */
gboolean vf_engine_needs_initramfs (const VfPlanStage *stage);
gboolean vf_engine_file_is_for_boot (const VfSpecFile *file);

/* Publishes what was built and writes the formats that were asked for. (output.c) */
gboolean vf_engine_publish (VfEngine *engine, const VfPlan *plan, GError **error);
