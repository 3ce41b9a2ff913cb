/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Any bytes as a spec: YAML, schema, merge, profile, model. Files that the spec names are not looked at. */
#include "spec/config.h"
#include "spec/merge.h"
#include "spec/schema.h"
#include "spec/spec.h"
#include "support/json.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_json (const VfNode *node)
{
  g_autoptr (VfJson) json = vf_node_to_json (node);
  g_autofree char *text = json == NULL ? NULL : vf_json_canonical (json);
}

/* A parent that has everything, so that merging and the model are reached by small inputs. */
static VfNode *
merge_over_whole_spec (const VfNode *node)
{
  static const char text[] =
      "{vmforge: 1, name: a, distro: {id: debian, release: bookworm}, core: {features: [ssh], "
      "packages: [a], users: [{name: a}], files: [{content: b, to: /c}], run: [x]}}";
  g_autoptr (VfNode) whole = vf_node_parse (text, sizeof text - 1, "whole.yaml", NULL);
  return vf_merge (whole, node, VF_MERGE_APPEND_LISTS);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfNode) node = vf_node_parse ((const char *)data, size, "fuzz.yaml", &error);
  if (node == NULL) {
    g_assert_nonnull (error);
    return 0;
  }
  check_json (node);
  g_autoptr (GError) spec_error = NULL;
  g_autoptr (VmforgeSpec) spec =
      vf_spec_from_node (merge_over_whole_spec (node), VF_SPEC_WITHOUT_FILES, &spec_error);
  g_assert_true ((spec == NULL) == (spec_error != NULL));
  g_autoptr (VmforgeSpec) alone = vf_spec_from_node (vf_node_copy (node), VF_SPEC_WITHOUT_FILES, NULL);
  vf_schema_check (vf_schema_profile (), node, NULL);
  vf_schema_check (vf_schema_config (), node, NULL);
  return 0;
}
