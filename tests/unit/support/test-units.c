/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/units.h"

typedef gboolean (*Parse) (const char *text, guint64 *value);

static void
assert_parses (Parse parse, const char *text, guint64 wanted)
{
  guint64 value = 0;
  if (!parse (text, &value))
    g_error ("'%s' does not parse", text);
  g_assert_cmpuint (value, ==, wanted);
}

static void
assert_refused (Parse parse, const char *text)
{
  guint64 value = 12345;
  if (parse (text, &value))
    g_error ("'%s' parses", text);
  g_assert_cmpuint (value, ==, 12345);
}

static void
test_binary (void)
{
  assert_parses (vf_units_parse_size, "4GiB", G_GUINT64_CONSTANT (4) << 30);
  assert_parses (vf_units_parse_size, "512 MiB", 512 << 20);
  assert_parses (vf_units_parse_size, "7KiB", 7 << 10);
  assert_parses (vf_units_parse_size, "2TiB", G_GUINT64_CONSTANT (2) << 40);
}

static void
test_short (void)
{
  assert_parses (vf_units_parse_size, "1K", 1 << 10);
  assert_parses (vf_units_parse_size, "1M", 1 << 20);
  assert_parses (vf_units_parse_size, "1G", 1 << 30);
  assert_parses (vf_units_parse_size, "1T", G_GUINT64_CONSTANT (1) << 40);
}

static void
test_decimal (void)
{
  assert_parses (vf_units_parse_size, "1kB", 1000);
  assert_parses (vf_units_parse_size, "1KB", 1000);
  assert_parses (vf_units_parse_size, "3MB", 3000000);
  assert_parses (vf_units_parse_size, "10GB", G_GUINT64_CONSTANT (10000000000));
  assert_parses (vf_units_parse_size, "1TB", G_GUINT64_CONSTANT (1000000000000));
}

static void
test_bytes (void)
{
  assert_parses (vf_units_parse_size, "4096", 4096);
  assert_parses (vf_units_parse_size, "4096B", 4096);
  assert_parses (vf_units_parse_size, "0", 0);
  assert_parses (vf_units_parse_size, "18446744073709551615", G_MAXUINT64);
}

static void
test_refused_sizes (void)
{
  static const char *const bad[] = {"",    " ",      "GiB",    "-1",     "+1",   "1XB",
                                    "1 ",  " 1",     "1  GiB", "1GiBs",  "1gib", "0x10",
                                    "1e3", "1,5GiB", "4GiB4",  "1 GiB ", "1\n",  "١"};
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (vf_units_parse_size, bad[i]);
}

static void
test_overflow (void)
{
  assert_parses (vf_units_parse_size, "16777215TiB", G_GUINT64_CONSTANT (16777215) << 40);
  assert_refused (vf_units_parse_size, "16777216TiB");
  assert_refused (vf_units_parse_size, "18446744073709551616");
  assert_refused (vf_units_parse_size, "99999999999999999999999GiB");
  assert_refused (vf_units_parse_duration, "18446744073709551615d");
}

static void
test_durations (void)
{
  assert_parses (vf_units_parse_duration, "300s", 300);
  assert_parses (vf_units_parse_duration, "5min", 300);
  assert_parses (vf_units_parse_duration, "1h", 3600);
  assert_parses (vf_units_parse_duration, "2d", 172800);
  assert_parses (vf_units_parse_duration, "3600", 3600);
}

static void
test_refused_durations (void)
{
  static const char *const bad[] = {"", "s", "-1s", "1w", "1h30", "1.5h", "1ms"};
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (vf_units_parse_duration, bad[i]);
}

static void
test_format_size (void)
{
  static const struct {
    guint64 bytes;
    const char *text;
  } sizes[] = {{0, "0 B"},
               {1023, "1023 B"},
               {1024, "1.0 KiB"},
               {1503238554, "1.4 GiB"},
               {G_GUINT64_CONSTANT (200) << 30, "200 GiB"},
               {(1 << 20) - 1, "1.0 MiB"},
               {G_GUINT64_CONSTANT (3) << 40, "3.0 TiB"},
               {G_MAXUINT64, "16384 PiB"}};
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *text = vf_units_format_size (sizes[i].bytes);
    g_assert_cmpstr (text, ==, sizes[i].text);
  }
}

static void
test_format_seconds (void)
{
  static const struct {
    double seconds;
    const char *text;
  } times[] = {{0, "0.00 s"},  {0.31, "0.31 s"},     {9.999, "10 s"},     {42, "42 s"},
               {59.4, "59 s"}, {59.7, "1 min 00 s"}, {185, "3 min 05 s"}, {3600, "60 min 00 s"}};
  for (gsize i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autofree char *text = vf_units_format_seconds (times[i].seconds);
    g_assert_cmpstr (text, ==, times[i].text);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/units/binary units are powers of 1024", test_binary);
  g_test_add_func ("/units/short units are binary", test_short);
  g_test_add_func ("/units/decimal units are powers of 1000", test_decimal);
  g_test_add_func ("/units/plain numbers are bytes", test_bytes);
  g_test_add_func ("/units/what is no size is refused", test_refused_sizes);
  g_test_add_func ("/units/what does not fit is refused", test_overflow);
  g_test_add_func ("/units/durations are seconds", test_durations);
  g_test_add_func ("/units/what is no duration is refused", test_refused_durations);
  g_test_add_func ("/units/sizes are told in the largest unit", test_format_size);
  g_test_add_func ("/units/times are told in seconds and minutes", test_format_seconds);
  return g_test_run ();
}
