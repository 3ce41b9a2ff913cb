/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The end of a build. */
#include "cli/display.h"

#include "cli/table.h"
#include "spec/spec.h"
#include "support/units.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TAIL_LINES 15
#define TAIL_BYTES 16384

/* "web:1.4@x86_64" → "web". Free the result. */
static char *
image_name (const char *image)
{
  return g_strndup (image, strcspn (image, ":@"));
}

static void
print_stages (const VfDisplay *display)
{
  static const char *const heading[] = {"STAGE", "RESULT", ">TIME", "KEY", NULL};
  g_autoptr (VfTable) table = vf_table_new (heading);
  for (guint i = 0; i < display->stages->len; i++) {
    const VfDisplayStage *stage = display->stages->pdata[i];
    g_autofree char *label = vf_display_label (display, stage);
    g_autofree char *time = vf_units_format_seconds (stage->seconds);
    g_autofree char *key = g_strdup_printf ("%.12s", stage->key);
    const char *result = stage->state == VMFORGE_STATE_REUSED  ? "from cache"
                         : stage->state == VMFORGE_STATE_BUILT ? "new"
                                                               : vf_display_state_name (stage->state);
    vf_table_add (table, label, result, stage->state == VMFORGE_STATE_REUSED ? NULL : time, key);
  }
  vf_table_print (table, stdout, TRUE);
}

/* FALSE: none of them is in the store. */
static gboolean
print_images (const VfDisplay *display)
{
  g_autofree char *words = vf_cli_words (display->cli, "run");
  const char *last = NULL;
  for (guint i = 0; i < display->images->len; i++) {
    const VfDisplayImage *image = display->images->pdata[i];
    printf ("image %s: %s\n", image->name, image->path == NULL ? "-" : image->path);
  }
  for (guint i = 0; i < display->images->len; i++) {
    const VfDisplayImage *image = display->images->pdata[i];
    if (!image->named || image->name == NULL || g_strcmp0 (last, image->name) == 0)
      continue;
    last = image->name;
    g_autofree char *name = image_name (image->name);
    printf ("boot it with: %s %s\n", words, name);
  }
  return last != NULL;
}

/* With --until there is no image, but its last stage boots as well. */
static void
print_last_stage (const VfDisplay *display)
{
  if (display->stages->len == 0)
    return;
  const VfDisplayStage *last = display->stages->pdata[display->stages->len - 1];
  g_autofree char *words = vf_cli_words (display->cli, "run");
  printf ("boot it with: %s %.12s\n", words, last->key);
}

void
vf_summary_print (const VfDisplay *display)
{
  double seconds = (double)(g_get_monotonic_time () - display->began) / G_USEC_PER_SEC;
  g_autofree char *time = vf_units_format_seconds (seconds);
  putchar ('\n');
  print_stages (display);
  if (display->warnings->len > 0)
    printf ("%u warning%s: see above\n", display->warnings->len, display->warnings->len == 1 ? "" : "s");
  if (!print_images (display))
    print_last_stage (display);
  printf ("done in %s\n", time);
}

void
vf_summary_print_specs (const VfDisplay *display)
{
  static const char *const heading[] = {"SPEC", "RESULT", NULL};
  g_autoptr (VfTable) table = vf_table_new (heading);
  for (guint i = 0; i < display->specs->len; i++)
    vf_table_add (table, ((const VmforgeSpec *)display->specs->pdata[i])->path,
                  vf_display_spec_result (display, i));
  putchar ('\n');
  vf_table_print (table, stdout, TRUE);
}

static VfJson *
specs_to_json (const VfDisplay *display)
{
  VfJson *specs = json_object_new_array ();
  for (guint i = 0; i < display->specs->len; i++) {
    VfJson *json = json_object_new_object ();
    vf_json_set_string (json, "spec", ((const VmforgeSpec *)display->specs->pdata[i])->path);
    vf_json_set_string (json, "result", vf_display_spec_result (display, i));
    json_object_array_add (specs, json);
  }
  return specs;
}

