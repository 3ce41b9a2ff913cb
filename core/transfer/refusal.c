/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/refusal.h"

#include "plugin/exchange.h"
#include "plugin/transport.h"

static const struct vmforge_content *
refuse (gpointer why, guint32 *count, GError **error)
{
  *count = 0;
  g_propagate_error (error, g_error_copy (why));
  return NULL;
}

static void
tell_figures (gpointer why, const struct vmforge_transfer *figures)
{
}

/* A transport asks for the contents before it takes any offer, so that nothing else is ever asked for. */
static const VfExchange exchange = {.contents = refuse, .figures = tell_figures};

gboolean
vf_refusal_send (const char *transport, const GError *why, int input, int output)
{
  const VfHost host = {.exchange = &exchange, .exchange_data = (gpointer)why};
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfTransport) opened = vf_transport_open (transport, 0, &host, &failure);
  gboolean told = FALSE;
  if (opened != NULL)
    vf_transport_receive (opened, input, output, &told, &failure);
  return told;
}
