/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* OpenPGP keys as text: RFC 4880, section 6. */
#include "yum.h"

#define BEGIN      "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define END        "-----END PGP PUBLIC KEY BLOCK-----"
#define LINE_BYTES 48 /* 64 characters */
#define CRC_INIT   0xb704ceu
#define CRC_POLY   0x1864cfbu

static guint32
crc24 (const guint8 *data, gsize length)
{
  guint32 crc = CRC_INIT;
  for (; length > 0; length--, data++) {
    crc ^= (guint32)*data << 16;
    for (int bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if ((crc & 0x1000000) != 0)
        crc ^= CRC_POLY;
    }
  }
  return crc & 0xffffff;
}

char *
yum_armour (const char *key, gsize length)
{
  const guint8 *data = (const guint8 *)key;
  if (memmem (key, length, BEGIN, strlen (BEGIN)) != NULL)
    return g_strndup (key, length);
  g_autoptr (GString) text = g_string_new (BEGIN "\n\n");
  for (gsize offset = 0; offset < length; offset += LINE_BYTES) {
    g_autofree char *line = g_base64_encode (data + offset, MIN (length - offset, LINE_BYTES));
    g_string_append_printf (text, "%s\n", line);
  }
  guint32 crc = crc24 (data, length);
  const guint8 sum[] = {(guint8)(crc >> 16), (guint8)(crc >> 8), (guint8)crc};
  g_autofree char *check = g_base64_encode (sum, sizeof sum);
  g_string_append_printf (text, "=%s\n" END "\n", check);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
