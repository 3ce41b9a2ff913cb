/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* How old the package lists are, as their signed indexes say. */
#include "apt.h"

#include <stdio.h>
#include <unistd.h>

/* "Sat, 14 Nov 2026 08:12:33 UTC", always in English, whatever the locale; 0: it is none. */
gint64
apt_date_parse (const char *text)
{
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month[4], zone[6];
  int day, year, hour, minute, second;
  if (sscanf (text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %5s", &day, month, &year, &hour, &minute,
              &second, zone) != 7 ||
      (!g_str_equal (zone, "UTC") && !g_str_equal (zone, "GMT") && !g_str_equal (zone, "+0000")))
    return 0;
  const char *found = strlen (month) == 3 ? strstr (months, month) : NULL;
  if (found == NULL || (found - months) % 3 != 0)
    return 0;
  g_autoptr (GDateTime) time =
      g_date_time_new_utc (year, (int)(found - months) / 3 + 1, day, hour, minute, second);
  return time == NULL ? 0 : MAX (g_date_time_to_unix (time), 0);
}

/* Of an InRelease or Release file; 0: it has none. */
static gint64
read_date (const char *path)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_ascii_strncasecmp (*line, "Date:", 5) == 0)
      return apt_date_parse (g_strstrip (*line + 5));
  return 0;
}

static gint64
newest_in (const char *folder)
{
  gint64 newest = 0;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL;
       name = g_dir_read_name (dir)) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    if (g_str_has_suffix (name, "Release"))
      newest = MAX (newest, read_date (path));
  }
  return newest;
}

int
apt_metadata_date (void *handle, Call *call, const struct vmforge_package_request *request, int64_t *seconds)
{
  const Apt *apt = handle;
  g_autofree char *sources = apt_sources_for_build (call, apt, request);
  g_autoptr (AptConfig) config = sources == NULL ? NULL : apt_config_new (call, apt, sources, "");
  int lock = config == NULL ? -1 : pkg_lock (call, apt->cache_path, "lists");
  if (lock < 0)
    return -1;
  *seconds = newest_in (config->lists);
  close (lock);
  return 0;
}
