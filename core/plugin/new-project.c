/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/new-project.h"

#include "plugin/descriptor.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"
#include "support/suggest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_LIMIT (1024 * 1024)

static gboolean
check_kind (const char *kind, GError **error)
{
  static const char *const kinds[] = {"package", "storage", NULL};
  if (g_strv_contains (kinds, kind))
    return TRUE;
  if (g_str_equal (kind, "transport"))
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "there is no template of a transport plugin: package and storage have one");
  g_autofree char *hint = vf_suggest_hint (kind, kinds);
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "unknown kind of plugin '%s'%s: it is package or storage",
                       kind, hint);
}

/* Folders of the store, where a storage plugin makes one of its own, and manual pages vmforge-NAME of ours.
 */
static const char *const taken[] = {
    "build",   "building", "cache",  "export",   "exports", "images",  "locks",  "logs",
    "objects", "plan",     "plugin", "plugins",  "pool",    "run",     "schema", "shell",
    "spec",    "stages",   "store",  "validate", "version", "volumes", NULL,
};

static gboolean
check_name (const char *name, GError **error)
{
  if (!vf_descriptor_name_is_valid (name))
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "'%s' is no name for a plugin: it begins with a letter, holds a-z, 0-9 and '-' alone, "
        "and has at most 64 characters",
        name);
  return !g_strv_contains (taken, name) ||
         vf_error_set (error, VMFORGE_ERROR_SPEC,
                       "'%s' is a name that vmforge itself uses: choose another one for the plugin", name);
}

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* Names in a folder, sorted, NULL terminated. Takes the descriptor. */
static char **
list_folder (int fd, const char *path, GError **error)
{
  DIR *folder = fdopendir (fd);
  if (folder == NULL) {
    vf_error_set_errno (error, "cannot list '%s'", path);
    vf_fd_clear (&fd);
    return NULL;
  }
  GPtrArray *names = g_ptr_array_new ();
  for (struct dirent *entry = readdir (folder); entry != NULL; entry = readdir (folder))
    if (!g_str_equal (entry->d_name, ".") && !g_str_equal (entry->d_name, ".."))
      g_ptr_array_add (names, g_strdup (entry->d_name));
  closedir (folder);
  g_ptr_array_sort (names, compare_texts);
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (names, FALSE);
}

static char *
replace (const char *text, const char *word, const char *with)
{
  g_auto (GStrv) parts = g_strsplit (text, word, -1);
  return g_strjoinv (with, parts);
}

static char *
fill_in (const char *text, const char *name)
{
  g_autofree char *upper = g_ascii_strup (name, -1);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  /* Not %B, which is in the user's language. */
  static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                       "July",    "August",   "September", "October", "November", "December"};
  g_autofree char *date = g_strdup_printf ("%s %d, %d", months[g_date_time_get_month (now) - 1],
                                           g_date_time_get_day_of_month (now), g_date_time_get_year (now));
  g_autofree char *named = replace (text, "@NAME@", name);
  g_autofree char *headed = replace (named, "@UPPERNAME@", upper);
  return replace (headed, "@DATE@", date);
}

/* The file's bits are the template's, less what the user's mask takes away. */
static gboolean
write_file (int from, int to, const char *source, const char *file, const char *name, GError **error)
{
  struct stat info;
  g_autofree char *text = vf_fs_read (from, source, FILE_LIMIT, NULL, error);
  if (text == NULL)
    return FALSE;
  if (fstatat (from, source, &info, AT_SYMLINK_NOFOLLOW) < 0)
    return vf_error_set_errno (error, "cannot look at '%s'", source);
  vf_autofd int fd =
      openat (to, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, info.st_mode & 0100 ? 0777 : 0666);
  if (fd < 0)
    return vf_error_set_errno (error, "cannot make '%s'", file);
  g_autofree char *content = fill_in (text, name);
  if (vf_fs_write_all (fd, content, strlen (content), error) && fsync (fd) == 0)
    return TRUE;
  if (error == NULL || *error == NULL)
    vf_error_set_errno (error, "cannot write '%s'", file);
  else
    g_prefix_error (error, "'%s': ", file);
  (void)unlinkat (to, file, 0);
  return FALSE;
}

/* Whatever it wrote is removed again where it fails. files: as in the folder, filled in. */
static gboolean
write_files (int from, int to, char **sources, const char *name, char **files, GError **error)
{
  for (guint i = 0; sources[i] != NULL; i++) {
    files[i] = replace (sources[i], "NAME", name);
    if (write_file (from, to, sources[i], files[i], name, error))
      continue;
    for (guint k = 0; k < i; k++)
      (void)unlinkat (to, files[k], 0);
    return FALSE;
  }
  return TRUE;
}

/* A new folder gets its name when it is complete. */
static gboolean
write_folder (int from, char **sources, const char *name, const char *dir, char **files, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (dir), *base = g_path_get_basename (dir);
  g_autofree char *temporary =
      g_strdup_printf ("%s/.tmp-%d-%08x-%s", parent, (int)getpid (), g_random_int (), base);
  if (mkdir (temporary, 0777) < 0)
    return vf_error_set_errno (error, "cannot make the folder '%s'", dir);
  vf_autofd int to = vf_fs_open_dir (AT_FDCWD, temporary, error);
  gboolean done = to >= 0 && write_files (from, to, sources, name, files, error);
  if (done && renameat2 (AT_FDCWD, temporary, AT_FDCWD, dir, RENAME_NOREPLACE) < 0)
    done = vf_error_set_errno (error, "cannot make the folder '%s'", dir);
  if (!done)
    (void)vf_fs_remove (AT_FDCWD, temporary, NULL);
  return done;
}

/* An empty folder that the user made (and may stand in) stays the same one. */
static gboolean
fill_folder (int from, int to, char **sources, const char *name, const char *dir, char **files,
             GError **error)
{
  int listed = vf_fs_open_dir (to, ".", error);
  g_auto (GStrv) present = listed < 0 ? NULL : list_folder (listed, dir, error);
  if (present == NULL)
    return FALSE;
  if (present[0] != NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "the folder '%s' is not empty: name one that does not exist, or is empty", dir);
  return write_files (from, to, sources, name, files, error);
}

char **
vf_new_project (const char *templates, const char *kind, const char *name, const char *dir, GError **error)
{
  if (!check_kind (kind, error) || !check_name (name, error))
    return NULL;
  g_autofree char *source = g_build_filename (templates, kind, NULL);
  vf_autofd int from = vf_fs_open_dir (AT_FDCWD, source, error);
  int listed = from < 0 ? -1 : vf_fs_open_dir (from, ".", error);
  g_auto (GStrv) sources = listed < 0 ? NULL : list_folder (listed, source, error);
  if (sources == NULL)
    return NULL;
  g_auto (GStrv) files = g_new0 (char *, g_strv_length (sources) + 1);
  /* Without the final '/', which would name what is inside. */
  g_autofree char *target = g_canonicalize_filename (dir, NULL);
  vf_autofd int to = open (target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (to < 0 && errno != ENOENT) {
    vf_error_set_errno (error, "cannot make a project in '%s'", dir);
    return NULL;
  }
  gboolean done = to >= 0 ? fill_folder (from, to, sources, name, dir, files, error)
                          : write_folder (from, sources, name, target, files, error);
  if (!done)
    return NULL;
  qsort (files, g_strv_length (files), sizeof *files, compare_texts);
  return g_steal_pointer (&files);
}
