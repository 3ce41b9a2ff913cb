/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plan/context.h"

#include "support/json.h"

VfBackend *
vf_plan_open_backend (const VfPlanContext *context, const VmforgeSpec *spec, GError **error)
{
  g_autoptr (VfJson) profile = vf_node_to_json (spec->profile->node);
  g_autofree char *text = vf_json_canonical (profile);
  g_autofree char *cache = g_build_filename (context->store->path, "cache", spec->profile->plugin, NULL);
  VfBackendConfig config = {.profile = text,
                            .release = spec->profile->release,
                            .arch = spec->profile->arch,
                            .cache_path = cache,
                            .mirrors = spec->mirrors,
                            .offline = context->offline};
  return vf_backend_open (spec->profile->plugin, &config, context->host, error);
}
