/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/spec-private.h"

#include <string.h>

#define MAX_SCRIPT_BYTES (1024 * 1024)

void
vf_spec_file_free (VfSpecFile *file)
{
  g_free (file->from);
  g_free (file->content);
  g_free (file->link);
  g_free (file->to);
  g_free (file->owner);
  g_free (file);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSpecFile, vf_spec_file_free)

void
vf_spec_run_free (VfSpecRun *run)
{
  g_free (run->command);
  g_free (run->script);
  g_free (run->script_text);
  g_free (run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSpecRun, vf_spec_run_free)

const char *
vf_spec_unshipped_folder (const char *path)
{
  static const char *const folders[] = {"/dev", "/proc",    "/run",     "/sys",
                                        "/tmp", "/var/tmp", "/var/run", "/var/lock"};
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++) {
    gsize length = strlen (folders[i]);
    if (strncmp (path, folders[i], length) == 0 && (path[length] == '/' || path[length] == '\0'))
      return folders[i];
  }
  return NULL;
}

static gboolean
check_ships (const VfNode *to, const char *path, GError **error)
{
  const char *folder = vf_spec_unshipped_folder (path);
  return folder == NULL ||
         vf_node_error (
             to, VMFORGE_ERROR_SPEC, error,
             "'to' in files entry cannot be '%s': nothing in %s is part of an image; put it elsewhere, "
             "such as into /srv",
             to->text, folder);
}

/* The path without doubled slashes and dots; one that climbs is refused, whatever it would arrive at. */
static char *
read_target (const VfNode *to, gboolean is_folder, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (to->text, "/", -1);
  g_autoptr (GString) path = g_string_new (NULL);
  for (guint i = 0; parts[i] != NULL; i++) {
    if (strcmp (parts[i], "..") == 0) {
      vf_node_error (to, VMFORGE_ERROR_SPEC, error, "'to' in files entry must not hold '..': '%s'", to->text);
      return NULL;
    }
    if (*parts[i] != '\0' && strcmp (parts[i], ".") != 0)
      g_string_append_printf (path, "/%s", parts[i]);
  }
  if (!is_folder && g_str_has_suffix (to->text, "/")) {
    vf_node_error (to, VMFORGE_ERROR_SPEC, error,
                   "'to' in files entry must name the file itself, not its folder: '%s'", to->text);
    return NULL;
  }
  if (path->len == 0)
    g_string_append_c (path, '/');
  if (!check_ships (to, path->str, error))
    return NULL;
  return g_string_free (g_steal_pointer (&path), FALSE);
}

/* Without quotes and without a leading 0 nobody can know whether the digits were meant as octal. */
static gboolean
read_mode (VfSpecFile *file, const VfNode *mode, GError **error)
{
  file->mode = -1;
  if (mode == NULL)
    return TRUE;
  if (file->link != NULL)
    return vf_node_error (mode, VMFORGE_ERROR_SPEC, error, "a symbolic link has no 'mode'");
  if (mode->type == VF_NODE_INT && mode->text[0] != '0')
    return vf_node_error (mode, VMFORGE_ERROR_SPEC, error,
                          "'mode' in files entry must stand in quotes: \"0%s\"", mode->text);
  file->mode = (int)g_ascii_strtoull (mode->text, NULL, 8);
  return TRUE;
}

static VfSpecFile *
read_file (const VfSpecLoader *loader, const VfNode *node, GError **error)
{
  g_autoptr (VfSpecFile) file = g_new0 (VfSpecFile, 1);
  const VfNode *from = vf_node_get (node, "from");
  const VfNode *content = vf_node_get (node, "content");
  gboolean is_folder = FALSE;
  file->node = node;
  if (from != NULL && (file->from = vf_spec_source_path (loader, from, &is_folder, error)) == NULL)
    return NULL;
  file->content = content == NULL ? NULL : g_strdup (content->text);
  file->link = g_strdup (vf_node_get_text (node, "link", NULL));
  file->owner = g_strdup (vf_node_get_text (node, "owner", NULL));
  file->to = read_target (vf_node_get (node, "to"), is_folder, error);
  return file->to != NULL && read_mode (file, vf_node_get (node, "mode"), error) ? g_steal_pointer (&file)
                                                                                 : NULL;
}

gboolean
vf_spec_read_files (const VfSpecLoader *loader, VfSpecStage *stage, GError **error)
{
  const VfNode *list = vf_node_get (stage->node, "files");
  for (guint i = 0; i < vf_node_length (list); i++) {
    VfSpecFile *file = read_file (loader, vf_node_at (list, i), error);
    if (file == NULL)
      return FALSE;
    g_ptr_array_add (stage->files, file);
  }
  return TRUE;
}

/* Scripts travel inside JSON. */
static gboolean
read_script (const VfSpecLoader *loader, VfSpecRun *run, const VfNode *script, GError **error)
{
  run->script_text =
      vf_spec_source_read (loader, script, MAX_SCRIPT_BYTES, &run->script, &run->script_length, error);
  if (run->script_text == NULL)
    return FALSE;
  if (!g_utf8_validate (run->script_text, (gssize)run->script_length, NULL))
    return vf_node_error (
        script, VMFORGE_ERROR_SPEC, error,
        "'%s' is no script in UTF-8 (a program can be put into 'files' and called by a command)",
        run->script);
  return TRUE;
}

static VfSpecRun *
read_run (const VfSpecLoader *loader, const VfNode *node, GError **error)
{
  g_autoptr (VfSpecRun) run = g_new0 (VfSpecRun, 1);
  const VfNode *script = vf_node_get (node, "script");
  run->node = node;
  run->network = vf_node_get_bool (node, "network", FALSE);
  if (script != NULL)
    return read_script (loader, run, script, error) ? g_steal_pointer (&run) : NULL;
  run->command = g_strdup (node->type == VF_NODE_MAP ? vf_node_get_text (node, "command", NULL) : node->text);
  return g_steal_pointer (&run);
}

gboolean
vf_spec_read_run (const VfSpecLoader *loader, VfSpecStage *stage, GError **error)
{
  const VfNode *list = vf_node_get (stage->node, "run");
  for (guint i = 0; i < vf_node_length (list); i++) {
    VfSpecRun *run = read_run (loader, vf_node_at (list, i), error);
    if (run == NULL)
      return FALSE;
    g_ptr_array_add (stage->run, run);
  }
  return TRUE;
}
