/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "volumes.h"

#include <fcntl.h>
#include <unistd.h>

int
volume_open (Fixture *fixture, const char *id, gboolean read_only)
{
  g_autofree char *path = NULL;
  GError *error = NULL;
  vf_storage_map (fixture->storage, id, read_only, &path, &error);
  g_assert_no_error (error);
  int fd = open (path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

void
volume_write_block (int fd, guint64 block, guint seed)
{
  guint32 words[BLOCK / 4];
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    words[i] = g_rand_int (rand);
  g_assert_cmpint (pwrite (fd, words, BLOCK, (off_t)(block * BLOCK)), ==, BLOCK);
}

void
volume_create (Fixture *fixture, const char *id, guint64 bytes)
{
  GError *error = NULL;
  vf_storage_create (fixture->storage, id, bytes, &error);
  g_assert_no_error (error);
}

void
volume_seal (Fixture *fixture, const char *id)
{
  GError *error = NULL;
  vf_storage_seal (fixture->storage, id, &error);
  g_assert_no_error (error);
}

void
volume_clone (Fixture *fixture, const char *id, const char *parent)
{
  GError *error = NULL;
  vf_storage_clone (fixture->storage, id, parent, &error);
  g_assert_no_error (error);
}
