/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/busy.h"

#include <string.h>
#include <sys/stat.h>

static gboolean
is_on (const char *link, dev_t device)
{
  struct stat info;
  return stat (link, &info) == 0 && info.st_dev == device;
}

static gboolean
has_open_file (const char *folder, dev_t device)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *link = g_build_filename (folder, name, NULL);
    if (is_on (link, device))
      return TRUE;
  }
  return FALSE;
}

static gboolean
process_uses (const char *process, dev_t device)
{
  static const char *const links[] = {"cwd", "root", "exe"};
  for (guint i = 0; i < G_N_ELEMENTS (links); i++) {
    g_autofree char *link = g_build_filename (process, links[i], NULL);
    if (is_on (link, device))
      return TRUE;
  }
  g_autofree char *files = g_build_filename (process, "fd", NULL);
  return has_open_file (files, device);
}

char *
vf_busy_describe (const char *path)
{
  struct stat info;
  g_autoptr (GDir) processes = g_dir_open ("/proc", 0, NULL);
  g_autoptr (GString) users = g_string_new (NULL);
  const char *name;
  if (stat (path, &info) != 0)
    memset (&info, 0, sizeof info);
  while (processes && (name = g_dir_read_name (processes))) {
    g_autofree char *process = g_build_filename ("/proc", name, NULL);
    g_autofree char *command_path = g_build_filename (process, "comm", NULL);
    g_autofree char *command = NULL;
    if (!g_ascii_isdigit (*name) || !process_uses (process, info.st_dev) ||
        !g_file_get_contents (command_path, &command, NULL, NULL))
      continue;
    g_string_append_printf (users, "%s'%s' (process %s)", users->len ? ", " : "", g_strchomp (command), name);
  }
  return users->len ? g_string_free (g_steal_pointer (&users), FALSE) : g_strdup ("an unknown user");
}
