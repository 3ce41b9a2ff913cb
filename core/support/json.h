/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* JSON: json-c objects, and the canonical form that is hashed and signed (docs/canonical-json.md). */
#pragma once

#include "vmforge/vmforge.h"

#include <json-c/json.h>

typedef struct json_object VfJson;

static inline void
vf_json_unref (VfJson *json)
{
  json_object_put (json);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfJson, vf_json_unref)

/* Canonical form: UTF-8, keys sorted by bytes, no space, integers only (a double is a programming error), the
 * short escapes and \u00XX for other control characters alone. Free the result. */
char *vf_json_canonical (VfJson *json);

/* Whether any number in it is none that the canonical form can have. */
gboolean vf_json_has_floats (VfJson *json);

/* Parses all of text strictly; depth at most 64. */
VfJson *vf_json_parse (const char *text, gsize length, GError **error);
/* The same for a file of at most 256 MiB; errors name it. */
VfJson *vf_json_read (int dirfd, const char *path, GError **error);
/* The same for what a pipe brings, to its end. */
VfJson *vf_json_read_fd (int fd, gsize limit, GError **error);
/* Writes canonical JSON atomically and durably. */
gboolean vf_json_write (int dirfd, const char *path, VfJson *json, GError **error);

/* Members of objects, with defaults where absent or of another type. */
const char *vf_json_string (VfJson *object, const char *key, const char *fallback);
gint64 vf_json_int (VfJson *object, const char *key, gint64 fallback);
gboolean vf_json_bool (VfJson *object, const char *key, gboolean fallback);
/* Borrowed; NULL where absent or of another type. */
VfJson *vf_json_object (VfJson *object, const char *key);
VfJson *vf_json_array (VfJson *object, const char *key);
/* Strings of an array member; never NULL; free with g_strfreev. */
char **vf_json_strv (VfJson *object, const char *key);

void vf_json_set_string (VfJson *object, const char *key, const char *value);
void vf_json_set_int (VfJson *object, const char *key, gint64 value);
void vf_json_set_bool (VfJson *object, const char *key, gboolean value);
/* Takes the value. */
void vf_json_set (VfJson *object, const char *key, VfJson *value);
VfJson *vf_json_from_strv (const char *const *strings);
