/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include <glib.h>

/* "4GiB", "512 MiB", "10GB", "4096" (bytes) → bytes. Units: B, KiB, MiB, GiB, TiB, kB, KB, MB, GB, TB, and
 * the short K, M, G, T for the binary ones. FALSE if it is none, is negative, or does not fit. */
gboolean vf_units_parse_size (const char *text, guint64 *bytes);
/* The same, but a number needs its unit, and 0 is no size: whoever writes 20 means no bytes. */
gboolean vf_units_parse_limit (const char *text, guint64 *bytes);
/* "300s", "5min", "1h", "2d", "3600" (seconds) → seconds. */
gboolean vf_units_parse_duration (const char *text, guint64 *seconds);
/* "1.4 GiB". Free the result. */
char *vf_units_format_size (guint64 bytes);
/* "0.31 s", "42 s", "3 min 05 s". Free the result. */
char *vf_units_format_seconds (double seconds);
