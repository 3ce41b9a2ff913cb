/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cbt.h"

static int
cbt_open (Call *call, const struct vmforge_transport_config *config, void **handle)
{
  Cbt *cbt = g_new0 (Cbt, 1);
  /* Each takes some 40 MiB; more would be faster than any link. */
  cbt->threads = CLAMP (config->threads, 1, 4);
  *handle = cbt;
  return 0;
}

static void
cbt_close (void *handle)
{
  g_free (handle);
}

static const struct vmforge_transport cbt_table = {
    .size = sizeof cbt_table,
    .open = cbt_open,
    .close = cbt_close,
    .send = cbt_send,
    .receive = cbt_receive,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_TRANSPORT, sizeof cbt_table, .name = "transport-cbt",
                .version = VMFORGE_VERSION, .description = "Sends only the blocks that the other end lacks",
                .transport = &cbt_table);
