/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* bench-chain STORAGE STORE LENGTH: clones of clones, each with random writes; then all of them hold what
 * they must, and between any two the storage calls no byte the same that differs. Prints what it did. */
#include "plugin/storage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BYTES  ((gsize)8 << 20)
#define WRITES 40
#define MOST   (70 * 1024)

static void
check (const GError *error)
{
  if (error == NULL)
    return;
  fprintf (stderr, "bench-chain: %s\n", error->message);
  exit (1);
}

static void
fail (const char *what, guint a, guint b)
{
  fprintf (stderr, "bench-chain: volumes %u and %u: %s\n", a, b, what);
  exit (1);
}

static char *
name_of (guint number)
{
  return g_strdup_printf ("%032u", number);
}

/* Writes at random places, to the volume and to what it shall hold. */
static void
scribble (const char *path, guint8 *model, GRand *random)
{
  g_autofree guint8 *data = g_malloc (MOST);
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  for (guint i = 0; i < WRITES; i++) {
    gsize length = (gsize)g_rand_int_range (random, 1, MOST);
    gsize offset = (gsize)g_rand_int_range (random, 0, (gint32)(BYTES - length));
    memset (data, g_rand_int_range (random, 0, 256), length);
    if (fd < 0 || pwrite (fd, data, length, (off_t)offset) != (ssize_t)length)
      fail ("cannot be written", i, i);
    memcpy (model + offset, data, length);
  }
  close (fd);
}

static void
make (VfStorage *storage, guint number, guint8 *model, GRand *random)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *id = name_of (number), *parent = name_of (number - 1), *path = NULL;
  if (number == 0)
    vf_storage_create (storage, id, BYTES, &error);
  else
    vf_storage_clone (storage, id, parent, &error);
  check (error);
  vf_storage_map (storage, id, FALSE, &path, &error);
  check (error);
  scribble (path, model, random);
  vf_storage_unmap (storage, id, &error);
  check (error);
  vf_storage_seal (storage, id, &error);
  check (error);
}

static void
verify (VfStorage *storage, guint number, const guint8 *model)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *id = name_of (number), *path = NULL;
  g_autofree guint8 *found = g_malloc (BYTES);
  vf_storage_map (storage, id, TRUE, &path, &error);
  check (error);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || pread (fd, found, BYTES, 0) != (ssize_t)BYTES || memcmp (found, model, BYTES) != 0)
    fail ("does not hold what was written", number, number);
  close (fd);
  vf_storage_unmap (storage, id, &error);
  check (error);
}

/* The bytes that are told as changed. */
static guint64
compare (VfStorage *storage, guint a, guint b, guint8 **models)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *left = name_of (a), *right = name_of (b);
  g_autoptr (GArray) extents = vf_storage_differences (storage, left, right, BYTES, &error);
  guint64 changed = 0;
  check (error);
  for (guint i = 0; i < extents->len; i++) {
    const VfExtent *extent = &g_array_index (extents, VfExtent, i);
    if (extent->state != VMFORGE_EXTENT_SAME)
      changed += extent->length;
    else if (memcmp (models[a] + extent->offset, models[b] + extent->offset, extent->length) != 0)
      fail ("what differs is told to be the same", a, b);
  }
  return changed;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  VfHost host = {0};
  if (argc != 4)
    return 2;
  guint length = (guint)atoi (argv[3]);
  g_autoptr (VfStorage) storage =
      vf_storage_open (argv[1], argv[2], "0123456789abcdef0123456789abcdef", &host, &error);
  check (error);
  g_autofree guint8 **models = g_new0 (guint8 *, length);
  g_autoptr (GRand) random = g_rand_new ();
  for (guint i = 0; i < length; i++) {
    models[i] = i == 0 ? g_malloc0 (BYTES) : g_memdup2 (models[i - 1], BYTES);
    make (storage, i, models[i], random);
  }
  for (guint i = 0; i < length; i++)
    verify (storage, i, models[i]);
  guint64 changed = 0;
  for (guint i = 1; i < length; i++)
    changed += compare (storage, 0, i, models) + compare (storage, i - 1, i, models);
  printf ("%u volumes, %" G_GUINT64_FORMAT " bytes told as changed\n", length, changed);
  for (guint i = 0; i < length; i++)
    g_free (models[i]);
  return changed > 0 && changed < (guint64)2 * length * BYTES ? 0 : 1;
}
