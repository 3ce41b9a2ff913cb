/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a build looks like: events become a model (display.c), and one of three ways shows it: live lines on a
 * terminal, plain lines, JSON lines. */
#pragma once

#include "cli/cli.h"

typedef struct {
  char *spec; /* path */
  VmforgeStageKind kind;
  VmforgeStageState state;
  char *key;
  double fraction; /* negative: unknown */
  double seconds;  /* of the last event */
  gint64 seen;     /* when that was, monotonic microseconds */
  char *what;
  char *log;   /* of a failure, or NULL */
  gint64 told; /* when plain or JSON progress was last told */
  double told_fraction;
} VfDisplayStage;

typedef struct {
  char *name, *path;
  gboolean named; /* in the store: not what --until makes */
} VfDisplayImage;

/* What became of a spec. */
typedef enum { VF_SPEC_NOT_BEGUN, VF_SPEC_BEGUN, VF_SPEC_BUILT, VF_SPEC_FAILED } VfDisplaySpec;

typedef struct _VfDisplay VfDisplay;

typedef struct {
  void (*begin) (VfDisplay *display);
  /* Around each change of the model, where a thread of the mode reads it. NULL: nothing. */
  void (*lock) (VfDisplay *display);
  void (*unlock) (VfDisplay *display);
  /* The model has been changed by the event. stage: NULL while planning. */
  void (*event) (VfDisplay *display, const VmforgeEvent *event, VfDisplayStage *stage);
  void (*end) (VfDisplay *display);
} VfDisplayMode;

struct _VfDisplay {
  const VfDisplayMode *mode;
  const VfCli *cli;
  GPtrArray *specs;    /* VmforgeSpec */
  VfDisplaySpec *told; /* of each */
  GPtrArray *stages;   /* VfDisplayStage */
  GPtrArray *images;   /* VfDisplayImage */
  GPtrArray *warnings; /* char * */
  gboolean several;    /* specs: lines name theirs */
  gboolean failed;     /* once it has ended */
  gboolean color;
  VfDisplayStage planning;
  gint64 began;
  gpointer state; /* of the mode */
};

extern const VfDisplayMode vf_display_tty, vf_display_plain, vf_display_json, vf_display_quiet;

/* specs: VmforgeSpec. */
VfDisplay *vf_display_new (const VfCli *cli, GPtrArray *specs);
/* A VmforgeEventFunc. */
void vf_display_event (const VmforgeEvent *event, gpointer display);
/* Leaves the terminal as it was, and prints the end: a summary, or (error) the last lines of the failed log.
 */
void vf_display_end (VfDisplay *display, const GError *error);
void vf_display_free (VfDisplay *display);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfDisplay, vf_display_free)

/* For the modes. */
/* "built", "failed", "stopped" (by the user, or because another failed), "not begun": of a spec by its index,
 * once the build has ended. */
const char *vf_display_spec_result (const VfDisplay *display, guint index);
const char *vf_display_state_name (VmforgeStageState state);
/* "failed", or "stopped" where the user did it. */
const char *vf_display_failure_name (const VfDisplay *display);
/* Seconds that the stage takes by now. */
double vf_display_seconds (const VfDisplayStage *stage);
/* "appliance", or "web: appliance" where several specs are built. Free the result. */
char *vf_display_label (const VfDisplay *display, const VfDisplayStage *stage);
/* Wraps text in a colour (SGR number) where colours are on. Free the result. */
char *vf_display_paint (const VfDisplay *display, int sgr, const char *text);

/* ---- summary.c */
void vf_summary_print (const VfDisplay *display);
/* The same as an event. */
void vf_summary_print_json (const VfDisplay *display, gboolean ok);
/* What came of each of several specs, if one failed. */
void vf_summary_print_specs (const VfDisplay *display);
/* The end of the failed stage's log, to standard error. */
void vf_summary_print_failure (const VfDisplay *display);
