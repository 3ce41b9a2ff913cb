/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A YAML document as a tree whose nodes know where they were written. Reading is bounded: VF_NODE_MAX_BYTES
 * of text, VF_NODE_MAX_NODES nodes after aliases are expanded, VF_NODE_MAX_DEPTH levels. */
#pragma once

#include "vmforge/vmforge.h"

#define VF_NODE_MAX_BYTES (4 * 1024 * 1024)
#define VF_NODE_MAX_NODES 100000
#define VF_NODE_MAX_DEPTH 64

typedef enum {
  VF_NODE_NULL,
  VF_NODE_BOOL,
  VF_NODE_INT,
  VF_NODE_STRING,
  VF_NODE_LIST,
  VF_NODE_MAP
} VfNodeType;

/* YAML 1.2 core schema, less what surprises: plain true/false are booleans (yes, no, on, off are strings),
 * plain decimal integers are integers, everything else that is plain, and everything quoted, is a string.
 * Floats stay strings (version: 1.4 keeps its text); where a string is wanted, an integer's or boolean's text
 * is accepted. Duplicate keys, tags, several documents and non-string keys are errors. */
typedef struct _VfNode VfNode;
struct _VfNode {
  VfNodeType type;
  const char *file; /* interned: the path as the user gave it */
  int line, column; /* from 1 */
  char *text;       /* scalar: as written */
  gint64 integer;   /* INT */
  gboolean boolean; /* BOOL */
  GPtrArray *items; /* LIST: of VfNode; MAP: values in written order */
  GPtrArray *keys;  /* MAP: key nodes (STRING), beside items */
};

VfNode *vf_node_read (const char *path, GError **error);
/* The text of a file, at most one byte more than VF_NODE_MAX_BYTES, so that the caller sees the excess. NULL
 * with errno. */
GString *vf_node_read_bounded (int fd);
/* name: what errors call it. text may be NULL with length 0. */
VfNode *vf_node_parse (const char *text, gsize length, const char *name, GError **error);
VfNode *vf_node_copy (const VfNode *node);
void vf_node_free (VfNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfNode, vf_node_free)

/* Borrowed; NULL where node is NULL, no map, or has no such key. */
VfNode *vf_node_get (const VfNode *node, const char *key);
/* Text of a scalar member, or fallback. */
const char *vf_node_get_text (const VfNode *node, const char *key, const char *fallback);
gint64 vf_node_get_int (const VfNode *node, const char *key, gint64 fallback);
gboolean vf_node_get_bool (const VfNode *node, const char *key, gboolean fallback);
guint vf_node_length (const VfNode *node); /* of a list or map; 0 for NULL and scalars */
VfNode *vf_node_at (const VfNode *node, guint index);

/* For builders of trees. file: interned. */
VfNode *vf_node_new (VfNodeType type, const char *file, int line, int column);
/* Replaces or appends; takes value, copies key. */
void vf_node_set (VfNode *map, const VfNode *key, VfNode *value);
/* The same with texts; both get the map's position. */
void vf_node_set_text (VfNode *map, const char *key, const char *text);
void vf_node_remove (VfNode *map, const char *key);

/* Texts of a list of scalars; never NULL. Free with g_strfreev. */
char **vf_node_dup_texts (const VfNode *list);

/* Sets an error `FILE:LINE:COLUMN: message`. code is mostly VMFORGE_ERROR_SPEC. Returns FALSE. */
gboolean vf_node_error (const VfNode *node, VmforgeError code, GError **error, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* The node as JSON (json_object *), types kept. */
struct json_object *vf_node_to_json (const VfNode *node);
