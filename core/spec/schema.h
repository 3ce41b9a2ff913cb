/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Checks a tree against a JSON Schema (2020-12), the very text that `vmforge schema` prints, so that editors
 * and vmforge agree. The subset that our schemas use: type, properties, required, additionalProperties,
 * patternProperties, items, minItems, enum, const, pattern, minimum, maximum, minLength, maxLength, oneOf,
 * anyOf, $ref into $defs; title, description, default, examples, deprecated for editors; patternErrorMessage
 * (known to editors) instead of a bare pattern in errors; writeOnly: the value is not repeated in errors;
 * x-context: what errors call a place. A schema with another keyword is a programming error. */
#pragma once

#include "spec/node.h"

typedef struct _VfSchema VfSchema;

/* The schemas that are compiled in; static. */
const VfSchema *vf_schema_spec (void);
const VfSchema *vf_schema_profile (void);
const VfSchema *vf_schema_config (void);
const VfSchema *vf_schema_lock (void);
const char *vf_schema_get_text (const VfSchema *schema);

/* First error wins: position, what was wrong, a suggestion where a word is near a known one:
 * `spec.yaml:14:7: unknown key 'pakages' in stage 'image' (did you mean 'packages'?)`. */
gboolean vf_schema_check (const VfSchema *schema, const VfNode *node, GError **error);
