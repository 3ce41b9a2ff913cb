/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/display.h"

#include "spec/spec.h"
#include "support/error.h"

#include <string.h>
#include <unistd.h>

static void
stage_clear (VfDisplayStage *stage)
{
  g_clear_pointer (&stage->spec, g_free);
  g_clear_pointer (&stage->key, g_free);
  g_clear_pointer (&stage->what, g_free);
  g_clear_pointer (&stage->log, g_free);
}

static void
stage_free (gpointer stage)
{
  stage_clear (stage);
  g_free (stage);
}

static void
image_free (gpointer data)
{
  VfDisplayImage *image = data;
  g_free (image->name);
  g_free (image->path);
  g_free (image);
}

static const VfDisplayMode *
choose_mode (const VfCli *cli)
{
  if (cli->json)
    return &vf_display_json;
  if (cli->quiet)
    return &vf_display_quiet;
  const char *term = g_getenv ("TERM");
  gboolean live = isatty (STDOUT_FILENO) && term != NULL && !g_str_equal (term, "dumb");
  return live ? &vf_display_tty : &vf_display_plain;
}

VfDisplay *
vf_display_new (const VfCli *cli, GPtrArray *specs)
{
  VfDisplay *display = g_new0 (VfDisplay, 1);
  display->mode = choose_mode (cli);
  display->cli = cli;
  display->several = specs->len > 1;
  display->specs = g_ptr_array_ref (specs);
  display->told = g_new0 (VfDisplaySpec, specs->len);
  display->color = vf_cli_use_color (cli, stdout);
  display->stages = g_ptr_array_new_with_free_func (stage_free);
  display->images = g_ptr_array_new_with_free_func (image_free);
  display->warnings = g_ptr_array_new_with_free_func (g_free);
  display->planning.fraction = -1;
  display->planning.state = VMFORGE_STATE_BUILDING;
  display->began = g_get_monotonic_time ();
  if (display->mode->begin != NULL)
    display->mode->begin (display);
  return display;
}

void
vf_display_free (VfDisplay *display)
{
  if (display == NULL)
    return;
  stage_clear (&display->planning);
  g_ptr_array_unref (display->specs);
  g_free (display->told);
  g_ptr_array_unref (display->stages);
  g_ptr_array_unref (display->images);
  g_ptr_array_unref (display->warnings);
  g_free (display);
}

static VfDisplayStage *
find_stage (VfDisplay *display, const VmforgeEvent *event)
{
  if (event->stage_key == NULL)
    return NULL;
  for (guint i = 0; i < display->stages->len; i++) {
    VfDisplayStage *stage = display->stages->pdata[i];
    if (stage->kind == event->stage && g_strcmp0 (stage->spec, event->spec) == 0)
      return stage;
  }
  VfDisplayStage *stage = g_new0 (VfDisplayStage, 1);
  stage->spec = g_strdup (event->spec);
  stage->kind = event->stage;
  stage->key = g_strdup (event->stage_key);
  stage->fraction = -1;
  g_ptr_array_add (display->stages, stage);
  return stage;
}

static void
set_text (char **text, const char *value)
{
  g_free (*text);
  *text = g_strdup (value);
}

static void
update_stage (VfDisplayStage *stage, const VmforgeEvent *event)
{
  if (event->type == VMFORGE_EVENT_STAGE) {
    stage->state = event->state;
    if (event->path != NULL)
      set_text (&stage->log, event->path);
  }
  if (event->type != VMFORGE_EVENT_STAGE && event->type != VMFORGE_EVENT_PROGRESS)
    return;
  if (event->type == VMFORGE_EVENT_STAGE || event->fraction >= 0)
    stage->fraction = event->fraction;
  /* Writing a format of the image is progress too, but not the stage's. */
  if (event->type == VMFORGE_EVENT_STAGE || event->state == VMFORGE_STATE_BUILDING)
    stage->seconds = event->seconds;
  stage->seen = g_get_monotonic_time ();
  if (event->message != NULL && g_strcmp0 (stage->what, event->message) != 0)
    set_text (&stage->what, event->message);
}

static void
update_spec (VfDisplay *display, const VmforgeEvent *event)
{
  guint index = 0;
  while (index < display->specs->len &&
         g_strcmp0 (((const VmforgeSpec *)display->specs->pdata[index])->path, event->spec) != 0)
    index++;
  if (index == display->specs->len)
    return;
  gboolean begins = event->type == VMFORGE_EVENT_STAGE &&
                    (event->state == VMFORGE_STATE_BUILDING || event->state == VMFORGE_STATE_BLOCKED);
  if (event->type == VMFORGE_EVENT_SPEC && event->state != VMFORGE_STATE_WAITING)
    display->told[index] = event->state == VMFORGE_STATE_BUILT ? VF_SPEC_BUILT : VF_SPEC_FAILED;
  else if (begins && display->told[index] == VF_SPEC_NOT_BEGUN)
    display->told[index] = VF_SPEC_BEGUN;
}

