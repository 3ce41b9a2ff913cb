/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/paths.h"

#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#define MAX_CONF (64 * 1024)

typedef struct {
  GPtrArray *plugin_dirs, *profile_dirs; /* NULL terminated once complete */
  char *worker, *checker, *template_dir;
} Paths;

/* The text of vmforge-tree.conf beside this program, if that can be trusted as far as the program itself. */
static char *
read_tree_conf (void)
{
  if (getauxval (AT_SECURE) != 0)
    return NULL;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  if (program == NULL)
    return NULL;
  g_autofree char *folder = g_path_get_dirname (program);
  g_autofree char *path = g_build_filename (folder, "vmforge-tree.conf", NULL);
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) < 0 || (st.st_mode & 022) != 0 || (st.st_uid != 0 && st.st_uid != geteuid ()))
    return NULL;
  /* The file that was looked at, whatever the path leads to by now. */
  g_autofree char *opened = g_strdup_printf ("/proc/self/fd/%d", fd);
  return vf_fs_read (AT_FDCWD, opened, MAX_CONF, NULL, NULL);
}

static void
apply_tree_conf (Paths *paths, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    char *value = strchr (*line, '=');
    if (value == NULL)
      continue;
    *value++ = '\0';
    if (strcmp (*line, "plugin_dir") == 0)
      g_ptr_array_add (paths->plugin_dirs, g_strdup (value));
    else if (strcmp (*line, "profile_dir") == 0)
      g_ptr_array_add (paths->profile_dirs, g_strdup (value));
    else if (strcmp (*line, "worker") == 0)
      paths->worker = g_strdup (value);
    else if (strcmp (*line, "checker") == 0)
      paths->checker = g_strdup (value);
    else if (strcmp (*line, "template_dir") == 0)
      paths->template_dir = g_strdup (value);
  }
}

static const Paths *
get_paths (void)
{
  static const Paths *known = NULL;
  if (!g_once_init_enter (&known))
    return known;
  Paths *paths = g_new0 (Paths, 1);
  paths->plugin_dirs = g_ptr_array_new ();
  paths->profile_dirs = g_ptr_array_new ();
  g_ptr_array_add (paths->profile_dirs, g_strdup (VF_CONFIG_DIR "/profiles.d"));
  g_autofree char *text = read_tree_conf ();
  if (text != NULL)
    apply_tree_conf (paths, text);
  if (paths->plugin_dirs->len == 0)
    g_ptr_array_add (paths->plugin_dirs, g_strdup (VF_PLUGIN_DIR));
  if (paths->profile_dirs->len == 1)
    g_ptr_array_add (paths->profile_dirs, g_strdup (VF_PROFILE_DIR));
  if (paths->worker == NULL)
    paths->worker = g_strdup (VF_LIBEXEC_DIR "/vmforge-worker");
  if (paths->checker == NULL)
    paths->checker = g_strdup (VF_LIBEXEC_DIR "/vmforge-check");
  if (paths->template_dir == NULL)
    paths->template_dir = g_strdup (VF_TEMPLATE_DIR);
  g_ptr_array_add (paths->plugin_dirs, NULL);
  g_ptr_array_add (paths->profile_dirs, NULL);
  g_once_init_leave (&known, paths);
  return known;
}

const char *const *
vf_paths_plugin_dirs (void)
{
  return (const char *const *)get_paths ()->plugin_dirs->pdata;
}

const char *const *
vf_paths_profile_dirs (void)
{
  return (const char *const *)get_paths ()->profile_dirs->pdata;
}

const char *
vf_paths_checker (void)
{
  return get_paths ()->checker;
}

const char *
vf_paths_template_dir (void)
{
  return get_paths ()->template_dir;
}

const char *
vf_paths_default_storage (void)
{
  return VF_DEFAULT_STORAGE;
}

const char *
vf_paths_default_transport (void)
{
  return VF_DEFAULT_TRANSPORT;
}

const char *
vf_paths_worker (void)
{
  return get_paths ()->worker;
}

const char *
vf_paths_config_file (void)
{
  return VF_CONFIG_DIR "/vmforge.yaml";
}
