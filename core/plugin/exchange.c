/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/exchange.h"

#include "plugin/runner.h"

#define EXCHANGE(call) (((VfCall *)(call))->host->exchange)
#define DATA(call)     (((VfCall *)(call))->host->exchange_data)

static int
result (struct vmforge_call *call, gboolean done, GError *error)
{
  return done ? 0 : vf_call_pend ((VfCall *)call, error);
}

static int
contents (struct vmforge_call *call, const struct vmforge_content **list, uint32_t *count)
{
  GError *error = NULL;
  *list = EXCHANGE (call)->contents (DATA (call), count, &error);
  return result (call, *list != NULL, error);
}

static int
read_page (struct vmforge_call *call, uint32_t content, uint32_t level, uint64_t page, void *room)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->read_page (DATA (call), content, level, page, room, &error);
  return result (call, done, error);
}

static int
read_blocks (struct vmforge_call *call, uint32_t content, uint64_t block, uint32_t count, void *room)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->read_blocks (DATA (call), content, block, count, room, &error);
  return result (call, done, error);
}

static int
find_block (struct vmforge_call *call, const uint8_t *hash, uint32_t hash_bytes, struct vmforge_place *places,
            uint32_t room)
{
  GError *error = NULL;
  if (hash_bytes < 8 || hash_bytes > VMFORGE_HASH_BYTES)
    return vf_call_refuse ((VfCall *)call, "find_block() with %u bytes of a hash", hash_bytes);
  int count = EXCHANGE (call)->find_block (DATA (call), hash, hash_bytes, places, room, &error);
  return count >= 0 ? count : result (call, FALSE, error);
}

static int
offer (struct vmforge_call *call, const void *data, size_t length, enum vmforge_offer_answer *answer)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->offer (DATA (call), data, length, answer, &error);
  return result (call, done, error);
}

static int
target_begun (struct vmforge_call *call, uint32_t *base)
{
  return EXCHANGE (call)->target_begun (DATA (call), base);
}

static int
target_open (struct vmforge_call *call, uint32_t base)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->target_open (DATA (call), base, &error);
  return result (call, done, error);
}

static int
target_has (struct vmforge_call *call, uint64_t block, const uint8_t *hash, uint32_t hash_bytes)
{
  GError *error = NULL;
  if (hash_bytes < 8 || hash_bytes > VMFORGE_HASH_BYTES)
    return vf_call_refuse ((VfCall *)call, "target_has() with %u bytes of a hash", hash_bytes);
  int has = EXCHANGE (call)->target_has (DATA (call), block, hash, hash_bytes, &error);
  return has >= 0 ? has : result (call, FALSE, error);
}

static int
target_write (struct vmforge_call *call, uint64_t block, uint32_t count, const void *data)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->target_write (DATA (call), block, count, data, &error);
  return result (call, done, error);
}

static int
target_copy (struct vmforge_call *call, uint64_t block, uint64_t count, uint32_t content, uint64_t from)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->target_copy (DATA (call), block, count, content, from, &error);
  return result (call, done, error);
}

static int
target_zero (struct vmforge_call *call, uint64_t block, uint64_t count)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->target_zero (DATA (call), block, count, &error);
  return result (call, done, error);
}

static int
target_publish (struct vmforge_call *call)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->target_publish (DATA (call), &error);
  return result (call, done, error);
}

static int
file (struct vmforge_call *call, const void *bytes, size_t length)
{
  GError *error = NULL;
  gboolean done = EXCHANGE (call)->file (DATA (call), bytes, length, &error);
  return result (call, done, error);
}

static void
figures (struct vmforge_call *call, const struct vmforge_transfer *transfer)
{
  struct vmforge_transfer copy;
  VF_COPY_SIZED (&copy, transfer);
  EXCHANGE (call)->figures (DATA (call), &copy);
}

static const char *
reason (struct vmforge_call *call)
{
  return vf_call_reason ((VfCall *)call);
}

const struct vmforge_exchange vf_call_exchange = {
    .size = sizeof (struct vmforge_exchange),
    .contents = contents,
    .read_page = read_page,
    .read_blocks = read_blocks,
    .find_block = find_block,
    .offer = offer,
    .target_begun = target_begun,
    .target_open = target_open,
    .target_has = target_has,
    .target_write = target_write,
    .target_copy = target_copy,
    .target_zero = target_zero,
    .target_publish = target_publish,
    .file = file,
    .figures = figures,
    .reason = reason,
};