static VfJson *
stages_to_json (const VfDisplay *display)
{
  VfJson *stages = json_object_new_array ();
  for (guint i = 0; i < display->stages->len; i++) {
    const VfDisplayStage *stage = display->stages->pdata[i];
    VfJson *json = json_object_new_object ();
    if (stage->spec != NULL)
      vf_json_set_string (json, "spec", stage->spec);
    vf_json_set_string (json, "stage", vmforge_stage_name (stage->kind));
    vf_json_set_string (json, "state", vf_display_state_name (stage->state));
    vf_json_set_string (json, "key", stage->key);
    vf_json_set (json, "seconds", vf_cli_json_seconds (stage->seconds));
    json_object_array_add (stages, json);
  }
  return stages;
}

static VfJson *
images_to_json (const VfDisplay *display)
{
  VfJson *images = json_object_new_array ();
  for (guint i = 0; i < display->images->len; i++) {
    const VfDisplayImage *image = display->images->pdata[i];
    VfJson *json = json_object_new_object ();
    vf_json_set (json, "image", vf_cli_json_text (image->name));
    vf_json_set (json, "path", vf_cli_json_text (image->path));
    json_object_array_add (images, json);
  }
  return images;
}

/* The last bytes of a file, from the start of a line. */
static char *
read_end (const char *path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  off_t end = lseek (fd, 0, SEEK_END);
  off_t start = MAX (end - TAIL_BYTES, 0);
  char *text = g_malloc0 (TAIL_BYTES + 1);
  ssize_t length = pread (fd, text, TAIL_BYTES, start);
  close (fd);
  text[MAX (length, 0)] = '\0';
  char *newline = start > 0 ? strchr (text, '\n') : NULL;
  if (newline != NULL)
    memmove (text, newline + 1, strlen (newline + 1) + 1);
  return text;
}

/* The last lines of the failed stage's log; NULL if there is none. path: borrowed. Free the result. */
static char **
log_tail (const VfDisplay *display, const char **path)
{
  *path = NULL;
  for (guint i = 0; i < display->stages->len; i++) {
    const VfDisplayStage *stage = display->stages->pdata[i];
    if (stage->state == VMFORGE_STATE_FAILED && stage->log != NULL)
      *path = stage->log;
  }
  g_autofree char *text = *path == NULL ? NULL : read_end (*path);
  if (text == NULL)
    return NULL;
  g_autofree char *valid = g_utf8_make_valid (g_strchomp (text), -1);
  g_auto (GStrv) lines = g_strsplit (valid, "\n", -1);
  guint n = g_strv_length (lines);
  return g_strdupv (lines + (n > TAIL_LINES ? n - TAIL_LINES : 0));
}

void
vf_summary_print_json (const VfDisplay *display, gboolean ok)
{
  const char *log = NULL;
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "event", "summary");
  vf_json_set_bool (json, "ok", ok);
  vf_json_set (json, "seconds",
               vf_cli_json_seconds ((double)(g_get_monotonic_time () - display->began) / G_USEC_PER_SEC));
  vf_json_set (json, "specs", specs_to_json (display));
  vf_json_set (json, "stages", stages_to_json (display));
  vf_json_set (json, "images", images_to_json (display));
  vf_json_set (json, "warnings", json_object_new_int64 (display->warnings->len));
  g_auto (GStrv) tail = ok ? NULL : log_tail (display, &log);
  if (tail != NULL) {
    vf_json_set_string (json, "log", log);
    vf_json_set (json, "log_tail", vf_json_from_strv ((const char *const *)tail));
  }
  vf_cli_print_json_line (json);
}

void
vf_summary_print_failure (const VfDisplay *display)
{
  const char *path;
  g_auto (GStrv) tail = log_tail (display, &path);
  fflush (stdout);
  if (tail == NULL)
    return;
  for (char **line = tail; *line != NULL; line++) {
    g_autofree char *clean = vf_text_clip (*line, G_MAXINT);
    fprintf (stderr, "  | %s\n", clean);
  }
  fprintf (stderr, "the log of the stage: %s\n", path);
}
