/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The `run` steps of a stage. */

#include "build/work.h"

#include "support/error.h"

#include <string.h>

/* In a memory filesystem: nothing of it ships. */
#define SCRIPT "/run/vmforge/script"

typedef struct {
  VfWork *work;
  char *last; /* line with words */
} Output;

static int
on_line (void *user, int stream, const char *line)
{
  Output *output = user;
  vf_events_log (output->work->events, line);
  if (*line) {
    g_free (output->last);
    output->last = g_strdup (line);
  }
  return 0;
}

static gboolean
write_script (VfWork *work, const char *text, GError **error)
{
  const VfAccess access = {0700, 0, 0};
  return vf_rootfs_write (work->root, SCRIPT, text, strlen (text), &access, error);
}

static gboolean
run_step (VfWork *work, VfJson *step, GError **error)
{
  const char *label = vf_json_string (step, "label", "run"),
             *command = vf_json_string (step, "command", NULL);
  const char *script = vf_json_string (step, "script", NULL);
  const char *const shell[] = {"/bin/sh", "-c", command, NULL}, *const plain[] = {"/bin/sh", SCRIPT, NULL};
  const char *const direct[] = {SCRIPT, NULL};
  Output output = {work, NULL};
  struct vmforge_program program = {
      .size = sizeof program,
      .argv = command                                     ? shell
              : script && g_str_has_prefix (script, "#!") ? direct
                                                          : plain,
      .line = on_line,
      .user = &output,
  };
  int status = 0;
  if (!command && !script)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "%s has nothing to run", label);
  if (!command && !write_script (work, script, error))
    return FALSE;
  vf_events_logf (work->events, "vmforge: %s%s%s", label, command ? ": " : "", command ? command : "");
  gboolean ok =
      vf_sandbox_run (&work->sandbox, &program, NULL, vf_json_bool (step, "network", FALSE), &status, error);
  g_autofree char *last = output.last;
  if (!ok) {
    g_prefix_error (error, "%s: ", label);
    return FALSE;
  }
  if (status == 0)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "%s exited with status %d%s%s", label, status,
                       last ? ": " : "", last ? last : "");
}

gboolean
vf_work_run (VfWork *work, GError **error)
{
  VfJson *steps = vf_json_array (work->job, "run");
  const gsize count = json_object_array_length (steps);
  for (gsize i = 0; i < count; i++) {
    VfJson *step = json_object_array_get_idx (steps, i);
    vf_progress_set (&work->progress, (double)i / count, vf_json_string (step, "label", NULL));
    if (!run_step (work, step, error))
      return FALSE;
  }
  return TRUE;
}
