/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Files of the RPM family that are read or written without rpm: headers of packages, keys as text. */
#include "../yum.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* ---- headers */

static void
add_number (GByteArray *bytes, guint32 number)
{
  number = GUINT32_TO_BE (number);
  g_byte_array_append (bytes, (const guint8 *)&number, sizeof number);
}

/* With an array of numbers for each tag; tags ends with 0. shift: what entries say of their place is so much
 * too far. */
static void
add_header (GByteArray *bytes, const guint32 *tags, const guint32 numbers[][2], guint32 shift)
{
  static const guint8 magic[] = {0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0};
  guint32 count = 0;
  while (tags[count] != 0)
    count++;
  g_byte_array_append (bytes, magic, sizeof magic);
  add_number (bytes, count);
  add_number (bytes, count * 8);
  for (guint32 i = 0; i < count; i++) {
    add_number (bytes, tags[i]);
    add_number (bytes, 4);
    add_number (bytes, i * 8 + shift);
    add_number (bytes, 2);
  }
  for (guint32 i = 0; i < count; i++) {
    add_number (bytes, numbers[i][0]);
    add_number (bytes, numbers[i][1]);
  }
}

static GByteArray *
make_package (const guint32 *tags, const guint32 numbers[][2], guint32 shift)
{
  static const guint32 none[] = {0};
  GByteArray *bytes = g_byte_array_new ();
  guint8 lead[96] = {0xed, 0xab, 0xee, 0xdb};
  g_byte_array_append (bytes, lead, sizeof lead);
  add_header (bytes, none, NULL, 0);
  add_header (bytes, tags, numbers, shift);
  return bytes;
}

static gint64
time_of (const GByteArray *bytes, guint length)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("vmforge-yum-XXXXXX", &path, NULL);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, bytes->data, length), ==, (gssize)length);
  gint64 found = yum_header_time (fd);
  close (fd);
  g_unlink (path);
  return found;
}

static const guint32 tags[] = {1006, 1034, 9999, 0};
static const guint32 numbers[][2] = {{1700000000, 1700000000}, {5, 1800000000}, {2000000000, 2000000000}};

static void
test_newest (void)
{
  g_autoptr (GByteArray) bytes = make_package (tags, numbers, 0);
  g_assert_cmpint (time_of (bytes, bytes->len), ==, 1800000000);
  static const guint32 built[] = {1006, 0};
  g_autoptr (GByteArray) empty = make_package (built, numbers, 0);
  g_assert_cmpint (time_of (empty, empty->len), ==, 1700000000);
}

/* What is cut off anywhere, or points out of itself, is no package, and nothing is read beyond it. */
static void
test_damaged (void)
{
  g_autoptr (GByteArray) bytes = make_package (tags, numbers, 0);
  for (guint length = 0; length < bytes->len - 16; length++)
    g_assert_cmpint (time_of (bytes, length), ==, -1);
  g_autoptr (GByteArray) far = make_package (tags, numbers, 0x7fffffff);
  g_assert_cmpint (time_of (far, far->len), ==, -1);
  bytes->data[0] = 0;
  g_assert_cmpint (time_of (bytes, bytes->len), ==, -1);
}

/* ---- keys */

static void
test_armour (void)
{
  /* The check value that the catalogue of CRCs has for CRC-24/OPENPGP: 0x21cf02. */
  g_autofree char *text = yum_armour ("123456789", 9);
  g_assert_cmpstr (text, ==,
                   "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nMTIzNDU2Nzg5\n=Ic8C\n"
                   "-----END PGP PUBLIC KEY BLOCK-----\n");
  g_autofree char *same = yum_armour (text, strlen (text));
  g_assert_cmpstr (same, ==, text);
}

static void
test_lines (void)
{
  guint8 key[200];
  memset (key, 'k', sizeof key);
  g_autofree char *text = yum_armour ((const char *)key, sizeof key);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    g_assert_cmpuint (strlen (*line), <=, 64);
  g_assert_cmpuint (g_strv_length (lines), ==, 2 + 5 + 1 + 1 + 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/header/newest", test_newest);
  g_test_add_func ("/header/damaged", test_damaged);
  g_test_add_func ("/armour/text", test_armour);
  g_test_add_func ("/armour/lines", test_lines);
  return g_test_run ();
}
