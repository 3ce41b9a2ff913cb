/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A storage plugin that answers what its parameter `says`: a number, "fail", or "tell" (an error with what it
 * was asked). As its place it gives that text itself; "endless" is one that does not end.
 */
#include "bad/stub.h"

#include <stdlib.h>
#include <string.h>

static int
answers_open (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle)
{
  *handle = strdup (config->parameters[0] ? config->parameters[1] : "");
  return 0;
}

static int
answer (const char *says, struct vmforge_call *call, uint64_t *number)
{
  if (strcmp (says, "fail") == 0) {
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "it is not known");
    return -1;
  }
  *number = strtoull (says, NULL, 0);
  return 0;
}

static int
answers_can_snapshot (void *handle, struct vmforge_call *call, int *can)
{
  uint64_t number = 0;
  int result = answer (handle, call, &number);
  *can = (int)number;
  return result;
}

static int
answers_granularity (void *handle, struct vmforge_call *call, uint64_t *bytes)
{
  return answer (handle, call, bytes);
}

static int
answers_discard (void *handle, struct vmforge_call *call, const char *id, uint64_t offset, uint64_t length)
{
  if (strcmp (handle, "tell") != 0)
    return 0;
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "asked for %c, %d and %d", id[0], (int)offset, (int)length);
  return -1;
}

static int
answers_sync (void *handle, struct vmforge_call *call, const char *id)
{
  return answers_discard (handle, call, id, 1, 2);
}

static int
answers_map (void *handle, struct vmforge_call *call, const char *id, uint32_t flags, char *path)
{
  strcpy (path, "/mapped");
  return 0;
}

static int
answers_unmap (void *handle, struct vmforge_call *call, const char *id)
{
  return answers_discard (handle, call, id, 3, 4);
}

static int
answers_place (void *handle, struct vmforge_call *call, char *text)
{
  if (strcmp (handle, "endless") == 0)
    memset (text, 'x', VMFORGE_PATH_MAX);
  else
    strcpy (text, handle);
  return 0;
}

static int
answers_label (void *handle, struct vmforge_call *call, const char *id, const char *key)
{
  if (strcmp (handle, "tell") != 0)
    return 0;
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "told that %c is for %s", id[0], key);
  return -1;
}

static const struct vmforge_storage table = {
    .size = sizeof table,
    .open = answers_open,
    .close = free,
    .create = stub_create,
    .clone = stub_clone,
    .map = answers_map,
    .unmap = answers_unmap,
    .grow = stub_create,
    .seal = stub_volume,
    .remove = stub_volume,
    .list = stub_list,
    .can_snapshot = answers_can_snapshot,
    .granularity = answers_granularity,
    .sync = answers_sync,
    .discard = answers_discard,
    .place = answers_place,
    .label = answers_label,
};

static const struct vmforge_parameter parameters[] = {
    {"says", "string", NULL, "the answer"},
    {NULL, NULL, NULL, NULL},
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof table, .name = "toy-answers", STUB_TEXTS,
                .parameters = parameters, .storage = &table);
