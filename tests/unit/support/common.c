/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"

#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

char *
begin_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("vmforge-test-XXXXXX", &error);
  g_assert_no_error (error);
  return folder;
}

void
end_folder (char *folder)
{
  g_autoptr (GError) error = NULL;
  vf_fs_remove (AT_FDCWD, folder, &error);
  g_assert_no_error (error);
  g_free (folder);
}

char *
make_file (const char *folder, const char *name, const char *text, mode_t mode)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, name, NULL);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (chmod (path, mode), ==, 0);
  return path;
}

VfProcess *
shell (const char *script)
{
  return vf_process_new_args ("sh", "-c", script, NULL);
}

static gboolean
is_gone (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int)pid), *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return TRUE;
  const char *state = strrchr (text, ')');
  return state != NULL && state[2] == 'Z'; /* ended, and not yet collected by init */
}

void
assert_goes (pid_t pid)
{
  g_assert_cmpint (pid, >, 1);
  for (int i = 0; i < 1000 && !is_gone (pid); i++)
    g_usleep (10000);
  g_assert_true (is_gone (pid));
}

void
assert_error (GError *error, VmforgeError code, const char *text)
{
  g_assert_error (error, VMFORGE_ERROR, (int)code);
  if (strstr (error->message, text) == NULL)
    g_error ("'%s' is not in '%s'", text, error->message);
  g_error_free (error);
}
