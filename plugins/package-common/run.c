/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Programs, and what they say when they fail. */
#include "package.h"

/* Characters of a line that an error quotes. */
#define MAX_QUOTED 400

/* A line of standard error is not followed by one of standard output. */
void
pkg_last_add (PkgLast *last, int stream, const char *line)
{
  if (stream > 2 || strspn (line, " \t\r") == strlen (line) || (stream == 1 && last->is_error))
    return;
  g_autofree char *valid = g_utf8_make_valid (line, -1);
  g_free (last->line);
  last->line = g_strstrip (g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), MAX_QUOTED)));
  last->is_error = stream == 2;
}

void
pkg_last_clear (PkgLast *last)
{
  g_clear_pointer (&last->line, g_free);
}

/* A program that runs by pkg_run. */
typedef struct {
  Call *call;
  const struct vmforge_program *program;
  PkgLast last;
} Run;

static int
on_line (void *user, int stream, const char *line)
{
  Run *run = user;
  pkg_last_add (&run->last, stream, line);
  if (run->program->line != NULL && stream == 1)
    return run->program->line (run->program->user, stream, line);
  run->call->host->log (run->call, VMFORGE_LOG_INFO, "%s", line);
  return 0;
}

int
pkg_run (Call *call, const struct vmforge_program *program, const struct vmforge_sandbox *sandbox,
         enum vmforge_plugin_error code, const char *label)
{
  Run run = {.call = call, .program = program};
  struct vmforge_program ours = *program;
  ours.line = on_line;
  ours.user = &run;
  int status =
      sandbox == NULL ? call->host->run (call, &ours) : call->host->run_in_root (call, &ours, sandbox);
  int result = MIN (status, 0);
  if (status > 0)
    result = pkg_fail (call, code, "%s exited with status %d%s%s", label, status,
                       run.last.line == NULL ? "" : ": ", run.last.line == NULL ? "" : run.last.line);
  pkg_last_clear (&run.last);
  return result;
}
