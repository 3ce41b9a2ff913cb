/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/trim.h"

#include "support/units.h"

#define OWN_USES 2 /* of a build: that it is there, and its stages */

static void
on_removed (const VfGarbage *garbage, gpointer user_data)
{
  g_autofree char *size = vf_units_format_size (garbage->bytes);
  g_autofree char *text = garbage->detail == NULL ? g_strdup_printf ("%s (%s)", garbage->name, size)
                                                  : g_strdup_printf ("%s %.12s (%s, %s)", garbage->kind,
                                                                     garbage->name, garbage->detail, size);
  vf_engine_emit (user_data, (VmforgeEvent){.type = VMFORGE_EVENT_REMOVED, .fraction = -1, .message = text});
}

static void
warn (VfEngine *engine, const char *message)
{
  vf_engine_emit (engine, (VmforgeEvent){.type = VMFORGE_EVENT_WARNING, .fraction = -1, .message = message});
}

static gboolean
collect (VfEngine *engine, guint64 max_bytes, guint own_uses, VfGcResult *result)
{
  const VfGcOptions options = {.keep_seconds = -1, .max_bytes = max_bytes, .own_uses = own_uses};
  g_autoptr (GError) error = NULL;
  if (vf_store_gc (engine->store, &options, on_removed, engine, result, engine->cancellable, &error))
    return TRUE;
  g_autofree char *text = g_strdup_printf ("cannot make room in the store: %s", error->message);
  warn (engine, text);
  return FALSE;
}

void
vf_engine_trim (VfEngine *engine)
{
  VfGcResult result;
  guint64 limit = vf_store_limit (engine->store);
  if (g_cancellable_is_cancelled (engine->cancellable) || !collect (engine, limit, OWN_USES, &result) ||
      !result.in_need)
    return;
  g_autofree char *size = vf_units_format_size (result.left), *most = vf_units_format_size (limit);
  g_autofree char *text =
      g_strdup_printf ("the store takes %s, more than its limit of %s, and all of it is needed: "
                       "remove images, or raise `store_limit`",
                       size, most);
  warn (engine, text);
}

gboolean
vf_engine_make_room (VfEngine *engine, guint64 bytes)
{
  static const VfGcOptions all = {.keep_seconds = -1, .max_bytes = 0, .dry_run = TRUE};
  guint64 size, lacking;
  VfGcResult result;
  /* Nothing goes for a build that would lack space all the same. */
  if (!vf_store_lacking (engine->store, bytes, &lacking, NULL) ||
      !vf_store_gc (engine->store, &all, NULL, NULL, &result, engine->cancellable, NULL) ||
      result.bytes < lacking || !vf_store_size (engine->store, &size, NULL))
    return FALSE;
  return collect (engine, size > lacking ? size - lacking : 0, 0, &result) && result.count > 0;
}
