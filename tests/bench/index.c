/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* How long making a block index takes: bench-index FOLDER MIB CHANGED PIECES COUNT prints a JSON object of
 * lists of COUNT values: SHA-256 of one thread, and of one per processor, bytes a second; processor time and
 * time, in seconds, for the index of a volume of MIB of data in the page cache; time for that of one which
 * differs from it in CHANGED KiB, in PIECES places. */
#include "blocks/index-build.h"
#include "support/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK ((gsize)1 << 20)

typedef struct {
  int dirfd, fd;
  guint64 bytes;
  GArray *differences;
  char *root;
} Bench;

static void
fail (const char *what, const GError *error)
{
  fprintf (stderr, "bench-index: %s: %s\n", what, error == NULL ? g_strerror (errno) : error->message);
  exit (1);
}

static double
seconds_since (gint64 begin)
{
  return (double)(g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
}

/* No two blocks are the same. */
static void
fill (guint64 *data, gsize length, guint64 seed)
{
  for (gsize i = 0; i < length / sizeof *data; i++) {
    seed = seed * G_GUINT64_CONSTANT (6364136223846793005) + G_GUINT64_CONSTANT (1442695040888963407);
    data[i] = seed;
  }
}

static void
put (const Bench *bench, guint64 offset, gsize length, guint64 seed)
{
  g_autofree guint64 *data = g_malloc (length);
  fill (data, length, seed);
  if (pwrite (bench->fd, data, length, (off_t)offset) != (ssize_t)length)
    fail ("write", NULL);
}

static double
hash_alone (guint64 bytes)
{
  g_autofree guint64 *data = g_malloc (CHUNK);
  guint8 digest[VF_DIGEST_BYTES];
  fill (data, CHUNK, 7);
  gint64 begin = g_get_monotonic_time ();
  for (guint64 done = 0; done < bytes; done += CHUNK)
    vf_digest_bytes (data, CHUNK, digest);
  return (double)bytes / seconds_since (begin);
}

static gpointer
hash_in_thread (gpointer data)
{
  hash_alone (*(const guint64 *)data);
  return NULL;
}

/* By one thread per processor, at the same time: what others leave of the machine. */
static double
hash_together (guint64 bytes)
{
  guint threads = g_get_num_processors ();
  guint64 each = bytes / threads;
  g_autofree GThread **running = g_new (GThread *, threads);
  gint64 begin = g_get_monotonic_time ();
  for (guint i = 0; i < threads; i++)
    running[i] = g_thread_new ("hash", hash_in_thread, &each);
  for (guint i = 0; i < threads; i++)
    g_thread_join (running[i]);
  return (double)(each * threads) / seconds_since (begin);
}

/* Of all threads, as long as the process is there. */
static double
processor_seconds (void)
{
  struct timespec now;
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double
build (Bench *bench, const char *path, const VfBlockIndex *parent)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *root = NULL;
  guint64 own;
  VfBlockSource source = {.volume = {bench->fd, bench->bytes},
                          .parent = parent,
                          .differences = parent == NULL ? NULL : bench->differences};
  gint64 begin = g_get_monotonic_time ();
  if (!vf_block_index_build (&source, bench->dirfd, path, &root, &own, &error))
    fail (path, error);
  double seconds = seconds_since (begin);
  g_free (bench->root);
  bench->root = g_steal_pointer (&root);
  return seconds;
}

static void
change (Bench *bench, guint64 changed, guint64 pieces)
{
  gsize length = MAX (changed / pieces / VF_BLOCK_BYTES, 1) * VF_BLOCK_BYTES;
  for (guint64 i = 0; i < pieces; i++) {
    VfExtent extent = {.offset = bench->bytes / pieces * i / VF_BLOCK_BYTES * VF_BLOCK_BYTES,
                       .length = length};
    put (bench, extent.offset, length, ~i);
    g_array_append_val (bench->differences, extent);
  }
}

static void
print (const char *name, const double *values, int count, const char *end)
{
  printf ("\"%s\": [", name);
  for (int i = 0; i < count; i++)
    printf ("%s%.6f", i == 0 ? "" : ", ", values[i]);
  printf ("]%s", end);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc != 6)
    return 2;
  Bench bench = {.dirfd = open (argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC),
                 .bytes = g_ascii_strtoull (argv[2], NULL, 10) << 20,
                 .differences = g_array_new (FALSE, FALSE, sizeof (VfExtent))};
  int count = atoi (argv[5]);
  g_autofree double *alone = g_new (double, count), *together = g_new (double, count);
  g_autofree double *whole = g_new (double, count), *child = g_new (double, count);
  g_autofree double *processor = g_new (double, count);
  bench.fd = openat (bench.dirfd, "volume", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  for (guint64 offset = 0; offset < bench.bytes; offset += CHUNK)
    put (&bench, offset, CHUNK, offset);
  fdatasync (bench.fd);
  for (int i = 0; i < count; i++) {
    alone[i] = hash_alone (bench.bytes);
    together[i] = hash_together (bench.bytes);
    double before = processor_seconds ();
    whole[i] = build (&bench, "parent", NULL);
    processor[i] = processor_seconds () - before;
  }
  g_autoptr (VfBlockIndex) parent = vf_block_index_open (bench.dirfd, "parent", bench.root, &error);
  if (parent == NULL)
    fail ("parent", error);
  change (&bench, g_ascii_strtoull (argv[3], NULL, 10) << 10, g_ascii_strtoull (argv[4], NULL, 10));
  for (int i = 0; i < count; i++)
    child[i] = build (&bench, "child", parent);
  g_autofree char *root = g_strdup (bench.root);
  build (&bench, "again", NULL);
  if (strcmp (root, bench.root) != 0)
    fail ("the index of the child is not that of its content", NULL);
  printf ("{");
  print ("alone", alone, count, ", ");
  print ("together", together, count, ", ");
  print ("processor", processor, count, ", ");
  print ("whole", whole, count, ", ");
  print ("child", child, count, "}\n");
  return 0;
}
