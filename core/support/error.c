/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/error.h"

#include <errno.h>

/* clang-format off */
G_DEFINE_QUARK (vmforge-error-quark, vmforge_error)
/* clang-format on */

static VmforgeError
code_from_errno (int number)
{
  switch (number) {
  case ENOSPC:
  case EDQUOT:
    return VMFORGE_ERROR_NO_SPACE;
  case EACCES:
  case EPERM:
  case EROFS:
    return VMFORGE_ERROR_ENVIRONMENT;
  default:
    return VMFORGE_ERROR_FAILED;
  }
}

gboolean
vf_error_set_errno (GError **error, const char *format, ...)
{
  int saved = errno;
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VMFORGE_ERROR, code_from_errno (saved), "%s: %s", message, g_strerror (saved));
  errno = saved;
  return FALSE;
}

gboolean
vf_error_set (GError **error, VmforgeError code, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  GError *made = g_error_new_valist (VMFORGE_ERROR, code, format, args);
  va_end (args);
  g_propagate_error (error, made);
  return FALSE;
}

gboolean
vf_error_check_utf8 (const char *what, const char *text, GError **error)
{
  if (g_utf8_validate (text, -1, NULL))
    return TRUE;
  g_autofree char *escaped = g_strescape (text, NULL);
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "%s is not UTF-8 text: '%s' (use another name)", what,
                       escaped);
}

gboolean
vf_error_set_if_cancelled (GCancellable *cancellable, GError **error)
{
  if (!g_cancellable_is_cancelled (cancellable))
    return FALSE;
  vf_error_set (error, VMFORGE_ERROR_CANCELLED, "stopped by the user");
  return TRUE;
}

void
vf_error_append (GError **error, const char *text)
{
  char *message = g_strconcat ((*error)->message, text, NULL);
  g_free ((*error)->message);
  (*error)->message = message;
}

int
vf_error_exit_status (const GError *error)
{
  if (error->domain != VMFORGE_ERROR)
    return 1;
  switch ((VmforgeError)error->code) {
  case VMFORGE_ERROR_SPEC:
  case VMFORGE_ERROR_NOT_FOUND:
    return 2;
  case VMFORGE_ERROR_ENVIRONMENT:
    return 3;
  case VMFORGE_ERROR_CANCELLED:
    return 130;
  case VMFORGE_ERROR_FAILED:
  case VMFORGE_ERROR_NO_SPACE:
    break;
  }
  return 1;
}
