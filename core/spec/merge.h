/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* One tree from several. */
#pragma once

#include "spec/node.h"

typedef enum {
  VF_MERGE_APPEND_LISTS,  /* specs: the parent's entries come first */
  VF_MERGE_REPLACE_LISTS, /* profiles */
} VfMergeLists;

/* Maps are merged key by key (the parent's order, then new keys), scalars of the child replace, and so does
 * anything of another type than the parent's. A null of the child over a list or map says nothing: the
 * parent's stays. */
VfNode *vf_merge (const VfNode *parent, const VfNode *child, VfMergeLists lists);

#define VF_MERGE_MAX_DEPTH 16 /* of a chain of `extends` */
#define VF_MERGE_MAX_FILES 64 /* of one spec */

/* Reads a spec and all that it extends; the result has no `extends`. */
VfNode *vf_merge_read (const char *path, GError **error);

/* A path that a file gives, relative to that file's folder. Free the result. */
char *vf_merge_resolve_path (const VfNode *node);
