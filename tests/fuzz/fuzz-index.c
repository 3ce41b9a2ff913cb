/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Any bytes as a block index: whatever is read of it is what its root says, or an error. The hash of the top
 * page is put right, so that damage below it is met as well. */
#include "blocks/index.h"
#include "blocks/verify.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define MOST_PAGES 64

static void
put_right (guint8 *data, size_t size)
{
  VfBlockHeader header;
  VfBlockHash hash;
  if (size < VF_BLOCK_HEADER_BYTES || !vf_block_header_read (data, &header, NULL))
    return;
  off_t at = vf_block_page_offset (header.depth - 1, 0);
  if ((size_t)at + VF_BLOCK_BYTES > size)
    return;
  vf_block_hash (data + at, &hash);
  memcpy (data + VF_BLOCK_HEADER_BYTES - sizeof hash, &hash, sizeof hash);
}

static void
on_fault (const VfBlockFault *fault, gpointer user_data)
{
  g_autofree char *text = vf_block_fault_text (fault);
  g_assert_cmpuint (strlen (text), >, 0);
}

static void
walk (const VfBlockIndex *index)
{
  guint64 page = 0;
  for (guint i = 0; i < MOST_PAGES; i++, page++) {
    VfBlockPage room;
    g_autoptr (GError) error = NULL;
    gboolean found = vf_block_index_next_page (index, &page, &error);
    g_assert_true (found == (error == NULL));
    if (page == G_MAXUINT64)
      return;
    if (found)
      g_assert_true (vf_block_index_read_page (index, 0, page, &room, NULL));
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree guint8 *copy = g_memdup2 (data, size);
  int fd = memfd_create ("index", MFD_CLOEXEC);
  put_right (copy, size);
  g_assert_cmpint (write (fd, copy == NULL ? (const void *)"" : copy, size), ==, (ssize_t)size);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfBlockIndex) index = vf_block_index_open (-1, path, NULL, &error);
  g_assert_true ((index == NULL) == (error != NULL));
  const VfBlockWatcher watcher = {.fault = on_fault};
  if (index != NULL) {
    walk (index);
    g_assert_true (vf_block_index_verify (index, &watcher, NULL, &error));
  }
  close (fd);
  return 0;
}
