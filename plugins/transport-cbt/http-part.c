/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "http-part.h"

#include <string.h>
#include <sys/stat.h>

#define CONNECT_SECONDS 30
#define MAX_REDIRECTS   5

HttpPart *
http_part_new (const char *path, guint64 offset, guint64 length, HttpFlags flags, HttpFunc func,
               gpointer user_data)
{
  HttpPart *part = g_new0 (HttpPart, 1);
  part->path = path;
  part->offset = offset;
  part->length = length;
  part->flags = flags;
  part->func = func;
  part->user_data = user_data;
  part->got = g_byte_array_new ();
  return part;
}

void
http_part_free (gpointer data)
{
  HttpPart *part = data;
  g_clear_pointer (&part->easy, curl_easy_cleanup);
  g_byte_array_unref (part->got);
  g_free (part->url);
  g_free (part->etag);
  g_free (part->got_etag);
  g_free (part);
}

/* "bytes FROM-TO/TOTAL" */
static void
read_content_range (HttpPart *part, const char *value)
{
  char *end;
  if (!g_str_has_prefix (value, "bytes "))
    return;
  part->range_from = g_ascii_strtoull (value + 6, &end, 10);
  part->has_range = *end == '-';
  const char *slash = strchr (value, '/');
  part->total =
      slash == NULL || !g_ascii_isdigit (slash[1]) ? G_MAXUINT64 : g_ascii_strtoull (slash + 1, NULL, 10);
}

static void
forget_answer (HttpPart *part)
{
  part->looked = part->has_range = part->ends = part->slow = FALSE;
  part->refused = NULL;
  part->total = G_MAXUINT64;
  g_clear_pointer (&part->etag, g_free);
}

static size_t
on_header (char *data, size_t size, size_t count, void *user_data)
{
  HttpPart *part = user_data;
  g_autofree char *line = g_strstrip (g_strndup (data, size * count));
  if (g_str_has_prefix (line, "HTTP/"))
    forget_answer (part); /* of a redirection, or a proxy */
  else if (g_ascii_strncasecmp (line, "content-range:", 14) == 0)
    read_content_range (part, g_strchug (line + 14));
  else if (g_ascii_strncasecmp (line, "etag:", 5) == 0) {
    g_free (part->etag);
    part->etag = g_strdup (g_strchug (line + 5));
  }
  return size * count;
}

/* A server that has no ranges sends the whole file, the beginning of which may do. */
static const char *
refuse_answer (const HttpPart *part)
{
  guint64 from = part->offset + part->got->len;
  if (part->status == 0 || (part->flags & HTTP_WHOLE) != 0) /* a local file, or all of it */
    return NULL;
  if (part->status == 200)
    return from == 0 ? NULL : "the server does not serve ranges (nginx, Apache and Caddy do)";
  return part->has_range && part->range_from == from ? NULL : "the server sent another range";
}

static size_t
on_data (char *data, size_t size, size_t count, void *user_data)
{
  HttpPart *part = user_data;
  gsize length = size * count, room = part->length - part->got->len;
  if (!part->looked) {
    curl_easy_getinfo (part->easy, CURLINFO_RESPONSE_CODE, &part->status);
    part->looked = TRUE;
    part->refused = refuse_answer (part);
  }
  if (part->refused == NULL && length > room && (part->flags & HTTP_WHOLE) != 0)
    part->refused = "it is longer than such a file may be";
  if (part->refused != NULL)
    return 0;
  g_byte_array_append (part->got, (const guint8 *)data, (guint)MIN (length, room));
  part->ends = length > room;
  return part->ends ? 0 : length;
}

/* libcurl's own limit knows what comes in a second: whoever says a byte in each is never slow, or never as
 * long as something is said at once now and then. Silence is left to it. */
static int
on_progress (void *user_data, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
  HttpPart *part = user_data;
  gint64 time = g_get_monotonic_time ();
  if (now == 0)
    return 0;
  if (part->marked == 0 || now - part->marked_bytes >= HTTP_PROGRESS) {
    part->marked = time;
    part->marked_bytes = now;
  } else if (time - part->seen > G_USEC_PER_SEC) {
    part->marked += time - part->seen; /* nobody read meanwhile: that is not the server's fault */
  }
  part->seen = time;
  part->slow = time - part->marked >= part->silence * (gint64)G_USEC_PER_SEC;
  return part->slow;
}

static char *
join (const char *url, const char *path)
{
  const char *slash = g_str_has_suffix (url, "/") ? "" : "/";
  return g_strconcat (url, slash, path, NULL);
}

