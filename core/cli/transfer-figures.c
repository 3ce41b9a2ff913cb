/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/transfer-figures.h"

#include "support/error.h"
#include "support/units.h"

#include <unistd.h>

#define STEP_MICROSECONDS (G_USEC_PER_SEC / 5)

struct _VfFigures {
  const VfCli *cli;
  char *name;
  const char *done; /* "sent" */
  gint64 began, told;
  guint64 told_moved; /* bytes that had moved then */
  double best;        /* bytes a second that moved between two times, at most */
  struct vmforge_transfer last;
  gboolean drawn; /* a live line is on the screen */
};

VfFigures *
vf_figures_new (const VfCli *cli, const char *image, const char *done)
{
  VfFigures *figures = g_new0 (VfFigures, 1);
  figures->cli = cli;
  figures->name = g_strdup (image);
  figures->done = done;
  figures->began = g_get_monotonic_time ();
  return figures;
}

void
vf_figures_name (VfFigures *figures, const char *name, guint64 bytes)
{
  g_free (figures->name);
  figures->name = g_strdup (name);
  figures->last.image_bytes = bytes;
}

static void
clear (VfFigures *figures)
{
  if (figures->drawn)
    fputs ("\r\033[K", stdout);
  figures->drawn = FALSE;
}

void
vf_figures_free (VfFigures *figures)
{
  if (figures == NULL)
    return;
  clear (figures);
  g_free (figures->name);
  g_free (figures);
}

static double
seconds_of (const VfFigures *figures)
{
  return MAX ((double)(g_get_monotonic_time () - figures->began) / G_USEC_PER_SEC, 0.001);
}

/* Of the image, what did not have to travel. */
static double
share_found (const struct vmforge_transfer *transfer)
{
  guint64 travels = MAX (transfer->planned_bytes, transfer->moved_bytes);
  return transfer->image_bytes == 0 ? 1 : 1 - (double)travels / (double)transfer->image_bytes;
}

static char *
rate_text (double bytes_per_second)
{
  g_autofree char *size = vf_units_format_size ((guint64)bytes_per_second);
  return g_strconcat (size, "/s", NULL);
}

/* The image divided by the time of its differing part. */
static double
observed_rate (const VfFigures *figures)
{
  return (double)figures->last.image_bytes / seconds_of (figures);
}

/* What the link could give at best: the rate at which content went over it when it went fastest, divided by
 * the share that has to travel. */
static double
best_rate (const VfFigures *figures)
{
  double missing = 1 - share_found (&figures->last), observed = observed_rate (figures);
  return missing <= 0 ? observed : MAX (figures->best / missing, observed);
}

static VfJson *
to_json (const VfFigures *figures, const char *event)
{
  const struct vmforge_transfer *last = &figures->last;
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "event", event);
  vf_json_set_string (json, "image", figures->name);
  vf_json_set_int (json, "image_bytes", (gint64)last->image_bytes);
  vf_json_set_int (json, "planned_bytes", (gint64)last->planned_bytes);
  vf_json_set_int (json, "moved_bytes", (gint64)last->moved_bytes);
  vf_json_set_int (json, "wire_bytes", (gint64)last->wire_bytes);
  vf_json_set_int (json, "index_bytes", (gint64)last->index_bytes);
  vf_json_set (json, "seconds", vf_cli_json_seconds (seconds_of (figures)));
  return json;
}

static void
draw (VfFigures *figures)
{
  const struct vmforge_transfer *last = &figures->last;
  double seconds = seconds_of (figures);
  g_autofree char *wire = vf_units_format_size (last->wire_bytes),
                  *speed = rate_text (observed_rate (figures)), *best = rate_text (best_rate (figures));
  double rate = (double)last->moved_bytes / seconds;
  guint64 left = last->planned_bytes - MIN (last->moved_bytes, last->planned_bytes);
  g_autofree char *eta = rate > 0 ? vf_units_format_seconds ((double)left / rate) : g_strdup ("?");
  g_autofree char *line = g_strdup_printf ("%s  %.2f%% found, %s on the wire, %s (at most %s), %s left",
                                           figures->name, 100 * share_found (last), wire, speed, best, eta);
  clear (figures);
  fputs (line, stdout);
  fflush (stdout);
  figures->drawn = TRUE;
}

void
vf_figures_tell (const struct vmforge_transfer *transfer, gpointer user_data)
{
  VfFigures *figures = user_data;
  gint64 now = g_get_monotonic_time ();
  figures->last = *transfer;
  if (now - figures->told < STEP_MICROSECONDS)
    return;
  if (figures->told > 0)
    figures->best = MAX (figures->best, (double)(transfer->moved_bytes - figures->told_moved) *
                                            G_USEC_PER_SEC / (double)(now - figures->told));
  figures->told = now;
  figures->told_moved = transfer->moved_bytes;
  if (figures->cli->json)
    vf_cli_print_json_line (to_json (figures, "progress"));
  else if (!figures->cli->quiet && isatty (STDOUT_FILENO))
    draw (figures);
}

void
vf_figures_warn (VfFigures *figures, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  clear (figures);
  fflush (stdout);
  fprintf (stderr, "vmforge: warning: %s\n", text);
}

gboolean
vf_figures_stop (GError **error)
{
  if (g_error_matches (*error, VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED))
    vf_error_append (error, ": run it again, it goes on where it stopped");
  return FALSE;
}

void
vf_figures_end (VfFigures *figures)
{
  const struct vmforge_transfer *last = &figures->last;
  clear (figures);
  if (figures->cli->json) {
    vf_cli_print_json_line (to_json (figures, "done"));
    return;
  }
  if (figures->cli->quiet)
    return;
  g_autofree char *size = vf_units_format_size (last->image_bytes),
                  *wire = vf_units_format_size (last->wire_bytes),
                  *index = vf_units_format_size (last->index_bytes),
                  *speed = rate_text (observed_rate (figures)),
                  *time = vf_units_format_seconds (seconds_of (figures));
  if (last->planned_bytes == 0 && last->moved_bytes == 0) {
    printf ("%s %s: all of its %s were there already; %s on the wire\n", figures->done, figures->name, size,
            wire);
    return;
  }
  printf ("%s %s: %s in %s: %s on the wire, of which %s say what is where; %.2f%% were there; %s\n",
          figures->done, figures->name, size, time, wire, index, 100 * share_found (last), speed);
}
