/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* How fast the table of blocks is when it has the blocks of so many gigabytes (10^9) of images that share
 * nothing: bench-table FOLDER GIGABYTES SHARE LOOKUPS INSERTS prints a JSON object. Hashes are numbers that
 * are as spread as real ones are, and of no block. Up to WRITTEN_ABOVE all are inserted. Above that pages are
 * written as inserting leaves them, with as many entries as chance gives a page; only one in SHARE (a power
 * of two up to 64) is, in runs, where the disk has no room for all: the others are holes, in which nothing is
 * looked for. INSERTS come on top. Look-ups are made of a cold cache, then of one that has their pages.
 */
#include "blocks/table-private.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITTEN_ABOVE 500                /* GB */
#define AVERAGE       310                /* entries of a page at most, as in table-grow.c */
#define RUN           ((guint64)1 << 14) /* pages */
#define BATCH         ((guint64)1 << 20)
#define FLUSHED       ((off_t)64 << 20)
#define NAME          "blocks"

typedef struct {
  int dirfd;
  VfBlockTable *table;
  guint64 count; /* of entries */
  guint64 pages; /* written; 0: inserted */
  guint64 holes; /* bits that no page has that is written */
} Bench;

static guint64
mix (guint64 i)
{
  guint64 x = i + G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static VfBlockHint
hint_of (guint64 hash)
{
  guint64 place = mix (hash);
  return (VfBlockHint){hash, (guint32)(1 + place % 1000), (guint32)(place >> 36)};
}

static void
fail (const char *what, const GError *error)
{
  fprintf (stderr, "bench-table: %s: %s\n", what, error == NULL ? "?" : error->message);
  exit (1);
}

static double
seconds_since (gint64 begin)
{
  return (double)(g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
}

static gboolean
is_alive (guint32 number, gpointer user_data)
{
  return TRUE;
}

/* Hashes of the numbers from first on. */
static void
insert (Bench *bench, guint64 first, guint64 count)
{
  g_autoptr (GError) error = NULL;
  g_autofree VfBlockHint *hints = g_new (VfBlockHint, MIN (count, BATCH));
  while (count > 0) {
    guint64 now = MIN (count, BATCH);
    for (guint64 i = 0; i < now; i++)
      hints[i] = hint_of (mix (first + i) & ~bench->holes);
    if (!vf_block_table_add (bench->table, hints, now, is_alive, NULL, &error))
      fail ("add", error);
    first += now;
    count -= now;
  }
}

/* About as spread as the number of hashes that fall on one of many pages: the sum of twelve is normal. */
static guint
entries_of (const Bench *bench, guint64 page)
{
  double mean = (double)bench->count / (double)bench->pages, sum = -6, root = 1;
  for (guint64 i = 0; i < 12; i++)
    sum += (double)(mix (~(page * 12 + i)) >> 11) / (double)((guint64)1 << 53);
  for (int i = 0; i < 30; i++)
    root = (root + mean / root) / 2;
  return (guint)CLAMP (mean + sum * root, 0, TABLE_ENTRIES);
}

/* The hash of an entry that belongs to a page. */
static guint64
hash_in (const Bench *bench, guint64 page, guint entry)
{
  return (mix (page * 512 + entry) & ~(bench->pages - 1)) | page;
}

/* What is written is not left in the cache, where others have their files. */
static void
forget (const Bench *bench, off_t offset, off_t length)
{
  if (sync_file_range (bench->table->fd, offset, length,
                       SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) == 0)
    posix_fadvise (bench->table->fd, offset, length, POSIX_FADV_DONTNEED);
}

static void
write_pages (Bench *bench)
{
  g_autoptr (GError) error = NULL;
  guint64 entries = 0, each = (guint64)FLUSHED / VF_BLOCK_BYTES;
  if (ftruncate (bench->table->fd, (off_t)((bench->pages + 1) * VF_BLOCK_BYTES)) < 0)
    fail ("ftruncate", NULL);
  for (guint64 number = 0; number < bench->pages; number++) {
    TablePage page = {0};
    guint count = entries_of (bench, number);
    entries += count;
    if ((number & bench->holes) != 0)
      continue;
    for (guint i = 0; i < count; i++) {
      VfBlockHint hint = hint_of (hash_in (bench, number, i));
      vf_table_put (&page, i, &hint);
    }
    page.count = GUINT16_TO_LE ((guint16)count);
    if (!vf_table_write (bench->table, number, &page, &error))
      fail ("write", error);
    if (number % each == each - 1)
      forget (bench, (off_t)(number / each) * FLUSHED, FLUSHED);
  }
  bench->table->header->pages = GUINT64_TO_LE (bench->pages);
  bench->table->header->entries = GUINT64_TO_LE (entries);
}

static void
fill (Bench *bench, guint gigabytes, guint64 share)
{
  bench->count = gigabytes * G_GUINT64_CONSTANT (1000000000) / VF_BLOCK_BYTES;
  if (gigabytes <= WRITTEN_ABOVE) {
    insert (bench, 0, bench->count);
    return;
  }
  for (bench->pages = 16; bench->count > bench->pages * AVERAGE;)
    bench->pages *= 2;
  bench->holes = (share - 1) * RUN;
  write_pages (bench);
}

static VfBlockHint
pick (const Bench *bench, guint64 random)
{
  if (bench->pages == 0)
    return hint_of (mix (random % bench->count));
  guint64 page = random & (bench->pages - 1) & ~bench->holes;
  return hint_of (hash_in (bench, page, (guint)(random >> 40) % entries_of (bench, page)));
}

/* Returns look-ups a second; all must find what was put there (absent: nothing). */
static double
look_up (const Bench *bench, guint64 count, guint64 seed, gboolean absent)
{
  guint64 wrong = 0;
  g_autofree VfBlockHint *wanted = g_new (VfBlockHint, count);
  for (guint64 i = 0; i < count; i++)
    wanted[i] = absent ? hint_of (mix (mix (seed + i))) : pick (bench, mix (seed + i));
  gint64 begin = g_get_monotonic_time ();
  for (guint64 i = 0; i < count; i++) {
    VfBlockHint found[8];
    gboolean there = FALSE;
    guint n = vf_block_table_find (bench->table, wanted[i].hash, found, G_N_ELEMENTS (found));
    for (guint k = 0; k < n; k++)
      there = there || (found[k].number == wanted[i].number && found[k].block == wanted[i].block);
    wrong += there == absent;
  }
  double seconds = seconds_since (begin);
  if (wrong * 1000 > count) {
    fprintf (stderr, "bench-table: %" G_GUINT64_FORMAT " of the look-ups are wrong\n", wrong);
    exit (1);
  }
  return (double)count / seconds;
}

static void
measure (Bench *bench, guint64 lookups, guint64 inserts)
{
  gint64 begin = g_get_monotonic_time ();
  guint64 first = (guint64)1 << 60;
  fdatasync (bench->table->fd);
  forget (bench, 0, 0);
  /* So few that hardly a page of a small table is read twice, which would not be cold. */
  guint64 few = MIN (lookups, GUINT64_FROM_LE (bench->table->header->pages) / 16);
  printf (" \"cold_lookups\": %.0f,", look_up (bench, few, 1, FALSE));
  look_up (bench, lookups, 1, FALSE);
  printf (" \"warm_lookups\": %.0f,", look_up (bench, lookups, 1, FALSE));
  look_up (bench, lookups, 2, TRUE);
  printf (" \"warm_misses\": %.0f,", look_up (bench, lookups, 2, TRUE));
  forget (bench, 0, 0);
  begin = g_get_monotonic_time ();
  insert (bench, first, inserts);
  printf (" \"cold_inserts\": %.0f,", (double)inserts / seconds_since (begin));
  begin = g_get_monotonic_time ();
  insert (bench, first + inserts, inserts);
  printf (" \"inserts\": %.0f}\n", (double)inserts / seconds_since (begin));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc != 6)
    return 2;
  Bench bench = {.dirfd = open (argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC)};
  bench.table = vf_block_table_open (bench.dirfd, NAME, TRUE, &error);
  if (bench.table == NULL)
    fail (argv[1], error);
  gint64 begin = g_get_monotonic_time ();
  fill (&bench, (guint)atoi (argv[2]), g_ascii_strtoull (argv[3], NULL, 10));
  printf ("{\"entries\": %" G_GUINT64_FORMAT ", \"written\": %s, \"fill_seconds\": %.3f,", bench.count,
          bench.pages > 0 ? "true" : "false", seconds_since (begin));
  printf (" \"pages\": %" G_GUINT64_FORMAT ",", GUINT64_FROM_LE (bench.table->header->pages));
  measure (&bench, g_ascii_strtoull (argv[4], NULL, 10), g_ascii_strtoull (argv[5], NULL, 10));
  vf_block_table_close (bench.table);
  (void)unlinkat (bench.dirfd, NAME, 0);
  return 0;
}
