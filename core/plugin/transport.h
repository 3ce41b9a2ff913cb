/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Transport plugins as objects, as plugin/storage.h has it for storage. */
#pragma once

#include "plugin/exchange.h"
#include "plugin/plugin.h"

typedef struct _VfTransport VfTransport;

/* setting: `NAME[:key=value,…]`. host, with its exchange, is borrowed for the life of the object. threads: 0
 * for one per processor. */
VfTransport *vf_transport_open (const char *setting, guint threads, const VfHost *host, GError **error);
void vf_transport_close (VfTransport *transport);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfTransport, vf_transport_close)

/* offer: what the peer's exchange is given. */
gboolean vf_transport_send (VfTransport *transport, int input, int output, guint32 content, GBytes *offer,
                            GError **error);
/* *told: the plugin has told the peer why it fails. */
gboolean vf_transport_receive (VfTransport *transport, int input, int output, gboolean *told, GError **error);
/* Optional: see plugin.h. */
gboolean vf_transport_can_pack (const VfTransport *transport);
gboolean vf_transport_pack (VfTransport *transport, guint32 content, guint32 base, int output,
                            GError **error);
/* urls: NULL terminated; the file reaches the exchange. */
gboolean vf_transport_read_file (VfTransport *transport, const char *const *urls, const char *path,
                                 guint64 limit, GError **error);
gboolean vf_transport_fetch (VfTransport *transport, const struct vmforge_fetch *fetch, GError **error);
