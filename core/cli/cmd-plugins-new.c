/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cmd-plugins.h"

#include "plugin/new-project.h"
#include "support/paths.h"

static void
print_project (const char *kind, const char *name, const char *dir, char **files)
{
  g_autofree char *quoted = g_shell_quote (dir);
  gboolean plain = dir[strspn (dir, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "/._-+")] == '\0';
  for (char **file = files; *file != NULL; file++)
    printf ("%s/%s\n", dir, *file);
  printf ("\nNext, after a look at README.md there:\n"
          "  cd %s\n"
          "  meson setup build\n"
          "  ninja -C build\n"
          "  meson test -C build\n",
          plain ? dir : quoted);
  if (g_str_equal (kind, "storage"))
    printf ("  vmforge build --plugin build/vmforge-%s.so --storage %s SPEC\n", name, name);
  else
    printf ("  VMFORGE_PROFILE_PATH=$PWD vmforge build --plugin build/vmforge-%s.so SPEC\n", name);
}

static VfJson *
project_to_json (const char *kind, const char *name, const char *dir, char **files)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "name", name);
  vf_json_set_string (json, "kind", kind);
  vf_json_set_string (json, "path", dir);
  vf_json_set (json, "files", vf_json_from_strv ((const char *const *)files));
  return json;
}

gboolean
vf_cli_plugins_new (VfCli *cli, char **arguments, GError **error)
{
  const char *kind = arguments[0], *name = arguments[1];
  g_autofree char *dir =
      arguments[2] != NULL ? g_strdup (arguments[2]) : g_strconcat ("vmforge-", name, NULL);
  g_auto (GStrv) files = vf_new_project (vf_paths_template_dir (), kind, name, dir, error);
  if (files == NULL)
    return FALSE;
  if (cli->json)
    vf_cli_print_json (project_to_json (kind, name, dir, files));
  else
    print_project (kind, name, dir, files);
  return TRUE;
}