gboolean
http_part_is_file (const HttpPart *part)
{
  struct stat st;
  g_autofree char *path =
      g_str_has_prefix (part->url, "file:") ? g_filename_from_uri (part->url, NULL, NULL) : NULL;
  return path == NULL || stat (path, &st) < 0 || S_ISREG (st.st_mode); /* libcurl says what is not there */
}

void
http_part_prepare (HttpPart *part, const char *url, guint silence)
{
  g_free (part->url);
  part->url = join (url, part->path);
  g_clear_pointer (&part->easy, curl_easy_cleanup);
  forget_answer (part);
  part->status = 0;
  part->silence = silence;
  part->marked = part->seen = 0;
  CURL *easy = part->easy = curl_easy_init ();
  curl_easy_setopt (easy, CURLOPT_PRIVATE, part);
  curl_easy_setopt (easy, CURLOPT_URL, part->url);
  curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt (easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt (easy, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
  curl_easy_setopt (easy, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
  curl_easy_setopt (easy, CURLOPT_USERAGENT, "vmforge/" VMFORGE_VERSION);
  curl_easy_setopt (easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT, (long)MIN (silence, CONNECT_SECONDS));
  curl_easy_setopt (easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt (easy, CURLOPT_LOW_SPEED_TIME, (long)silence);
  curl_easy_setopt (easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt (easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt (easy, CURLOPT_XFERINFODATA, part);
  curl_easy_setopt (easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt (easy, CURLOPT_HEADERDATA, part);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt (easy, CURLOPT_WRITEDATA, part);
  if ((part->flags & HTTP_WHOLE) != 0) {
    g_byte_array_set_size (part->got, 0);
    return;
  }
  part->begun = part->got->len;
  guint64 from = part->offset + part->got->len;
  g_autofree char *range =
      g_strdup_printf ("%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, from, part->offset + part->length - 1);
  curl_easy_setopt (easy, CURLOPT_RANGE, range);
}

static gboolean
is_whole (const HttpPart *part)
{
  if (part->got->len == part->length || (part->flags & HTTP_WHOLE) != 0)
    return TRUE;
  if ((part->flags & HTTP_SHORT) == 0)
    return FALSE;
  return part->total == G_MAXUINT64 || part->offset + part->got->len == part->total;
}

/* What passes: cut off, silent, overloaded. What does not: refused, not found, not what was asked for. */
static gboolean
is_passing (const HttpPart *part, CURLcode result)
{
  long status = 0;
  curl_easy_getinfo (part->easy, CURLINFO_RESPONSE_CODE, &status);
  switch (result) {
  case CURLE_HTTP_RETURNED_ERROR:
    return status >= 500 || status == 429 || status == 408;
  case CURLE_ABORTED_BY_CALLBACK: /* too slow */
  case CURLE_PARTIAL_FILE:
  case CURLE_OPERATION_TIMEDOUT:
  case CURLE_RECV_ERROR:
  case CURLE_SEND_ERROR:
  case CURLE_GOT_NOTHING:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
    return TRUE;
  default:
    return FALSE;
  }
}

char *
http_part_judge (HttpPart *part, CURLcode result, gboolean *may_help)
{
  long status = 0;
  *may_help = FALSE;
  if (part->refused != NULL)
    return g_strdup (part->refused);
  if (result == CURLE_WRITE_ERROR && part->ends)
    return NULL;
  if (result == CURLE_OK && is_whole (part))
    return NULL;
  if (result == CURLE_OK) {
    *may_help = TRUE;
    return g_strdup ("the server sent less than was asked for");
  }
  *may_help = is_passing (part, result);
  if (part->slow)
    return g_strdup_printf ("the server sent less than %d KiB in %u seconds", HTTP_PROGRESS / 1024,
                            part->silence);
  curl_easy_getinfo (part->easy, CURLINFO_RESPONSE_CODE, &status);
  part->missing = status == 404 || status == 410 || result == CURLE_FILE_COULDNT_READ_FILE;
  if (result == CURLE_HTTP_RETURNED_ERROR)
    return g_strdup_printf (
        status == 404 ? "the server says 404 (there is no such file)" : "the server says %ld", status);
  return g_strdup (curl_easy_strerror (result));
}

void
http_part_keep_etag (HttpPart *part)
{
  if (part->got_etag == NULL && part->got->len > part->begun)
    part->got_etag = g_strdup (part->etag);
}

guint64
http_part_travelled (const HttpPart *part)
{
  curl_off_t body = 0;
  long head = 0, request = 0;
  curl_easy_getinfo (part->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
  curl_easy_getinfo (part->easy, CURLINFO_HEADER_SIZE, &head);
  curl_easy_getinfo (part->easy, CURLINFO_REQUEST_SIZE, &request);
  return (guint64)body + (guint64)head + (guint64)request;
}
