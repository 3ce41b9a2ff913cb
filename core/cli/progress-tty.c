/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A live line for each running stage. The cursor is never hidden and the screen's modes are never changed, so
 * that there is nothing to restore, however the program ends: a drawing ends at the start of its first line.
 */
#include "cli/display.h"

#include "cli/table.h"
#include "support/units.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define TICK_MICROSECONDS (G_USEC_PER_SEC / 5)
#define BAR_COLUMNS       20
#define BAR_MIN_TERMINAL  70

typedef struct {
  GMutex lock; /* the model and the terminal: events come in one thread, ticks in another */
  GCond wake;
  gboolean ended;
  GThread *ticker;
  guint drawn; /* live lines on the screen, the cursor is at the start of the first */
  gint64 last; /* drawing */
} Tty;

static int
terminal_width (void)
{
  struct winsize size;
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

/* Clears from the first live line on. After the terminal shrank, lines may have been folded: some old text
 * may stay above, which does no harm. */
static void
clear (Tty *tty)
{
  if (tty->drawn > 0)
    fputs ("\r\033[J", stdout);
  tty->drawn = 0;
}

static void
append_bar (GString *line, double fraction)
{
  int filled = CLAMP ((int)(fraction * BAR_COLUMNS + 0.5), 0, BAR_COLUMNS);
  g_string_append_c (line, '[');
  for (int i = 0; i < BAR_COLUMNS; i++)
    g_string_append_c (line, i < filled ? '#' : '.');
  g_string_append (line, "] ");
}

/* "appliance  [######..............]  31%      12 s  installing packages" */
static void
draw_stage (const VfDisplay *display, const VfDisplayStage *stage, int width)
{
  g_autofree char *label = vf_display_label (display, stage);
  int seconds = (int)vf_display_seconds (stage);
  g_autofree char *time =
      seconds < 60 ? g_strdup_printf ("%d s", seconds) : vf_units_format_seconds (seconds);
  g_autoptr (GString) line = g_string_new (NULL);
  g_string_append_printf (line, "%-*s  ", display->several ? 24 : 9, label);
  if (width >= BAR_MIN_TERMINAL && stage->fraction >= 0)
    append_bar (line, stage->fraction);
  if (stage->fraction >= 0)
    g_string_append_printf (line, "%3.0f%%  ", stage->fraction * 100);
  g_string_append_printf (line, "%8s  %s", time, stage->what == NULL ? "" : stage->what);
  /* One column stays free: a full line would make some terminals fold it. */
  g_autofree char *clipped = vf_text_clip (line->str, width - 1);
  printf ("%s\n", clipped);
}

static gboolean
is_live (const VfDisplayStage *stage)
{
  return stage->state == VMFORGE_STATE_BUILDING || stage->state == VMFORGE_STATE_BLOCKED;
}

static void
draw (const VfDisplay *display, Tty *tty)
{
  int width = terminal_width ();
  guint live = 0;
  clear (tty);
  for (guint i = 0; i < display->stages->len; i++)
    if (is_live (display->stages->pdata[i])) {
      draw_stage (display, display->stages->pdata[i], width);
      live++;
    }
  if (live == 0 && display->planning.what != NULL) {
    draw_stage (display, &display->planning, width);
    live++;
  }
  if (live > 0)
    printf ("\033[%uA", live);
  tty->drawn = live;
  tty->last = g_get_monotonic_time ();
  fflush (stdout);
}

static gpointer
tick (gpointer data)
{
  const VfDisplay *display = data;
  Tty *tty = display->state;
  g_mutex_lock (&tty->lock);
  while (!tty->ended) {
    g_cond_wait_until (&tty->wake, &tty->lock, g_get_monotonic_time () + TICK_MICROSECONDS);
    if (!tty->ended && tty->drawn > 0)
      draw (display, tty);
  }
  g_mutex_unlock (&tty->lock);
  return NULL;
}

/* A line that stays, above the live ones. */
static void
print_permanent (const VfDisplay *display, const VfDisplayStage *stage, int sgr, const char *text,
                 const char *more)
{
  g_autofree char *label = vf_display_label (display, stage);
  g_autofree char *painted = vf_display_paint (display, sgr, text);
  printf ("%-*s  %s%s\n", display->several ? 24 : 9, label, painted, more);
}

static void
print_state (const VfDisplay *display, const VfDisplayStage *stage)
{
  g_autofree char *time = vf_units_format_seconds (stage->seconds);
  g_autofree char *more = NULL;
  if (stage->state == VMFORGE_STATE_REUSED) {
    more = g_strdup_printf ("  %.12s", stage->key);
    print_permanent (display, stage, 36, "reused", more);
  } else if (stage->state == VMFORGE_STATE_BUILT) {
    more = g_strdup_printf ("   %.12s  %s", stage->key, time);
    print_permanent (display, stage, 32, "built", more);
  } else if (stage->state == VMFORGE_STATE_FAILED) {
    more = g_strdup_printf ("  after %s", time);
    print_permanent (display, stage, 31, vf_display_failure_name (display), more);
  }
}

static void
print_event (VfDisplay *display, const VmforgeEvent *event, const VfDisplayStage *stage)
{
  if (event->type == VMFORGE_EVENT_STAGE && stage != NULL)
    print_state (display, stage);
  else if (event->type == VMFORGE_EVENT_LOG && display->cli->verbose && event->message != NULL)
    printf ("%s\n", event->message);
  else if (event->type == VMFORGE_EVENT_WARNING) {
    g_autofree char *painted = vf_display_paint (display, 33, "warning:");
    printf ("%s %s\n", painted, event->message);
  } else if (event->type == VMFORGE_EVENT_REMOVED)
    printf ("removed from the store: %s\n", event->message);
}

static void
tty_event (VfDisplay *display, const VmforgeEvent *event, VfDisplayStage *stage)
{
  Tty *tty = display->state;
  if (event->type == VMFORGE_EVENT_PROGRESS) {
    if (tty->drawn > 0 && g_get_monotonic_time () - tty->last < TICK_MICROSECONDS / 2)
      return;
  } else {
    clear (tty);
    print_event (display, event, stage);
  }
  draw (display, tty);
}

static void
tty_begin (VfDisplay *display)
{
  Tty *tty = g_new0 (Tty, 1);
  g_mutex_init (&tty->lock);
  g_cond_init (&tty->wake);
  display->state = tty;
  tty->ticker = g_thread_new ("display", tick, display);
}

static void
tty_lock (VfDisplay *display)
{
  g_mutex_lock (&((Tty *)display->state)->lock);
}

static void
tty_unlock (VfDisplay *display)
{
  g_mutex_unlock (&((Tty *)display->state)->lock);
}

static void
tty_end (VfDisplay *display)
{
  Tty *tty = display->state;
  tty_lock (display);
  tty->ended = TRUE;
  clear (tty);
  fflush (stdout);
  g_cond_signal (&tty->wake);
  tty_unlock (display);
  g_thread_join (tty->ticker);
  g_mutex_clear (&tty->lock);
  g_cond_clear (&tty->wake);
  g_clear_pointer (&display->state, g_free);
}

const VfDisplayMode vf_display_tty = {
    .begin = tty_begin, .lock = tty_lock, .unlock = tty_unlock, .event = tty_event, .end = tty_end};
