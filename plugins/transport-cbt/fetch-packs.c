/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Which windows of which packs have the blocks that are wanted. Packs that no block is found in are never
 * looked into, nor is their table fetched before a block was not in those above them. */
#include "fetch.h"

#include <string.h>

#define GAP_BYTES   (64u * 1024)
#define RANGE_BYTES (1024u * 1024)
#define GAP_BLOCKS  4

static gboolean
keep_bytes (GByteArray *bytes, gpointer user_data)
{
  GByteArray **room = user_data;
  *room = g_byte_array_ref (bytes);
  return TRUE;
}

static GByteArray *
read_range (Fetcher *fetcher, const char *path, guint64 offset, guint64 length, HttpFlags flags)
{
  GByteArray *bytes = NULL;
  guint64 before = http_bytes (fetcher->http);
  http_get (fetcher->http, path, offset, length, flags, keep_bytes, &bytes);
  if (http_run (fetcher->http)) {
    fetcher->figures.index_bytes += http_bytes (fetcher->http) - before;
    return bytes;
  }
  g_clear_pointer (&bytes, g_byte_array_unref);
  return NULL;
}

static gboolean
refuse (Fetcher *fetcher, const char *path)
{
  return cbt_fail (fetcher->call, VMFORGE_PLUGIN_FAILED, "'%s' of the repository is no pack, or damaged",
                   path);
}

static gboolean
read_table (Fetcher *fetcher, Pack *pack)
{
  PackHeader header;
  g_autoptr (GByteArray) first = read_range (fetcher, pack->path, 0, PACK_FIRST, HTTP_SHORT);
  if (first == NULL)
    return FALSE;
  if (first->len < PACK_HEADER || !pack_header_read (first->data, &header))
    return refuse (fetcher, pack->path);
  guint64 end = PACK_HEADER + header.table_bytes;
  fetcher->table_bytes += header.table_bytes;
  if (fetcher->table_bytes > PACK_TABLE_MAX)
    return refuse (fetcher, pack->path);
  if (end > first->len) {
    g_autoptr (GByteArray) more = read_range (fetcher, pack->path, first->len, end - first->len, 0);
    if (more == NULL)
      return FALSE;
    /* As the range was one, so is what came of it. */
    g_autoptr (GByteArray) whole = g_byte_array_new ();
    g_byte_array_append (whole, first->data, first->len);
    g_byte_array_append (whole, more->data, more->len);
    pack->windows = pack_table_read (&header, whole->data + PACK_HEADER);
  } else {
    pack->windows = pack_table_read (&header, first->data + PACK_HEADER);
  }
  return pack->windows != NULL || refuse (fetcher, pack->path);
}

static gboolean
window_has (const PackWindow *window, guint64 block)
{
  for (guint i = 0; i < window->runs->len; i++) {
    const Run *run = &g_array_index (window->runs, Run, i);
    if (block >= run->block && block < run->block + run->count)
      return TRUE;
  }
  return FALSE;
}

/* The window of a table that has the block; NULL if none. */
static const PackWindow *
find_window (const Pack *pack, guint64 block)
{
  guint low = 0, high = pack->windows->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    const PackWindow *window = &g_array_index (pack->windows, PackWindow, middle);
    if (g_array_index (window->runs, Run, 0).block > block)
      high = middle;
    else
      low = middle + 1;
  }
  const PackWindow *window = low == 0 ? NULL : &g_array_index (pack->windows, PackWindow, low - 1);
  return window != NULL && window_has (window, block) ? window : NULL;
}

/* In the pack that is nearest to the image: those below it have what was there before. */
static gboolean
locate (Fetcher *fetcher, guint64 block, const Pack **pack, const PackWindow **window)
{
  *window = NULL;
  for (guint i = 0; i < fetcher->packs->len && *window == NULL; i++) {
    Pack *next = &g_array_index (fetcher->packs, Pack, i);
    if (next->windows == NULL && !read_table (fetcher, next))
      return FALSE;
    *pack = next;
    *window = find_window (next, block);
  }
  return TRUE;
}

/* ---- from packs */

/* Windows of one range of a file. */
typedef struct {
  Fetcher *fetcher;
  const char *path;
  guint64 from;
  GPtrArray *jobs; /* FetchJob; owned */
} Range;

static void
range_free (gpointer data)
{
  Range *range = data;
  g_ptr_array_unref (range->jobs);
  g_free (range);
}

static guint64
start_of (const FetchJob *job)
{
  return job->window != NULL ? job->window->offset : job->block * BLOCK;
}

/* The crew may be busy: then the servers wait as well. */
static gboolean
take_range (GByteArray *bytes, gpointer user_data)
{
  Range *range = user_data;
  gboolean pushed = TRUE;
  while (pushed && range->jobs->len > 0) {
    FetchJob *job = g_ptr_array_steal_index (range->jobs, 0);
    job->bytes = g_byte_array_ref (bytes);
    job->offset = start_of (job) - range->from;
    pushed = crew_push (range->fetcher->crew, job);
  }
  fetch_tell (range->fetcher);
  return pushed;
}

