/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fake-host.h"

#include <glib/gstdio.h>

static void
fake_error (Call *call, enum vmforge_plugin_error code, const char *format, ...)
{
  FakeHost *fake = (FakeHost *)call;
  va_list args;
  va_start (args, format);
  g_assert_cmpint (fake->code, ==, 0);
  fake->code = code;
  fake->message = g_strdup_vprintf (format, args);
  va_end (args);
}

static void
fake_log (Call *call, enum vmforge_log_level level, const char *format, ...)
{
}

static void
fake_progress (Call *call, double fraction, const char *what)
{
}

static int
fake_cancelled (Call *call)
{
  return 0;
}

static void
tell (const struct vmforge_program *program, int stream, const char *const *lines)
{
  for (; lines != NULL && *lines != NULL; lines++)
    if (program->line != NULL)
      g_assert_cmpint (program->line (program->user, stream, *lines), ==, 0);
}

static int
fake_run (Call *call, const struct vmforge_program *program)
{
  FakeHost *fake = (FakeHost *)call;
  if (fake->failing != NULL && !g_str_equal (fake->failing, program->argv[0]))
    return 0;
  if (fake->apt_config == NULL) {
    tell (program, 1, fake->output);
    tell (program, 2, fake->errors);
    return fake->status;
  }
  g_auto (GStrv) env = g_environ_setenv (g_get_environ (), "APT_CONFIG", fake->apt_config, TRUE);
  g_autofree char *text = NULL;
  int status = 0;
  g_autoptr (GError) error = NULL;
  g_spawn_sync (NULL, (char **)program->argv, env, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  tell (program, 1, (const char *const *)lines);
  return status;
}

static int
fake_run_in_root (Call *call, const struct vmforge_program *program, const struct vmforge_sandbox *sandbox)
{
  return fake_run (call, program);
}

static const char *
fake_cache_find (Call *call, const char *digest)
{
  return ((FakeHost *)call)->archive;
}

void
fake_host_init (FakeHost *fake, const char *profile)
{
  g_autoptr (GError) error = NULL;
  *fake = (FakeHost){.host = {.size = sizeof fake->host,
                              .error = fake_error,
                              .log = fake_log,
                              .progress = fake_progress,
                              .cancelled = fake_cancelled,
                              .run = fake_run,
                              .run_in_root = fake_run_in_root,
                              .cache_find = fake_cache_find}};
  fake->call.host = &fake->host;
  fake->folder = g_dir_make_tmp ("vmforge-apt-XXXXXX", &error);
  g_assert_no_error (error);
  g_auto (GStrv) parts = g_strsplit (profile, "@FOLDER@", -1);
  g_autofree char *text = g_strjoinv (fake->folder, parts);
  fake->apt.profile = json_tokener_parse (text);
  g_assert_nonnull (fake->apt.profile);
  fake->apt.release = "bookworm";
  fake->apt.host = apt_host_new ();
  fake->apt.package_arch = g_strdup ("amd64");
  fake->apt.cache_path = g_build_filename (fake->folder, "cache", NULL);
  g_assert_cmpint (g_mkdir (fake->apt.cache_path, 0755), ==, 0);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL;
       name = g_dir_read_name (dir)) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    remove_tree (child);
  }
  g_assert_cmpint (g_remove (path), ==, 0);
}

void
fake_host_clear (FakeHost *fake)
{
  g_assert_cmpint (fake->code, ==, 0); /* an error that no test looked at: fake->message */
  remove_tree (fake->folder);
  g_free (fake->folder);
  json_object_put (fake->apt.profile);
  apt_host_free (fake->apt.host);
  g_strfreev (fake->apt.mirrors);
  g_free (fake->apt.package_arch);
  g_free (fake->apt.cache_path);
}

char *
fake_host_write (FakeHost *fake, const char *name, const char *text)
{
  char *path = g_build_filename (fake->folder, name, NULL);
  g_autofree char *folder = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return path;
}

void
fake_host_assert_error (FakeHost *fake, enum vmforge_plugin_error code, const char *part)
{
  g_assert_cmpint (fake->code, ==, code);
  g_assert_nonnull (strstr (fake->message, part));
  g_assert_null (strchr (fake->message, '\n'));
  g_clear_pointer (&fake->message, g_free);
  fake->code = 0;
}
