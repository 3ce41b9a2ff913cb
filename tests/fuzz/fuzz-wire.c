/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Any frames as what a sender says: type, length (two bytes), content, and so on. The engine behind the
 * transport is one that looks at every byte that it is given, and refuses what lies behind the end of its
 * disk. */
#include "receive.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS 4096u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static guint8 sum; /* of all that was looked at, so that it is */

static void
on_error (Call *call, enum vmforge_plugin_error code, const char *format, ...)
{
}

static int
is_cancelled (Call *call)
{
  return 0;
}

static int
judge (uint64_t block, uint64_t count)
{
  g_assert_cmpuint (count, >, 0);
  return block < BLOCKS && count <= BLOCKS - block ? 0 : -1;
}

static int
read_page (Call *call, uint32_t content, uint32_t level, uint64_t page, void *room)
{
  g_assert_cmpuint (content, <, 2);
  memset (room, (int)page, VMFORGE_BLOCK_BYTES);
  return 0;
}

static int
read_blocks (Call *call, uint32_t content, uint64_t block, uint32_t count, void *room)
{
  g_assert_cmpuint (content, <, 2);
  g_assert_cmpint (judge (block, count), ==, 0);
  memset (room, (int)block, (size_t)count * VMFORGE_BLOCK_BYTES);
  return 0;
}

static int
find_block (Call *call, const uint8_t *hash, uint32_t hash_bytes, struct vmforge_place *places, uint32_t room)
{
  for (uint32_t i = 0; i < hash_bytes; i++)
    sum += hash[i];
  if (hash[0] % 2 == 0 || room == 0)
    return 0;
  places[0] = (struct vmforge_place){.content = hash[1] % 2, .block = hash[2]};
  return 1;
}

static int
target_has (Call *call, uint64_t block, const uint8_t *hash, uint32_t hash_bytes)
{
  return judge (block, 1) == 0 ? hash[0] % 3 == 0 : -1;
}

static int
target_write (Call *call, uint64_t block, uint32_t count, const void *data)
{
  if (judge (block, count) < 0)
    return -1;
  for (size_t i = 0; i < (size_t)count * VMFORGE_BLOCK_BYTES; i++)
    sum += ((const uint8_t *)data)[i];
  return 0;
}

static int
target_copy (Call *call, uint64_t block, uint64_t count, uint32_t content, uint64_t from)
{
  g_assert_cmpuint (content, <, 2);
  return judge (block, count) < 0 || judge (from, count) < 0 ? -1 : 0;
}

static int
target_zero (Call *call, uint64_t block, uint64_t count)
{
  return judge (block, count);
}

static const struct vmforge_exchange exchange = {
    .size = sizeof exchange,
    .read_page = read_page,
    .read_blocks = read_blocks,
    .find_block = find_block,
    .target_has = target_has,
    .target_write = target_write,
    .target_copy = target_copy,
    .target_zero = target_zero,
};
static const struct vmforge_host host = {
    .size = sizeof host, .error = on_error, .cancelled = is_cancelled, .exchange = &exchange};

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const uint8_t root[VMFORGE_HASH_BYTES];
  const struct vmforge_content contents[] = {
      {sizeof *contents, 0, BLOCKS * VMFORGE_BLOCK_BYTES, root},
      {sizeof *contents, 0, BLOCKS * VMFORGE_BLOCK_BYTES, root},
  };
  struct vmforge_call call = {&host};
  Receiver receiver = {.call = &call,
                       .exchange = &exchange,
                       .contents = contents,
                       .n_contents = 2,
                       .base = 0,
                       .blocks = BLOCKS,
                       .resumes = size % 2};
  Room room = {0};
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  receiver.wire = (Wire){.call = &call, .input = null, .output = null, .silence = 1};
  g_mutex_init (&receiver.wire.lock);
  while (size >= 3) {
    Frame *frame = g_new0 (Frame, 1);
    frame->type = data[0];
    frame->length = MIN ((size_t)(data[1] | data[2] << 8), size - 3);
    frame->data = g_malloc (MAX (frame->length, 1));
    memcpy (frame->data, data + 3, frame->length);
    data += 3 + frame->length;
    size -= 3 + frame->length;
    (void)receive_frame (frame, &room, &receiver);
  }
  room_clear (&room);
  g_mutex_clear (&receiver.wire.lock);
  close (null);
  return 0;
}
