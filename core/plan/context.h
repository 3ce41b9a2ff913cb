/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What planning works with. */
#pragma once

#include "plugin/backend.h"
#include "spec/spec.h"
#include "store/store.h"

/* Age of metadata that needs no refresh, unless the user says another. */
#define VF_PLAN_REFRESH_SECONDS 3600

/* What is made of a lock file beside the spec. */
typedef enum {
  VF_PLAN_LOCK_IF_THERE,
  VF_PLAN_LOCK_REQUIRED,
  VF_PLAN_LOCK_IGNORED, /* resolve anew */
} VfPlanLock;

typedef struct {
  VmforgeStore *store;
  const VfHost *host;
  gboolean offline;
  gint64 refresh_seconds; /* age of metadata that needs no refresh; -1: always refresh */
  VfPlanLock lock;
} VfPlanContext;

/* A backend for the spec's distribution that works for this context. */
VfBackend *vf_plan_open_backend (const VfPlanContext *context, const VmforgeSpec *spec, GError **error);