static int
compare_jobs (gconstpointer a, gconstpointer b)
{
  guint64 x = start_of (*(const FetchJob *const *)a), y = start_of (*(const FetchJob *const *)b);
  return (x > y) - (x < y);
}

/* Jobs of one file; taken out of the array. */
static void
ask_jobs (Fetcher *fetcher, const char *path, GPtrArray *jobs, GPtrArray *ranges)
{
  Range *range = NULL;
  guint64 end = 0;
  g_ptr_array_sort (jobs, compare_jobs);
  while (jobs->len > 0) {
    FetchJob *job = g_ptr_array_steal_index (jobs, 0);
    guint64 start = start_of (job);
    if (range == NULL || start > end + GAP_BYTES || start + job->length - range->from > RANGE_BYTES) {
      if (range != NULL)
        http_get (fetcher->http, path, range->from, end - range->from, 0, take_range, range);
      range = g_new0 (Range, 1);
      *range = (Range){fetcher, path, start, g_ptr_array_new_with_free_func (fetch_job_free)};
      g_ptr_array_add (ranges, range);
      end = start;
    }
    g_ptr_array_add (range->jobs, job);
    end = MAX (end, start + job->length);
  }
  if (range != NULL)
    http_get (fetcher->http, path, range->from, end - range->from, 0, take_range, range);
}

static FetchJob *
new_job (Fetcher *fetcher, const char *path, const PackWindow *window, guint64 block)
{
  FetchJob *job = g_new0 (FetchJob, 1);
  job->fetcher = fetcher;
  job->path = path;
  job->window = window;
  job->block = block;
  job->length = window == NULL ? 0 : window->length;
  job->wanted = g_array_new (FALSE, FALSE, sizeof (Wanted));
  return job;
}

static GPtrArray *
jobs_of (GHashTable *files, const char *path)
{
  GPtrArray *jobs = g_hash_table_lookup (files, path);
  if (jobs == NULL) {
    jobs = g_ptr_array_new_with_free_func (fetch_job_free);
    g_hash_table_insert (files, (gpointer)path, jobs);
  }
  return jobs;
}

/* ---- from the raw disk, where no pack has it */

static gboolean
add_raw (Fetcher *fetcher, GHashTable *files, const Wanted *wanted)
{
  if (fetcher->what->disk == NULL)
    return cbt_fail (fetcher->call, VMFORGE_PLUGIN_FAILED,
                     "no pack of the repository has block %" G_GUINT64_FORMAT
                     " of the image, and there is no raw disk either",
                     wanted->block);
  GPtrArray *jobs = jobs_of (files, fetcher->what->disk);
  FetchJob *last = jobs->len == 0 ? NULL : g_ptr_array_index (jobs, jobs->len - 1);
  if (last == NULL || wanted->block > last->block + last->length / BLOCK + GAP_BLOCKS ||
      wanted->block - last->block >= PACK_BLOCKS) {
    last = new_job (fetcher, fetcher->what->disk, NULL, wanted->block);
    g_ptr_array_add (jobs, last);
  }
  /* The last block of a disk may be a part of one. */
  last->length = MIN ((wanted->block + 1) * BLOCK, fetcher->what->bytes) - last->block * BLOCK;
  g_array_append_val (last->wanted, *wanted);
  return TRUE;
}

static gboolean
add_wanted (Fetcher *fetcher, GHashTable *files, GHashTable *windows, const Wanted *wanted)
{
  const Pack *pack = NULL;
  const PackWindow *window;
  if (!locate (fetcher, wanted->block, &pack, &window))
    return FALSE;
  if (window == NULL)
    return add_raw (fetcher, files, wanted);
  FetchJob *job = g_hash_table_lookup (windows, window);
  if (job == NULL) {
    job = new_job (fetcher, pack->path, window, 0);
    g_hash_table_insert (windows, (gpointer)window, job);
    g_ptr_array_add (jobs_of (files, pack->path), job);
  }
  g_array_append_val (job->wanted, *wanted);
  return TRUE;
}

gboolean
fetch_wanted (Fetcher *fetcher)
{
  g_autoptr (GHashTable) files =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
  g_autoptr (GHashTable) windows = g_hash_table_new (NULL, NULL);
  g_autoptr (GPtrArray) ranges = g_ptr_array_new_with_free_func (range_free);
  for (guint i = 0; i < fetcher->wanted->len; i++)
    if (!add_wanted (fetcher, files, windows, &g_array_index (fetcher->wanted, Wanted, i)))
      return FALSE;
  GHashTableIter iter;
  gpointer path, jobs;
  g_hash_table_iter_init (&iter, files);
  while (g_hash_table_iter_next (&iter, &path, &jobs))
    ask_jobs (fetcher, path, jobs, ranges);
  return http_run (fetcher->http);
}
