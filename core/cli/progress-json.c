/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* One JSON object per line and event; vmforge-build(1) documents them, the CLI suite checks that it does. */
#include "cli/display.h"

/* Progress is told at most this often for a stage, unless it ends. */
#define STEP_MICROSECONDS (G_USEC_PER_SEC / 10)

static VfJson *
new_event (const char *name, const VmforgeEvent *event)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "event", name);
  if (event->spec != NULL)
    vf_json_set_string (json, "spec", event->spec);
  return json;
}

static void
add_stage (VfJson *json, const VmforgeEvent *event)
{
  if (event->stage_key == NULL)
    return;
  vf_json_set_string (json, "stage", vmforge_stage_name (event->stage));
  vf_json_set_string (json, "key", event->stage_key);
}

static void
add_text (VfJson *json, const char *name, const char *value)
{
  if (value != NULL)
    vf_json_set_string (json, name, value);
}

static void
print_stage (const VmforgeEvent *event)
{
  VfJson *json = new_event ("stage", event);
  vf_json_set_string (json, "stage", vmforge_stage_name (event->stage));
  vf_json_set_string (json, "state", vf_display_state_name (event->state));
  vf_json_set (json, "key", vf_cli_json_text (event->stage_key));
  vf_json_set (json, "seconds", vf_cli_json_seconds (event->seconds));
  add_text (json, "message", event->message);
  add_text (json, "log", event->path);
  vf_cli_print_json_line (json);
}

static void
print_progress (const VmforgeEvent *event, VfDisplayStage *stage)
{
  gint64 now = g_get_monotonic_time ();
  if (now - stage->told < STEP_MICROSECONDS && event->fraction < 1)
    return;
  stage->told = now;
  VfJson *json = new_event ("progress", event);
  add_stage (json, event);
  vf_json_set (json, "fraction", event->fraction < 0 ? NULL : vf_cli_json_seconds (event->fraction));
  add_text (json, "message", event->message);
  vf_json_set (json, "seconds", vf_cli_json_seconds (event->seconds));
  vf_cli_print_json_line (json);
}

static void
print_message (const char *name, const VmforgeEvent *event)
{
  VfJson *json = new_event (name, event);
  add_stage (json, event);
  vf_json_set_string (json, "message", event->message == NULL ? "" : event->message);
  vf_cli_print_json_line (json);
}

static void
print_image (const VmforgeEvent *event)
{
  VfJson *json = new_event ("image", event);
  add_text (json, "image", event->image);
  add_text (json, "path", event->path);
  add_text (json, "digest", event->message);
  vf_cli_print_json_line (json);
}

static void
print_spec (const VmforgeEvent *event)
{
  VfJson *json = new_event ("spec", event);
  vf_json_set_string (json, "state", vf_display_state_name (event->state));
  vf_cli_print_json_line (json);
}

static void
json_event (VfDisplay *display, const VmforgeEvent *event, VfDisplayStage *stage)
{
  switch (event->type) {
  case VMFORGE_EVENT_STAGE:
    print_stage (event);
    break;
  case VMFORGE_EVENT_PROGRESS:
    print_progress (event, stage == NULL ? &display->planning : stage);
    break;
  case VMFORGE_EVENT_LOG:
    print_message ("log", event);
    break;
  case VMFORGE_EVENT_WARNING:
    print_message ("warning", event);
    break;
  case VMFORGE_EVENT_REMOVED:
    print_message ("removed", event);
    break;
  case VMFORGE_EVENT_IMAGE:
    print_image (event);
    break;
  case VMFORGE_EVENT_SPEC:
    print_spec (event);
    break;
  }
}

const VfDisplayMode vf_display_json = {.event = json_event};