/* One image may be written in several formats. */
static void
add_image (VfDisplay *display, const VmforgeEvent *event)
{
  VfDisplayImage *image = g_new0 (VfDisplayImage, 1);
  image->name = g_strdup (event->image);
  image->path = g_strdup (event->path);
  image->named = event->message != NULL;
  g_ptr_array_add (display->images, image);
}

void
vf_display_event (const VmforgeEvent *event, gpointer data)
{
  VfDisplay *display = data;
  if (display->mode->lock != NULL)
    display->mode->lock (display);
  update_spec (display, event);
  VfDisplayStage *stage = find_stage (display, event);
  update_stage (stage == NULL ? &display->planning : stage, event);
  if (stage != NULL) /* the plan is made */
    set_text (&display->planning.what, NULL);
  if (event->type == VMFORGE_EVENT_IMAGE)
    add_image (display, event);
  if (event->type == VMFORGE_EVENT_WARNING && event->message != NULL)
    g_ptr_array_add (display->warnings, g_strdup (event->message));
  display->mode->event (display, event, stage);
  if (display->mode->unlock != NULL)
    display->mode->unlock (display);
}

void
vf_display_end (VfDisplay *display, const GError *error)
{
  if (display->mode->end != NULL)
    display->mode->end (display);
  display->failed = error != NULL;
  if (display->mode == &vf_display_json) {
    vf_summary_print_json (display, error == NULL);
    return;
  }
  if (error == NULL && display->mode != &vf_display_quiet)
    vf_summary_print (display);
  else if (error != NULL) {
    if (display->several && display->mode != &vf_display_quiet)
      vf_summary_print_specs (display);
    if (vf_error_exit_status (error) != 130)
      vf_summary_print_failure (display);
  }
  fflush (stdout);
}

const char *
vf_display_state_name (VmforgeStageState state)
{
  static const char *const names[] = {
      [VMFORGE_STATE_WAITING] = "waiting",   [VMFORGE_STATE_BLOCKED] = "waiting",
      [VMFORGE_STATE_BUILDING] = "building", [VMFORGE_STATE_BUILT] = "built",
      [VMFORGE_STATE_REUSED] = "reused",     [VMFORGE_STATE_FAILED] = "failed",
  };
  return state < G_N_ELEMENTS (names) ? names[state] : "unknown";
}

double
vf_display_seconds (const VfDisplayStage *stage)
{
  if (stage->state != VMFORGE_STATE_BUILDING && stage->state != VMFORGE_STATE_BLOCKED)
    return stage->seconds;
  return stage->seconds + (double)(g_get_monotonic_time () - stage->seen) / G_USEC_PER_SEC;
}

const char *
vf_display_failure_name (const VfDisplay *display)
{
  return g_cancellable_is_cancelled (display->cli->cancellable) ? "stopped" : "failed";
}

const char *
vf_display_spec_result (const VfDisplay *display, guint index)
{
  switch (display->told[index]) {
  case VF_SPEC_BUILT:
    return "built";
  case VF_SPEC_FAILED:
    return vf_display_failure_name (display);
  case VF_SPEC_BEGUN:
    return "stopped";
  default:
    return "not begun";
  }
}

char *
vf_display_label (const VfDisplay *display, const VfDisplayStage *stage)
{
  const char *name = stage == &display->planning ? "plan" : vmforge_stage_name (stage->kind);
  if (!display->several || stage->spec == NULL)
    return g_strdup (name);
  g_autofree char *spec = g_path_get_basename (stage->spec);
  return g_strdup_printf ("%s: %s", spec, name);
}

char *
vf_display_paint (const VfDisplay *display, int sgr, const char *text)
{
  return display->color ? g_strdup_printf ("\033[%dm%s\033[0m", sgr, text) : g_strdup (text);
}

static void
quiet_event (VfDisplay *display, const VmforgeEvent *event, VfDisplayStage *stage)
{
  if (event->type == VMFORGE_EVENT_WARNING)
    fprintf (stderr, "vmforge: warning: %s\n", event->message);
}

const VfDisplayMode vf_display_quiet = {.event = quiet_event};
