/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Plain lines, for logs and pipes: one for each change of state, and progress now and then. */
#include "cli/display.h"

#include "support/units.h"

/* A line of progress when both have passed since the last one, or when nothing was told for long. */
#define STEP_SECONDS  5
#define STEP_FRACTION 0.1
#define LONG_SECONDS  30

static void
print_line (const VfDisplay *display, const VfDisplayStage *stage, const char *text)
{
  g_autofree char *label = vf_display_label (display, stage);
  printf ("%s: %s\n", label, text);
  fflush (stdout);
}

static void
told (VfDisplayStage *stage)
{
  stage->told = g_get_monotonic_time ();
  stage->told_fraction = stage->fraction;
}

static void
print_state (const VfDisplay *display, VfDisplayStage *stage)
{
  g_autofree char *time = vf_units_format_seconds (stage->seconds);
  g_autofree char *text = NULL;
  switch (stage->state) {
  case VMFORGE_STATE_WAITING:
    return;
  case VMFORGE_STATE_BLOCKED:
    text = g_strdup_printf ("waiting: %s", stage->what == NULL ? "" : stage->what);
    break;
  case VMFORGE_STATE_REUSED:
    text = g_strdup_printf ("reused (%.12s)", stage->key);
    break;
  case VMFORGE_STATE_BUILT:
    text = g_strdup_printf ("built in %s (%.12s)", time, stage->key);
    break;
  case VMFORGE_STATE_FAILED:
    text = g_strdup_printf ("%s after %s", vf_display_failure_name (display), time);
    break;
  default:
    text = g_strdup (vf_display_state_name (stage->state));
  }
  print_line (display, stage, text);
  told (stage);
}

static void
print_progress (const VfDisplay *display, VfDisplayStage *stage)
{
  double silence = (double)(g_get_monotonic_time () - stage->told) / G_USEC_PER_SEC;
  gboolean moved = stage->fraction - stage->told_fraction >= STEP_FRACTION;
  if (stage->told != 0 && silence < LONG_SECONDS && (silence < STEP_SECONDS || !moved))
    return;
  g_autofree char *time = vf_units_format_seconds (stage->seconds);
  g_autofree char *text = NULL;
  const char *what = stage->what == NULL ? "working" : stage->what;
  if (stage->fraction >= 0)
    text = g_strdup_printf ("%3.0f%% %s (%s)", stage->fraction * 100, what, time);
  else
    text = g_strdup_printf ("%s (%s)", what, time);
  print_line (display, stage, text);
  told (stage);
}

static void
plain_event (VfDisplay *display, const VmforgeEvent *event, VfDisplayStage *stage)
{
  switch (event->type) {
  case VMFORGE_EVENT_STAGE:
    if (stage != NULL)
      print_state (display, stage);
    break;
  case VMFORGE_EVENT_PROGRESS:
    print_progress (display, stage == NULL ? &display->planning : stage);
    break;
  case VMFORGE_EVENT_LOG:
    if (display->cli->verbose && event->message != NULL)
      print_line (display, stage == NULL ? &display->planning : stage, event->message);
    break;
  case VMFORGE_EVENT_WARNING:
    fprintf (stderr, "vmforge: warning: %s\n", event->message);
    break;
  case VMFORGE_EVENT_REMOVED:
    printf ("removed from the store: %s\n", event->message);
    fflush (stdout);
    break;
  case VMFORGE_EVENT_IMAGE:
  case VMFORGE_EVENT_SPEC:
    break;
  }
}

const VfDisplayMode vf_display_plain = {.event = plain_event};
