/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What programs say when they fail. */
#include "apt.h"

void
apt_lines_init (AptLines *lines, gboolean keep_output)
{
  *lines = (AptLines){.output = keep_output ? g_string_new (NULL) : NULL};
  lines->errors = g_ptr_array_new_with_free_func (g_free);
  lines->warnings = g_ptr_array_new_with_free_func (g_free);
}

void
apt_lines_clear (AptLines *lines)
{
  if (lines->output != NULL)
    g_string_free (lines->output, TRUE);
  pkg_last_clear (&lines->last);
  g_clear_pointer (&lines->errors, g_ptr_array_unref);
  g_clear_pointer (&lines->warnings, g_ptr_array_unref);
}

void
apt_lines_add (AptLines *lines, int stream, const char *line)
{
  pkg_last_add (&lines->last, stream, line);
  if (stream == 1 && lines->output != NULL) {
    g_string_append (lines->output, line);
    g_string_append_c (lines->output, '\n');
  }
  if (g_str_has_prefix (line, "E: "))
    g_ptr_array_add (lines->errors, g_strdup (line + 3));
  else if (g_str_has_prefix (line, "dpkg: error"))
    g_ptr_array_add (lines->errors, g_strdup (line + strlen ("dpkg: ")));
  else if (g_str_has_prefix (line, "W: "))
    g_ptr_array_add (lines->warnings, g_strdup (line + 3));
}

#define NETWORK                                                                                              \
  "check the network, name a mirror that can be reached with 'mirrors:', or use '--refresh 0' after a "      \
  "change of "                                                                                               \
  "the host's mirror"

int
apt_lines_explain (Call *call, const AptLines *lines, const char *failure)
{
  static const struct {
    const char *word, *advice;
    enum vmforge_plugin_error code;
  } causes[] = {
      {"NO_PUBKEY", "the signature cannot be verified with the keyring given for it", VMFORGE_PLUGIN_FAILED},
      {"BADSIG", "the signature is wrong", VMFORGE_PLUGIN_FAILED},
      {"not signed", "only signed repositories are used: check the URL and the key", VMFORGE_PLUGIN_FAILED},
      {"is expired",
       "the mirror is stale: use another, or set Acquire::Check-Valid-Until in the host's apt.conf",
       VMFORGE_PLUGIN_FAILED},
      {"No space left", "the disk of the store is full", VMFORGE_PLUGIN_NO_SPACE},
      {" resolve ", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {" resolving ", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"ould not connect", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"Unable to connect", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"Cannot initiate the connection", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"Connection failed", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"onnection refused", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"onnection reset", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"closed connection", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"imed out", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"unreachable", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"No route to host", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"Error reading from server", NETWORK, VMFORGE_PLUGIN_ENVIRONMENT},
      {"does not have a Release file", "check URL and suite", VMFORGE_PLUGIN_FAILED},
      {"  404  ", "the mirror does not have it now: use '--refresh 0' or another mirror",
       VMFORGE_PLUGIN_FAILED},
  };
  GPtrArray *both[] = {lines->errors, lines->warnings};
  for (gsize i = 0; i < G_N_ELEMENTS (causes); i++)
    for (gsize k = 0; k < G_N_ELEMENTS (both); k++)
      for (guint j = 0; j < both[k]->len; j++)
        if (strstr (g_ptr_array_index (both[k], j), causes[i].word) != NULL)
          return pkg_fail (call, causes[i].code, "%s: %s (%s)", failure,
                           (char *)g_ptr_array_index (both[k], j), causes[i].advice);
  if (lines->errors->len > 0)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "%s: %s", failure,
                     (char *)g_ptr_array_index (lines->errors, 0));
  return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "%s: %s", failure,
                   lines->last.line == NULL ? "no reason was given" : lines->last.line);
}
