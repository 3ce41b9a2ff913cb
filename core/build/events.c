/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/events.h"

#include "plugin/call.h"
#include "support/fs.h"

#include <string.h>

/* The reader takes lines of at most 64 KiB; a message is cut long before. */
#define MESSAGE_LIMIT 8192

static void
emit (VfEvents *events, VfJson *event)
{
  g_autofree char *text = vf_json_canonical (event);
  g_autofree char *line = g_strconcat (text, "\n", NULL);
  vf_fs_write_all (events->events_fd, line, strlen (line), NULL);
  json_object_put (event);
}

static VfJson *
new_event (const char *name)
{
  VfJson *event = json_object_new_object ();
  vf_json_set_string (event, "event", name);
  return event;
}

static void
set_message (VfJson *event, const char *message)
{
  g_autofree char *valid = g_utf8_make_valid (message, strnlen (message, MESSAGE_LIMIT));
  vf_json_set_string (event, "message", valid);
}

void
vf_events_log (VfEvents *events, const char *line)
{
  g_autofree char *text = g_strconcat (line, "\n", NULL);
  vf_fs_write_all (events->log_fd, text, strlen (text), NULL);
  VfJson *event = new_event ("log");
  set_message (event, line);
  emit (events, event);
}

void
vf_events_logf (VfEvents *events, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *line = g_strdup_vprintf (format, args);
  va_end (args);
  vf_events_log (events, line);
}

void
vf_events_progress (double fraction, const char *what, gpointer user_data)
{
  VfEvents *events = user_data;
  int permille = (int)(fraction * 1000);
  if (permille == events->permille && g_strcmp0 (what, events->what) == 0)
    return;
  events->permille = permille;
  g_free (events->what);
  events->what = g_strdup (what);
  g_autofree char *valid = g_utf8_make_valid (what, strnlen (what, 256));
  VfJson *event = new_event ("progress");
  vf_json_set_int (event, "fraction", permille);
  vf_json_set_string (event, "what", valid);
  emit (events, event);
}

void
vf_events_warning (VfEvents *events, const char *message)
{
  VfJson *event = new_event ("warning");
  set_message (event, message);
  emit (events, event);
}

void
vf_events_written (VfEvents *events, guint64 bytes)
{
  VfJson *event = new_event ("written");
  vf_json_set_int (event, "bytes", (gint64)bytes);
  emit (events, event);
}

void
vf_events_done (VfEvents *events, GPtrArray *packages, const char *root, guint64 own_bytes)
{
  for (guint i = 0; i < packages->len; i++) {
    VfJson *event = new_event ("package");
    vf_json_set (event, "package", vf_package_to_json (packages->pdata[i], FALSE));
    emit (events, event);
  }
  VfJson *event = new_event ("result");
  vf_json_set_bool (event, "ok", TRUE);
  vf_json_set_string (event, "index", root);
  vf_json_set_int (event, "own_bytes", (gint64)own_bytes);
  emit (events, event);
}

void
vf_events_failed (VfEvents *events, const GError *error)
{
  VfJson *event = new_event ("result");
  vf_json_set_bool (event, "ok", FALSE);
  vf_json_set_int (event, "code", error->domain == VMFORGE_ERROR ? error->code : VMFORGE_ERROR_FAILED);
  set_message (event, error->message);
  emit (events, event);
}
