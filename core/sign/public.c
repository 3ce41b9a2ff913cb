/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "sign/sign-private.h"
#include "support/error.h"
#include "support/fs.h"

#include <string.h>

void
vf_sign_id_to_hex (const guint8 id[VF_SIGN_ID_BYTES], char hex[VF_SIGN_ID_HEX + 1])
{
  static const char digits[] = "0123456789ABCDEF";
  for (int i = 0; i < VF_SIGN_ID_BYTES; i++) {
    hex[2 * i] = digits[id[VF_SIGN_ID_BYTES - 1 - i] >> 4];
    hex[2 * i + 1] = digits[id[VF_SIGN_ID_BYTES - 1 - i] & 15];
  }
  hex[VF_SIGN_ID_HEX] = '\0';
}

gboolean
vf_sign_public_equal (const VfSignPublic *a, const VfSignPublic *b)
{
  return memcmp (a, b, sizeof *a) == 0;
}

/* The line of base64: of a file, or alone. */
static gboolean
find_line (const char *text, gsize length, const char **line, gsize *line_length)
{
  const char *comment;
  gsize comment_length;
  if (length >= strlen (SIGN_UNTRUSTED) && memcmp (text, SIGN_UNTRUSTED, strlen (SIGN_UNTRUSTED)) == 0)
    return sign_text_comment (&text, &length, SIGN_COMMENT_BYTES, SIGN_UNTRUSTED, &comment,
                              &comment_length) &&
           sign_text_line (&text, &length, SIGN_COMMENT_BYTES, line, line_length) && length == 0;
  if (length > 0 && text[length - 1] == '\n')
    return sign_text_line (&text, &length, SIGN_COMMENT_BYTES, line, line_length) && length == 0;
  *line = text;
  *line_length = length;
  return TRUE;
}

gboolean
vf_sign_public_parse (const char *text, gsize length, const char *name, VfSignPublic *public, GError **error)
{
  guint8 bytes[SIGN_PUBLIC_BYTES];
  const char *line;
  gsize line_length;
  if (!find_line (text, length, &line, &line_length) ||
      !sign_text_decode (line, line_length, bytes, sizeof bytes))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "'%s' is no minisign public key: it has two lines, a comment and base64 of %d bytes",
                         name, SIGN_PUBLIC_BYTES);
  if (memcmp (bytes, "Ed", 2) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is a public key of another kind than Ed25519",
                         name);
  if (!sign_ed25519_is_sound (bytes + 2 + VF_SIGN_ID_BYTES))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "'%s' is damaged: what it holds is no public key of Ed25519", name);
  memcpy (public->id, bytes + 2, VF_SIGN_ID_BYTES);
  memcpy (public->point, bytes + 2 + VF_SIGN_ID_BYTES, SIGN_POINT_BYTES);
  return TRUE;
}

gboolean
vf_sign_public_load (int dirfd, const char *path, VfSignPublic *public, GError **error)
{
  gsize length;
  g_autofree char *text = vf_fs_read (dirfd, path, SIGN_FILE_BYTES, &length, error);
  return text != NULL && vf_sign_public_parse (text, length, path, public, error);
}

char *
vf_sign_public_base64 (const VfSignPublic *public)
{
  guint8 bytes[SIGN_PUBLIC_BYTES] = "Ed";
  memcpy (bytes + 2, public->id, VF_SIGN_ID_BYTES);
  memcpy (bytes + 2 + VF_SIGN_ID_BYTES, public->point, SIGN_POINT_BYTES);
  return g_base64_encode (bytes, sizeof bytes);
}

char *
vf_sign_public_format (const VfSignPublic *public)
{
  char id[VF_SIGN_ID_HEX + 1];
  g_autofree char *base64 = vf_sign_public_base64 (public);
  vf_sign_id_to_hex (public->id, id);
  return g_strdup_printf (SIGN_UNTRUSTED "minisign public key %s\n%s\n", id, base64);
}
