/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The host table's programs. */
#include "plugin/runner.h"
#include "support/error.h"
#include "support/process.h"

#include <string.h>

typedef struct {
  VfCall *call;
  const struct vmforge_program *program;
} Run;

static gboolean
on_line (int stream, const char *line, gpointer user_data, GError **error)
{
  Run *run = user_data;
  if (!run->program->line) {
    vf_call_log (run->call, VMFORGE_LOG_INFO, line);
    return TRUE;
  }
  if (run->program->line (run->program->user, stream, line) == 0)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "%s was stopped by the plugin", run->program->argv[0]);
}

/* Checks what the plugin passed; copy is a zero-filled one of our size. */
static gboolean
check_program (VfCall *call, const char *function, const struct vmforge_program *program,
               struct vmforge_program *copy)
{
  if (!program || program->size < offsetof (struct vmforge_program, env)) {
    vf_call_refuse (call, "%s() without a program, or without its size", function);
    return FALSE;
  }
  VF_COPY_SIZED (copy, program);
  if (copy->flags != 0 || !copy->argv || !copy->argv[0] || copy->status_fd < 0 ||
      (copy->status_fd > 0 && copy->status_fd < 3)) {
    vf_call_refuse (call, "%s() without argv, with unknown flags or a bad status_fd", function);
    return FALSE;
  }
  return TRUE;
}

int
vf_call_run (struct vmforge_call *public_call, const struct vmforge_program *public_program)
{
  VfCall *call = (VfCall *)public_call;
  struct vmforge_program program;
  if (!check_program (call, "run", public_program, &program))
    return -1;

  g_autoptr (VfProcess) process = vf_process_new (program.argv);
  for (const char *const *env = program.env; env && *env; env++)
    vf_process_add_env (process, *env);
  if (program.cwd)
    vf_process_set_cwd (process, program.cwd);
  if (program.input)
    vf_process_set_input (process, program.input);
  if (program.status_fd > 0)
    vf_process_set_status_fd (process, program.status_fd);
  Run run = {call, &program};
  vf_process_set_line_func (process, on_line, &run);

  GError *error = NULL;
  int status = -1;
  if (!vf_process_run (process, &status, call->cancellable, &error))
    return vf_call_pend (call, error);
  return status;
}

int
vf_call_run_in_root (struct vmforge_call *public_call, const struct vmforge_program *public_program,
                     const struct vmforge_sandbox *public_sandbox)
{
  VfCall *call = (VfCall *)public_call;
  struct vmforge_program program;
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox};
  if (!(call->flags & VF_CALL_HAS_ROOT))
    return vf_call_refuse (call, "run_in_root() is for install, boot and manifest");
  if (!check_program (call, "run_in_root", public_program, &program))
    return -1;
  if (public_sandbox)
    VF_COPY_SIZED (&sandbox, public_sandbox);
  if (sandbox.flags != 0)
    return vf_call_refuse (call, "run_in_root() with unknown sandbox flags");

  GError *error = NULL;
  int status = -1;
  if (!call->host->run_in_root) {
    vf_error_set (&error, VMFORGE_ERROR_FAILED, "there is no root filesystem to run %s in", program.argv[0]);
    return vf_call_pend (call, error);
  }
  program.size = sizeof program;
  sandbox.size = sizeof sandbox;
  if (!call->host->run_in_root (&program, &sandbox, &status, call->host->root_data, &error))
    return vf_call_pend (call, error);
  return status;
}
