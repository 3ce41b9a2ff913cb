/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cbt.h"

#define SILENCE "120"

void
cbt_sha256 (const void *data, gsize length, guint8 digest[HASH])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = HASH;
  g_checksum_update (checksum, data, (gssize)length);
  g_checksum_get_digest (checksum, digest, &size);
}

static const struct vmforge_parameter parameters[] = {
    {"silence", "string", SILENCE, "seconds of silence that are taken for the end of the peer"}, {NULL}};

static gboolean
read_silence (Call *call, const char *const *given, guint *seconds)
{
  const char *text = SILENCE;
  guint64 value;
  for (; given != NULL && *given != NULL; given += 2)
    if (g_str_equal (given[0], "silence"))
      text = given[1];
  if (!g_ascii_string_to_unsigned (text, 10, 1, 86400, &value, NULL))
    return cbt_fail (call, VMFORGE_PLUGIN_INVALID, "'silence' is no number of seconds: '%s'", text);
  *seconds = (guint)value;
  return TRUE;
}

static int
cbt_open (Call *call, const struct vmforge_transport_config *config, void **handle)
{
  Cbt *cbt = g_new0 (Cbt, 1);
  /* Each takes some 40 MiB; more would be faster than any link. */
  cbt->threads = CLAMP (config->threads, 1, 4);
  if (!read_silence (call, config->parameters, &cbt->silence)) {
    g_free (cbt);
    return -1;
  }
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
    .pack = cbt_pack,
    .read_file = cbt_read_file,
    .fetch = cbt_fetch,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_TRANSPORT, sizeof cbt_table, .name = "transport-cbt",
                .version = VMFORGE_VERSION, .description = "Sends only the blocks that the other end lacks",
                .parameters = parameters, .transport = &cbt_table);
