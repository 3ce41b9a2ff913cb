/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Lines and base64. What is decoded may be a secret, so nothing is left behind. */
#include "sign/sign-private.h"

#include <string.h>

void
vf_sign_wipe (char *text)
{
  if (text == NULL)
    return;
  explicit_bzero (text, strlen (text));
  g_free (text);
}

/* A comment is shown to people and, if trusted, believed: nothing in it may move the cursor. */
gboolean
sign_text_is_comment (const char *comment, gsize length, gsize limit)
{
  if (length > limit || !g_utf8_validate (comment, (gssize)length, NULL))
    return FALSE;
  for (const char *at = comment; at < comment + length; at = g_utf8_next_char (at))
    if (*at != '\t' && g_unichar_iscntrl (g_utf8_get_char (at)))
      return FALSE;
  return TRUE;
}

gboolean
sign_text_line (const char **text, gsize *length, gsize limit, const char **line, gsize *line_length)
{
  const char *end = *length == 0 ? NULL : memchr (*text, '\n', *length);
  if (end == NULL)
    return FALSE;
  gsize found = (gsize)(end - *text);
  *line = *text;
  *line_length = found > 0 && end[-1] == '\r' ? found - 1 : found;
  *text += found + 1;
  *length -= found + 1;
  return sign_text_is_comment (*line, *line_length, limit);
}

gboolean
sign_text_comment (const char **text, gsize *length, gsize limit, const char *prefix, const char **comment,
                   gsize *comment_length)
{
  gsize skipped = strlen (prefix);
  if (!sign_text_line (text, length, limit, comment, comment_length) || *comment_length < skipped ||
      memcmp (*comment, prefix, skipped) != 0)
    return FALSE;
  *comment += skipped;
  *comment_length -= skipped;
  return TRUE;
}

gboolean
sign_text_decode (const char *line, gsize length, guint8 *bytes, gsize n_bytes)
{
  if (length != (n_bytes + 2) / 3 * 4)
    return FALSE;
  char *copy = g_strndup (line, length);
  gsize n_decoded = 0;
  guint8 *decoded = g_base64_decode (copy, &n_decoded);
  /* GLib passes over what is no base64, and over bits that mean nothing: encoded again it must be the same.
   */
  char *again = n_decoded == n_bytes ? g_base64_encode (decoded, n_decoded) : NULL;
  gboolean sound = again != NULL && strcmp (again, copy) == 0;
  if (sound)
    memcpy (bytes, decoded, n_bytes);
  if (decoded != NULL)
    explicit_bzero (decoded, n_decoded);
  g_free (decoded);
  vf_sign_wipe (again);
  vf_sign_wipe (copy);
  return sound;
}
