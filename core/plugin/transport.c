/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/transport.h"

#include "plugin/runner.h"
#include "support/error.h"

struct _VfTransport {
  const VfPlugin *plugin;
  const struct vmforge_transport *table;
  const VfHost *host;
  void *handle;
};

static void
begin (VfCall *call, const VfTransport *transport, const char *callback)
{
  vf_call_begin (call, transport->host, transport->plugin->name, callback, VF_CALL_EXCHANGES);
}

VfTransport *
vf_transport_open (const char *setting, guint threads, const VfHost *host, GError **error)
{
  g_auto (GStrv) name = g_strsplit (setting, ":", 2);
  const VfPlugin *plugin = vf_plugin_find (VMFORGE_PLUGIN_TRANSPORT, name[0] ? name[0] : "", error);
  g_auto (GStrv) parameters = NULL;
  if (!plugin || !vf_plugin_parse_parameters (plugin, setting, &parameters, error))
    return NULL;
  struct vmforge_transport_config config = {
      .size = sizeof config,
      .threads = threads > 0 ? threads : MAX (g_get_num_processors (), 1),
      .parameters = (const char *const *)parameters,
  };
  const struct vmforge_transport *table = plugin->descriptor->transport;
  void *handle = NULL;
  g_auto (VfCall) call;
  vf_call_begin (&call, host, plugin->name, "open", 0);
  if (!vf_call_end (&call, table->open (&call.pub, &config, &handle), error))
    return NULL;
  VfTransport *transport = g_new0 (VfTransport, 1);
  *transport = (VfTransport){.plugin = plugin, .table = table, .host = host, .handle = handle};
  return transport;
}

void
vf_transport_close (VfTransport *transport)
{
  vf_call_close (transport->host, transport->table->close, transport->handle);
  g_free (transport);
}

gboolean
vf_transport_send (VfTransport *transport, int input, int output, guint32 content, GBytes *offer,
                   GError **error)
{
  struct vmforge_stream stream = {.size = sizeof stream, .input = input, .output = output};
  struct vmforge_shipment shipment = {.size = sizeof shipment, .content = content};
  shipment.offer = g_bytes_get_data (offer, &shipment.offer_length);
  g_auto (VfCall) call;
  begin (&call, transport, "send");
  return vf_call_end (&call, transport->table->send (transport->handle, &call.pub, &stream, &shipment),
                      error);
}

gboolean
vf_transport_receive (VfTransport *transport, int input, int output, gboolean *told, GError **error)
{
  struct vmforge_stream stream = {.size = sizeof stream, .input = input, .output = output};
  g_auto (VfCall) call;
  begin (&call, transport, "receive");
  int returned = transport->table->receive (transport->handle, &call.pub, &stream);
  *told = call.told;
  return vf_call_end (&call, returned, error);
}

gboolean
vf_transport_can_pack (const VfTransport *transport)
{
  return transport->table->pack != NULL;
}

gboolean
vf_transport_pack (VfTransport *transport, guint32 content, guint32 base, int output, GError **error)
{
  struct vmforge_packing packing = {
      .size = sizeof packing, .content = content, .base = base, .output = output};
  g_return_val_if_fail (vf_transport_can_pack (transport), FALSE);
  g_auto (VfCall) call;
  begin (&call, transport, "pack");
  return vf_call_end (&call, transport->table->pack (transport->handle, &call.pub, &packing), error);
}

static gboolean
check_pulls (const VfTransport *transport, GError **error)
{
  return (transport->table->read_file != NULL && transport->table->fetch != NULL) ||
         vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "plugin '%s' cannot pull images",
                       transport->plugin->name);
}

gboolean
vf_transport_read_file (VfTransport *transport, const char *const *urls, const char *path, guint64 limit,
                        GError **error)
{
  struct vmforge_repository_file file = {.size = sizeof file, .urls = urls, .path = path, .limit = limit};
  if (!check_pulls (transport, error))
    return FALSE;
  g_auto (VfCall) call;
  begin (&call, transport, "read_file");
  return vf_call_end (&call, transport->table->read_file (transport->handle, &call.pub, &file), error);
}

gboolean
vf_transport_fetch (VfTransport *transport, const struct vmforge_fetch *fetch, GError **error)
{
  if (!check_pulls (transport, error))
    return FALSE;
  g_auto (VfCall) call;
  begin (&call, transport, "fetch");
  return vf_call_end (&call, transport->table->fetch (transport->handle, &call.pub, fetch), error);
}
