/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "storage-lvm.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int
fail_errno (Call *call, const char *format, ...)
{
  int saved = errno;
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  call->host->error (call, saved == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED, "%s: %s",
                     message, g_strerror (saved));
  return -1;
}

typedef struct {
  Call *call;
  GString *output;
  char *complaint; /* the first line of standard error that is not a warning */
} Hearing;

static int
hear (void *user, int stream, const char *line)
{
  Hearing *hearing = user;
  if (stream == 1) {
    if (hearing->output != NULL)
      g_string_append_printf (hearing->output, "%s\n", line);
    return 0;
  }
  while (*line == ' ')
    line++;
  hearing->call->host->log (hearing->call, VMFORGE_LOG_DEBUG, "lvm: %s", line);
  if (hearing->complaint == NULL && *line != '\0' && !g_str_has_prefix (line, "WARNING"))
    hearing->complaint = g_strdup (line);
  return 0;
}

/* A pool without room says so in many words, all of which have these. */
static enum vmforge_plugin_error
kind_of (const char *complaint)
{
  static const char *const full[] = {"insufficient free space", "free space in pool", "above threshold",
                                     "out of data space", "Insufficient suitable"};
  for (guint i = 0; complaint != NULL && i < G_N_ELEMENTS (full); i++)
    if (strstr (complaint, full[i]) != NULL)
      return VMFORGE_PLUGIN_NO_SPACE;
  return VMFORGE_PLUGIN_FAILED;
}

int
lvm_run (Store *store, Call *call, const char *what, GString *output, const char *const *words)
{
  static const char *const environment[] = {"LVM_SUPPRESS_FD_WARNINGS=1", "LC_ALL=C", NULL};
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, (gpointer)words[0]);
  if (store->devices != NULL) {
    g_ptr_array_add (argv, (gpointer) "--devices");
    g_ptr_array_add (argv, store->devices);
  }
  for (guint i = 1; words[i] != NULL; i++)
    g_ptr_array_add (argv, (gpointer)words[i]);
  g_ptr_array_add (argv, NULL);
  Hearing hearing = {.call = call, .output = output};
  struct vmforge_program program = {.size = sizeof program,
                                    .argv = (const char *const *)argv->pdata,
                                    .env = environment,
                                    .line = hear,
                                    .user = &hearing};
  int status = call->host->run (call, &program);
  g_autofree char *complaint = hearing.complaint;
  if (status > 0 && what != NULL)
    call->host->error (call, kind_of (complaint), "cannot %s: %s", what,
                       complaint != NULL ? complaint : "LVM does not say why");
  return status == 0 ? 0 : -1;
}
