/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fetch.h"

void
fetch_tell (Fetcher *fetcher)
{
  fetcher->figures.wire_bytes = http_bytes (fetcher->http);
  fetcher->figures.moved_bytes = (guint64)__atomic_load_n (&fetcher->moved, __ATOMIC_RELAXED);
  fetcher->exchange->figures (fetcher->call, &fetcher->figures);
}

static gboolean
run (Fetcher *fetcher)
{
  if (!fetch_tree (fetcher) || !fetch_choose_base (fetcher))
    return FALSE;
  if (fetcher->exchange->target_open (fetcher->call, fetcher->base) < 0)
    return FALSE;
  return fetch_pages (fetcher) && fetcher->exchange->target_publish (fetcher->call) == 0;
}

static void
clear_pack (gpointer data)
{
  Pack *pack = data;
  g_clear_pointer (&pack->windows, g_array_unref);
}

static void
add_packs (Fetcher *fetcher)
{
  fetcher->packs = g_array_new (FALSE, FALSE, sizeof (Pack));
  g_array_set_clear_func (fetcher->packs, clear_pack);
  for (const char *const *path = fetcher->what->packs; path != NULL && *path != NULL; path++) {
    Pack pack = {.path = *path};
    g_array_append_val (fetcher->packs, pack);
  }
}

int
cbt_fetch (void *handle, Call *call, const struct vmforge_fetch *fetch)
{
  const Cbt *cbt = handle;
  Fetcher fetcher = {.call = call, .exchange = call->host->exchange, .what = fetch, .threads = cbt->threads};
  if (fetcher.exchange->contents (call, &fetcher.contents, &fetcher.n_contents) < 0)
    return -1;
  fetcher.figures = (struct vmforge_transfer){.size = sizeof fetcher.figures, .image_bytes = fetch->bytes};
  fetcher.copier = (Copier){.call = call, .hash_bytes = HASH};
  fetcher.http = http_new (call, fetch->urls, cbt->silence);
  fetcher.pages = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  fetcher.wanted = g_array_new (FALSE, FALSE, sizeof (Wanted));
  fetcher.zeros = runs_new ();
  add_packs (&fetcher);
  fetcher.crew = crew_new (fetcher.threads, fetch_job, fetch_job_free, &fetcher);
  gboolean done = run (&fetcher);
  crew_free (fetcher.crew);
  fetch_tell (&fetcher);
  g_array_unref (fetcher.packs);
  g_array_unref (fetcher.zeros);
  g_array_unref (fetcher.wanted);
  g_hash_table_unref (fetcher.pages);
  http_free (fetcher.http);
  return done ? 0 : -1;
}

static gboolean
hand_over (GByteArray *bytes, gpointer user_data)
{
  Call *call = user_data;
  return call->host->exchange->file (call, bytes->data, bytes->len) == 0;
}

int
cbt_read_file (void *handle, Call *call, const struct vmforge_repository_file *file)
{
  const Cbt *cbt = handle;
  g_autoptr (Http) http = http_new (call, file->urls, cbt->silence);
  http_get (http, file->path, 0, file->limit, HTTP_WHOLE, hand_over, call);
  return http_run (http) ? 0 : -1;
}
