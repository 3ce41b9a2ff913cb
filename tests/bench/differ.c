/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What it costs to learn in what a clone differs: bench-differ STORAGE STORE COUNT GIB makes a volume, and a
 * clone of it with 100 MiB written in as many places, and prints COUNT times of asking for the differences,
 * then the time of reading one of them through. */
#include "plugin/storage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GIB    (G_GUINT64_CONSTANT (1) << 30)
#define PIECES 100
#define CHUNK  ((size_t)1 << 20)
#define PARENT "00000000000000000000000000000001"
#define CLONE  "00000000000000000000000000000002"

static void
check (const GError *error)
{
  if (error == NULL)
    return;
  fprintf (stderr, "bench-differ: %s\n", error->message);
  exit (1);
}

static char *
map (VfStorage *storage, const char *id, gboolean read_only)
{
  g_autoptr (GError) error = NULL;
  char *path = NULL;
  vf_storage_map (storage, id, read_only, &path, &error);
  check (error);
  return path;
}

static void
write_pieces (VfStorage *storage, const char *id, guint64 bytes, char letter)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = map (storage, id, FALSE), *data = g_malloc (CHUNK);
  memset (data, letter, CHUNK);
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  for (guint64 i = 0; i < PIECES; i++) {
    if (fd < 0 || pwrite (fd, data, CHUNK, (off_t)(i * (bytes / PIECES / CHUNK * CHUNK))) != (ssize_t)CHUNK) {
      perror (path);
      exit (1);
    }
  }
  close (fd);
  vf_storage_unmap (storage, id, &error);
  check (error);
  vf_storage_seal (storage, id, &error);
  check (error);
}

static double
since (gint64 begin)
{
  return (double)(g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
}

static double
time_differences (VfStorage *storage, guint64 bytes)
{
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (GArray) extents = vf_storage_differences (storage, PARENT, CLONE, bytes, &error);
  check (error);
  double seconds = since (begin);
  guint64 changed = 0;
  for (guint i = 0; i < extents->len; i++)
    if (g_array_index (extents, VfExtent, i).state != VMFORGE_EXTENT_SAME)
      changed += g_array_index (extents, VfExtent, i).length;
  if (changed < PIECES * CHUNK || changed > 2 * PIECES * CHUNK) {
    fprintf (stderr, "bench-differ: %" G_GUINT64_FORMAT " bytes are told as changed\n", changed);
    exit (1);
  }
  return seconds;
}

/* Past the page cache. */
static double
time_reading (VfStorage *storage)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = map (storage, CLONE, TRUE);
  void *data = aligned_alloc (4096, 4 * CHUNK);
  gint64 begin = g_get_monotonic_time ();
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_DIRECT);
  ssize_t got = fd < 0 ? -1 : 1;
  while (got > 0)
    got = read (fd, data, 4 * CHUNK);
  if (got < 0) {
    perror (path);
    exit (1);
  }
  double seconds = since (begin);
  close (fd);
  free (data);
  vf_storage_unmap (storage, CLONE, &error);
  check (error);
  return seconds;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  VfHost host = {0};
  if (argc != 5)
    return 2;
  g_autoptr (VfStorage) storage =
      vf_storage_open (argv[1], argv[2], "0123456789abcdef0123456789abcdef", &host, &error);
  check (error);
  guint64 bytes = (guint64)atoi (argv[4]) * GIB;
  vf_storage_create (storage, PARENT, bytes, &error);
  check (error);
  write_pieces (storage, PARENT, bytes, 'x');
  vf_storage_clone (storage, CLONE, PARENT, &error);
  check (error);
  write_pieces (storage, CLONE, bytes, 'y');
  for (int count = atoi (argv[3]); count > 0; count--)
    printf ("%.6f\n", time_differences (storage, bytes));
  printf ("%.6f\n", time_reading (storage));
  return 0;
}
