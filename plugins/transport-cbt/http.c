/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "http.h"

#include "http-part.h"

#include <string.h>

#define MAX_PARALLEL    16
#define MAX_CONNECTIONS 6
#define POLL_MS         200

struct _Http {
  Call *call;
  const char *const *urls;
  guint n_urls;
  guint preferred; /* of the URLs: the one that served last */
  guint silence;
  CURLM *multi;
  GQueue waiting;     /* HttpPart */
  GPtrArray *running; /* HttpPart; owned */
  GHashTable *etags;  /* URL → entity tag */
  guint64 bytes;
};

static gpointer
initialize (gpointer data)
{
  curl_global_init (CURL_GLOBAL_DEFAULT);
  return data;
}

Http *
http_new (Call *call, const char *const *urls, guint silence)
{
  static GOnce once = G_ONCE_INIT;
  g_once (&once, initialize, NULL);
  Http *http = g_new0 (Http, 1);
  http->call = call;
  http->urls = urls;
  http->n_urls = g_strv_length ((char **)urls);
  http->silence = silence;
  http->multi = curl_multi_init ();
  curl_multi_setopt (http->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt (http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)MAX_CONNECTIONS);
  g_queue_init (&http->waiting);
  http->running = g_ptr_array_new ();
  http->etags = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return http;
}

void
http_free (Http *http)
{
  for (guint i = 0; i < http->running->len; i++) {
    HttpPart *part = g_ptr_array_index (http->running, i);
    curl_multi_remove_handle (http->multi, part->easy);
    http_part_free (part);
  }
  g_ptr_array_unref (http->running);
  g_queue_clear_full (&http->waiting, http_part_free);
  g_hash_table_unref (http->etags);
  curl_multi_cleanup (http->multi);
  g_free (http);
}

void
http_get (Http *http, const char *path, guint64 offset, guint64 length, HttpFlags flags, HttpFunc func,
          gpointer user_data)
{
  g_queue_push_tail (&http->waiting, http_part_new (path, offset, length, flags, func, user_data));
}

guint64
http_bytes (const Http *http)
{
  return http->bytes;
}

/* A file that changes while it is read has parts that do not belong together. */
static gboolean
check_etag (Http *http, HttpPart *part)
{
  if (part->etag == NULL)
    return TRUE;
  if (part->got_etag != NULL && strcmp (part->got_etag, part->etag) != 0) {
    g_byte_array_set_size (part->got, 0);
    return FALSE;
  }
  const char *known = g_hash_table_lookup (http->etags, part->url);
  if (known == NULL)
    g_hash_table_insert (http->etags, g_strdup (part->url), g_strdup (part->etag));
  return known == NULL || strcmp (known, part->etag) == 0;
}

static gboolean
fail (Http *http, HttpPart *part, const char *why)
{
  enum vmforge_plugin_error code = part->missing ? VMFORGE_PLUGIN_INVALID : VMFORGE_PLUGIN_ENVIRONMENT;
  (void)cbt_fail (http->call, code, "cannot read '%s': %s", part->url, why);
  http_part_free (part);
  return FALSE;
}

/* The same server again, where that may help, then the next one. FALSE: there is none. */
static gboolean
try_again (Http *http, HttpPart *part, const char *why, gboolean may_help)
{
  /* What brings something is tried for as long as it does. */
  gboolean goes_on = (part->flags & HTTP_WHOLE) == 0 && part->got->len - part->begun >= HTTP_PROGRESS;
  part->tries = goes_on ? 1 : part->tries + 1;
  http_part_keep_etag (part);
  if (!may_help || part->tries >= HTTP_TRIES) {
    part->mirror = (part->mirror + 1) % http->n_urls;
    part->mirrors++;
    part->tries = 0;
    /* What came of another file is not a beginning of this one. */
    g_byte_array_set_size (part->got, 0);
    g_clear_pointer (&part->got_etag, g_free);
  }
  if (part->mirrors == http->n_urls)
    return fail (http, part, why);
  gint64 pause = part->tries == 0 ? 0 : (gint64)(G_USEC_PER_SEC / 5) << part->tries;
  part->not_before = g_get_monotonic_time () + pause;
  g_queue_push_tail (&http->waiting, part);
  return TRUE;
}

static gboolean
start (Http *http, HttpPart *part)
{
  if (part->tries == 0 && part->mirrors == 0)
    part->mirror = http->preferred;
  http_part_prepare (part, http->urls[part->mirror], http->silence);
  if (!http_part_is_file (part))
    return try_again (http, part, "it is no file", FALSE);
  g_ptr_array_add (http->running, part);
  curl_multi_add_handle (http->multi, part->easy);
  return TRUE;
}

/* What failed a moment ago waits for one. */
static gboolean
start_waiting (Http *http)
{
  gint64 now = g_get_monotonic_time ();
  for (guint i = http->waiting.length; i > 0 && http->running->len < MAX_PARALLEL; i--) {
    HttpPart *part = g_queue_pop_head (&http->waiting);
    if (part->not_before > now)
      g_queue_push_tail (&http->waiting, part);
    else if (!start (http, part))
      return FALSE;
  }
  return TRUE;
}

static gboolean
end (Http *http, HttpPart *part, CURLcode result)
{
  gboolean may_help = FALSE;
  g_autofree char *why = http_part_judge (part, result, &may_help);
  http->bytes += http_part_travelled (part);
  curl_multi_remove_handle (http->multi, part->easy);
  g_ptr_array_remove_fast (http->running, part);
  if (why == NULL && !check_etag (http, part))
    why = g_strdup ("it was changed while it was read");
  if (why != NULL)
    return try_again (http, part, why, may_help);
  http->preferred = part->mirror;
  gboolean done = part->func (part->got, part->user_data);
  http_part_free (part);
  return done;
}

static gboolean
collect (Http *http)
{
  int left;
  for (CURLMsg *message = curl_multi_info_read (http->multi, &left); message != NULL;
       message = curl_multi_info_read (http->multi, &left)) {
    HttpPart *part = NULL;
    if (message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo (message->easy_handle, CURLINFO_PRIVATE, &part);
    if (!end (http, part, message->data.result))
      return FALSE;
  }
  return TRUE;
}

gboolean
http_run (Http *http)
{
  while (http->waiting.length > 0 || http->running->len > 0) {
    int running;
    if (!start_waiting (http) || http->call->host->cancelled (http->call))
      return FALSE;
    CURLMcode code = curl_multi_perform (http->multi, &running);
    if (code == CURLM_OK && !collect (http))
      return FALSE;
    if (code == CURLM_OK && http->waiting.length + http->running->len > 0)
      code = curl_multi_poll (http->multi, NULL, 0, running == 0 ? 20 : POLL_MS, NULL);
    if (code != CURLM_OK)
      return cbt_fail (http->call, VMFORGE_PLUGIN_FAILED, "libcurl: %s", curl_multi_strerror (code));
  }
  return TRUE;
}
