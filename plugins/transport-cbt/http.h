/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Ranges of files that web servers have: many in flight, each taken up where it was cut off, mirrors tried in
 * turn. Of one thread. */
#pragma once

#include "cbt.h"

typedef struct _Http Http;

typedef enum {
  HTTP_WHOLE = 1 << 0, /* the file, of at most `length` bytes */
  HTTP_SHORT = 1 << 1, /* the file may end before the range does */
} HttpFlags;

/* The bytes are the callee's to take (g_byte_array_ref). FALSE: with the call's error set. */
typedef gboolean (*HttpFunc) (GByteArray *bytes, gpointer user_data);

/* urls: borrowed. silence: seconds of it, after which a server is taken for dead. */
Http *http_new (Call *call, const char *const *urls, guint silence);
void http_free (Http *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Http, http_free)
/* path: relative to the URLs; borrowed. */
void http_get (Http *http, const char *path, guint64 offset, guint64 length, HttpFlags flags, HttpFunc func,
               gpointer user_data);
/* Until all is done that was asked for, by what is called as well. */
gboolean http_run (Http *http);
/* Bytes that travelled, both ways, headers and all. */
guint64 http_bytes (const Http *http);
