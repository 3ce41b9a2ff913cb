/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* How long a storage takes to clone volumes of several sizes, with the same data, 512 MiB in as many extents
 * (a clone by reference costs by extents): bench-clone STORAGE STORE COUNT GIB… prints for each size its GiB,
 * then COUNT times in seconds. */
#include "plugin/storage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GIB    (G_GUINT64_CONSTANT (1) << 30)
#define PIECES 512
#define CHUNK  ((size_t)1 << 20)

static void
check (const GError *error)
{
  if (error == NULL)
    return;
  fprintf (stderr, "bench-clone: %s\n", error->message);
  exit (1);
}

static void
make_volume (VfStorage *storage, const char *id, guint64 bytes)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL, *data = g_malloc (CHUNK);
  memset (data, 'x', CHUNK);
  vf_storage_create (storage, id, bytes, &error);
  check (error);
  vf_storage_map (storage, id, FALSE, &path, &error);
  check (error);
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  for (guint64 offset = 0; offset < bytes; offset += bytes / PIECES) {
    if (fd < 0 || pwrite (fd, data, CHUNK, (off_t)offset) != (ssize_t)CHUNK) {
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
time_clone (VfStorage *storage, const char *id, const char *parent)
{
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();
  vf_storage_clone (storage, id, parent, &error);
  check (error);
  double seconds = (double)(g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
  vf_storage_remove (storage, id, &error);
  check (error);
  return seconds;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  VfHost host = {0};
  if (argc < 5)
    return 2;
  g_autoptr (VfStorage) storage =
      vf_storage_open (argv[1], argv[2], "0123456789abcdef0123456789abcdef", &host, &error);
  check (error);
  for (int i = 4; i < argc; i++) {
    guint size = (guint)atoi (argv[i]);
    g_autofree char *parent = g_strdup_printf ("%032u", size);
    make_volume (storage, parent, size * GIB);
    printf ("%u", size);
    for (int count = atoi (argv[3]); count > 0; count--)
      printf (" %.6f", time_clone (storage, "ffffffffffffffffffffffffffffffff", parent));
    printf ("\n");
  }
  return 0;
}
