/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The host's dnf, and what it says when it fails. */
#include "yum.h"

#define MAX_QUOTED 400

void
yum_lines_clear (YumLines *lines)
{
  pkg_last_clear (&lines->last);
  g_clear_pointer (&lines->error, g_free);
  g_clear_pointer (&lines->detail, g_free);
}

void
yum_lines_add (YumLines *lines, int stream, const char *line)
{
  static const char start[] = "Error: ";
  pkg_last_add (&lines->last, stream, line);
  if (lines->error == NULL && g_str_has_prefix (line, start))
    lines->error = g_utf8_make_valid (line + strlen (start), -1);
  if (lines->detail == NULL && g_str_has_prefix (line, "  - "))
    lines->detail = g_strstrip (g_utf8_make_valid (line + 4, -1));
}

#define NETWORK "check the network, or name a mirror that can be reached with 'mirrors:'"

int
yum_lines_explain (Call *call, const YumLines *lines, const char *failure)
{
  static const struct {
    const char *word, *advice;
    enum vmforge_plugin_error code;
  } causes[] = {
      {"No space left", "the disk of the store is full", VMFORGE_PLUGIN_NO_SPACE},
      {"resolve host", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"onnect", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"imeout", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"imed out", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"GPG verification", "its signature is not by a key of the profile", VMFORGE_PLUGIN_FAILED},
      {"Status code: 404", "check the URL, or use another mirror", VMFORGE_PLUGIN_FAILED},
      {"All mirrors were tried", "check the URL, or use another mirror", VMFORGE_PLUGIN_FAILED},
      {"Cache-only enabled but no cache", "run the build once without --offline", VMFORGE_PLUGIN_ENVIRONMENT},
  };
  const char *why = lines->detail != NULL  ? lines->detail
                    : lines->error != NULL ? lines->error
                                           : lines->last.line;
  if (why == NULL)
    why = "no reason was given";
  for (gsize i = 0; i < G_N_ELEMENTS (causes); i++)
    if (strstr (why, causes[i].word) != NULL)
      return pkg_fail (call, causes[i].code, "%s: %.*s (%s)", failure, MAX_QUOTED, why, causes[i].advice);
  return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "%s: %.*s", failure, MAX_QUOTED, why);
}

typedef struct {
  Call *call;
  YumLines *lines;
  int (*on_line) (void *user, const char *line);
  void *user;
} Run;

static int
on_line (void *user, int stream, const char *line)
{
  Run *run = user;
  if (stream == 3)
    return run->on_line == NULL ? 0 : run->on_line (run->user, line);
  yum_lines_add (run->lines, stream, line);
  run->call->host->log (run->call, VMFORGE_LOG_INFO, "%s", line);
  return 0;
}

int
yum_dnf (Call *call, const Yum *yum, const YumConfig *config, gboolean cached, const char *command,
         const char *operand, YumLines *lines, int (*line) (void *user, const char *line), void *user)
{
  Run run = {call, lines, line, user};
  g_autofree char *root = g_strconcat ("--installroot=", config->root, NULL);
  g_autofree char *release =
      g_strconcat ("--releasever=", yum_setting_text (yum, "releasever", yum->release), NULL);
  g_autofree char *arch = g_strconcat ("--forcearch=", yum->package_arch, NULL);
  const char *argv[] = {"dnf", "--config", config->path, root, release, arch, command, NULL, NULL, NULL};
  guint n = 7;
  if (operand != NULL)
    argv[n++] = operand;
  if (cached)
    argv[n++] = "--cacheonly";
  const char *env[] = {"PYTHONDONTWRITEBYTECODE=1", NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .env = env, .status_fd = 3, .line = on_line, .user = &run};
  return call->host->run (call, &program);
}
