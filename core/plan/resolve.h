/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Resolution with memory: what a request resolved to is kept with the metadata it came from, so that asking
 * again costs a file read and runs no package tool. */
#pragma once

#include "plan/context.h"

typedef struct _VfResolver VfResolver;

/* One for a spec; opens its package plugin only when something must be asked. */
VfResolver *vf_resolver_new (const VfPlanContext *context, const VmforgeSpec *spec);
void vf_resolver_free (VfResolver *resolver);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfResolver, vf_resolver_free)

/* Elements VfPackage; owns them. */
GPtrArray *vf_resolver_resolve (VfResolver *resolver, const VfBackendRequest *request, GError **error);
