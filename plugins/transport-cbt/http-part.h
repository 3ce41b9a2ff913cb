/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* One range of a file of a web server. */
#pragma once

#include "http.h"

#include <curl/curl.h>

/* On one server, one after the other. */
#define HTTP_TRIES 4
/* Bytes after which a try is not counted. Fewer in the time of silence are too few. */
#define HTTP_PROGRESS (16 * 1024)

typedef struct {
  const char *path; /* borrowed */
  guint64 offset, length;
  HttpFlags flags;
  HttpFunc func;
  gpointer user_data;
  guint mirror;      /* that is asked */
  guint mirrors;     /* that were given up */
  guint tries;       /* of this one */
  gint64 not_before; /* monotonic */
  GByteArray *got;   /* from offset on */
  guint begun;       /* bytes of it that were there before this try */
  CURL *easy;
  char *url;
  /* What the server answered. */
  long status;
  gboolean looked; /* at the answer, as its first byte came */
  gboolean ends;   /* all that is wanted of a longer answer is there */
  gboolean has_range;
  guint64 range_from;
  guint64 total; /* bytes of the file; G_MAXUINT64: unknown */
  char *etag;
  char *got_etag; /* of the answers that `got` came with, NULL: unknown */
  /* How fast it comes: when so much was there, when it was looked at last, and whether that is too slow. */
  guint silence; /* seconds */
  curl_off_t marked_bytes;
  gint64 marked, seen; /* monotonic; 0: nothing has come yet */
  gboolean slow;
  gboolean missing;    /* there is no such file */
  const char *refused; /* why the answer is of no use */
} HttpPart;

HttpPart *http_part_new (const char *path, guint64 offset, guint64 length, HttpFlags flags, HttpFunc func,
                         gpointer user_data);
void http_part_free (gpointer part);
/* Whether the file can be read: opening what is none may wait for ever. To be asked when it is prepared. */
gboolean http_part_is_file (const HttpPart *part);
/* Asks this server for what is missing. */
void http_part_prepare (HttpPart *part, const char *url, guint silence);
/* What is wrong with what came, in words to be freed, or NULL. *may_help: whether trying again may help. */
char *http_part_judge (HttpPart *part, CURLcode result, gboolean *may_help);
/* What has come of this answer is a part of the file that has this tag. */
void http_part_keep_etag (HttpPart *part);
guint64 http_part_travelled (const HttpPart *part);
