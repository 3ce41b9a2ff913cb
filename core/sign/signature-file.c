/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The four lines of a signature file. */
#include "sign/sign-private.h"
#include "support/error.h"

#include <string.h>

static gboolean
parse_lines (SignParts *parts, guint8 body[SIGN_BODY_BYTES], const char *text, gsize length)
{
  const char *line;
  gsize line_length;
  return sign_text_comment (&text, &length, SIGN_COMMENT_BYTES, SIGN_UNTRUSTED, &line, &line_length) &&
         sign_text_line (&text, &length, SIGN_COMMENT_BYTES, &line, &line_length) &&
         sign_text_decode (line, line_length, body, SIGN_BODY_BYTES) &&
         sign_text_comment (&text, &length, SIGN_TRUSTED_BYTES, SIGN_TRUSTED, &parts->comment,
                            &parts->comment_length) &&
         sign_text_line (&text, &length, SIGN_COMMENT_BYTES, &line, &line_length) && length == 0 &&
         sign_text_decode (line, line_length, parts->global, SIGN_SIGNATURE_BYTES);
}

gboolean
sign_parts_parse (SignParts *parts, const char *text, gsize length, GError **error)
{
  guint8 body[SIGN_BODY_BYTES];
  if (!parse_lines (parts, body, text, length))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "not a minisign signature: it has four lines, a comment, a signature, a trusted "
                         "comment and a signature of both");
  if (memcmp (body, "ED", 2) != 0 && memcmp (body, "Ed", 2) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "a signature of another kind than Ed25519");
  parts->prehashed = body[1] == 'D';
  memcpy (parts->id, body + 2, VF_SIGN_ID_BYTES);
  memcpy (parts->signature, body + 2 + VF_SIGN_ID_BYTES, SIGN_SIGNATURE_BYTES);
  return TRUE;
}

gboolean
vf_sign_claimed_id (const char *signature, gsize length, guint8 id[VF_SIGN_ID_BYTES], GError **error)
{
  SignParts parts;
  if (!sign_parts_parse (&parts, signature, length, error))
    return FALSE;
  memcpy (id, parts.id, VF_SIGN_ID_BYTES);
  return TRUE;
}

guint8 *
sign_parts_global_data (const SignParts *parts, gsize *length)
{
  *length = SIGN_SIGNATURE_BYTES + parts->comment_length;
  guint8 *data = g_malloc (*length);
  memcpy (data, parts->signature, SIGN_SIGNATURE_BYTES);
  memcpy (data + SIGN_SIGNATURE_BYTES, parts->comment, parts->comment_length);
  return data;
}

char *
sign_parts_format (const SignParts *parts)
{
  guint8 body[SIGN_BODY_BYTES] = "Ed";
  char id[VF_SIGN_ID_HEX + 1];
  if (parts->prehashed)
    body[1] = 'D';
  memcpy (body + 2, parts->id, VF_SIGN_ID_BYTES);
  memcpy (body + 2 + VF_SIGN_ID_BYTES, parts->signature, SIGN_SIGNATURE_BYTES);
  vf_sign_id_to_hex (parts->id, id);
  g_autofree char *first = g_base64_encode (body, sizeof body);
  g_autofree char *second = g_base64_encode (parts->global, sizeof parts->global);
  return g_strdup_printf (SIGN_UNTRUSTED "signature by vmforge with key %s\n%s\n" SIGN_TRUSTED "%.*s\n%s\n",
                          id, first, (int)parts->comment_length, parts->comment, second);
}
