/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Between schema.c (loading) and schema-check.c. */
#pragma once

#include "spec/schema.h"
#include "support/json.h"

struct _VfSchema {
  const char *text;
  VfJson *json;
  GHashTable *patterns; /* text → GRegex, all of the schema's */
};

/* The schema itself, or what its $ref names. */
VfJson *vf_schema_follow (const VfSchema *schema, VfJson *part);
gboolean vf_schema_matches_pattern (const VfSchema *schema, const char *pattern, const char *text);
