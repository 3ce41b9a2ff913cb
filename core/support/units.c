/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/units.h"

#include <string.h>

typedef struct {
  const char *name;
  guint64 factor;
} Unit;

/* NUMBER, optional blank, unit. The empty unit is 1. */
static gboolean
parse (const char *text, const Unit *units, gsize n_units, guint64 *value)
{
  char *end;
  if (!g_ascii_isdigit (text[0]))
    return FALSE;
  guint64 number;
  gsize digits = strspn (text, "0123456789");
  g_autofree char *plain = g_strndup (text, digits);
  if (!g_ascii_string_to_unsigned (plain, 10, 0, G_MAXUINT64, &number, NULL))
    return FALSE;
  end = (char *)text + digits;
  if (*end == ' ' && end[1] != '\0')
    end++;
  gsize i = 0;
  while (i < n_units && strcmp (end, units[i].name) != 0)
    i++;
  /* The product goes to *value only if it fits: checked_mul() writes it in any case. */
  guint64 product;
  if (i == n_units || !g_uint64_checked_mul (&product, number, units[i].factor))
    return FALSE;
  *value = product;
  return TRUE;
}

#define KIB G_GUINT64_CONSTANT (1024)
#define KB  G_GUINT64_CONSTANT (1000)

gboolean
vf_units_parse_size (const char *text, guint64 *bytes)
{
  static const Unit units[] = {
      {"", 1},
      {"B", 1},
      {"K", KIB},
      {"KiB", KIB},
      {"M", KIB * KIB},
      {"MiB", KIB * KIB},
      {"G", KIB * KIB * KIB},
      {"GiB", KIB * KIB * KIB},
      {"T", KIB * KIB * KIB * KIB},
      {"TiB", KIB * KIB * KIB * KIB},
      {"kB", KB},
      {"KB", KB},
      {"MB", KB * KB},
      {"GB", KB * KB * KB},
      {"TB", KB * KB * KB * KB},
  };
  return parse (text, units, G_N_ELEMENTS (units), bytes);
}

gboolean
vf_units_parse_limit (const char *text, guint64 *bytes)
{
  return text[strspn (text, "0123456789. ")] != '\0' && vf_units_parse_size (text, bytes) && *bytes > 0;
}

gboolean
vf_units_parse_duration (const char *text, guint64 *seconds)
{
  static const Unit units[] = {{"", 1}, {"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  return parse (text, units, G_N_ELEMENTS (units), seconds);
}

char *
vf_units_format_size (guint64 bytes)
{
  static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = (double)bytes;
  gsize unit = 0;
  for (; value >= 1023.5 && unit + 1 < G_N_ELEMENTS (names); unit++)
    value /= 1024;
  return g_strdup_printf (unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, names[unit]);
}

/* The limits are where rounding would reach the next unit. */
char *
vf_units_format_seconds (double seconds)
{
  if (seconds < 9.995)
    return g_strdup_printf ("%.2f s", seconds);
  if (seconds < 59.5)
    return g_strdup_printf ("%.0f s", seconds);
  guint64 whole = (guint64)(seconds + 0.5);
  return g_strdup_printf ("%" G_GUINT64_FORMAT " min %02u s", whole / 60, (guint)(whole % 60));
}
