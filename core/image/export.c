/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/image.h"

#include "image/format.h"
#include "image/output-file.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_STEP (1024 * 1024)

typedef struct {
  void (*func) (double fraction, const char *what, gpointer user_data);
  gpointer user_data;
} Progress;

/* Of a stage only the key is known. */
static char *
file_name (const VfImage *image, const char *format)
{
  if (image->name == NULL)
    return g_strdup_printf ("%.12s.%s", image->key, format);
  return g_strdup_printf ("%s-%s-%s.%s", image->name, image->version, image->arch, format);
}

gboolean
vf_image_output_is_folder (const char *output)
{
  return g_str_has_suffix (output, "/") || g_file_test (output, G_FILE_TEST_IS_DIR);
}

char *
vf_image_output_path (const VfImage *image, const char *format, const char *output)
{
  if (!vf_image_output_is_folder (output))
    return g_strdup (output);
  g_autofree char *name = file_name (image, format);
  return g_build_filename (output, name, NULL);
}

/* A pipe takes no holes. */
static gboolean
write_stream (int from, int to, GCancellable *cancellable, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (PIPE_STEP);
  for (;;) {
    ssize_t length = read (from, buffer, PIPE_STEP);
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0)
      return vf_error_set_errno (error, "cannot read the image");
    if (length == 0)
      return TRUE;
    if (vf_error_set_if_cancelled (cancellable, error) || !vf_fs_write_all (to, buffer, (gsize)length, error))
      return FALSE;
  }
}

static gboolean
export_stdout (int from, const char *format, GCancellable *cancellable, GError **error)
{
  if (!g_str_equal (format, "raw"))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "only raw goes to standard output: name a file for %s",
                         format);
  if (isatty (STDOUT_FILENO))
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "standard output is a terminal: send it to a file or a program");
  if (write_stream (from, STDOUT_FILENO, cancellable, error))
    return TRUE;
  g_prefix_error (error, "standard output: ");
  return FALSE;
}

/* The folder that a file is to be written to, or the nearest above it that is there. Free the result. */
static char *
nearest_folder (const char *path)
{
  struct stat st;
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  char *folder = g_path_get_dirname (absolute);
  while (lstat (folder, &st) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    char *above = g_path_get_dirname (folder);
    g_free (folder);
    folder = above;
  }
  return folder;
}

gboolean
vf_image_check_output (const char *path, GError **error)
{
  struct stat st;
  g_autofree char *folder = nearest_folder (path);
  if (stat (folder, &st) == 0 && !S_ISDIR (st.st_mode))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "cannot write '%s': '%s' is no folder", path, folder);
  if (access (folder, W_OK | X_OK) != 0)
    return vf_error_set_errno (error, "cannot write '%s': folder '%s'", path, folder);
  if (lstat (path, &st) != 0 || S_ISREG (st.st_mode))
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' exists and is no regular file: name another place",
                       path);
}

static gboolean
export_file (const VfImageSource *source, const char *format, const char *path, const char *id,
             const Progress *progress, GCancellable *cancellable, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  g_autofree char *folder = g_path_get_dirname (absolute);
  if (!vf_image_check_output (path, error) || !vf_fs_mkdir_p (AT_FDCWD, folder, 0755, error))
    return FALSE;
  g_autoptr (VfOutputFile) file = vf_output_file_new (folder, id, error);
  if (file == NULL)
    return FALSE;
  if (progress->func != NULL)
    progress->func (-1, "writing the image", progress->user_data);
  return vf_image_write (source, format, folder, id, vf_output_file_get_fd (file), cancellable, error) &&
         vf_output_file_publish (file, absolute, error);
}

static gboolean
export_volume (VfImageSource *source, const char *format, const char *path, const char *id,
               const Progress *progress, GCancellable *cancellable, GError **error)
{
  vf_autofd int from = open (source->path, O_RDONLY | O_CLOEXEC);
  if (from < 0)
    return vf_error_set_errno (error, "cannot open the image '%s'", source->path);
  source->fd = from;
  if (g_str_equal (path, "-"))
    return export_stdout (from, format, cancellable, error);
  return export_file (source, format, path, id, progress, cancellable, error);
}

gboolean
vf_image_export (VmforgeStore *store, const VfImage *image, const char *format, const char *path,
                 void (*progress) (double fraction, const char *what, gpointer user_data), gpointer user_data,
                 GCancellable *cancellable, GError **error)
{
  VfImageSource source = {.store = store, .image = image};
  if (!g_strv_contains (vf_image_formats (), format))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "unknown format '%s': raw or qcow2", format);
  /* The stage must not be removed meanwhile. */
  VfBuilding *hold =
      vf_image_check_volume (store, image, error) ? vf_store_begin_clone (store, image->key, 0, error) : NULL;
  if (hold == NULL)
    return FALSE;
  const Progress told = {progress, user_data};
  gboolean exported = vf_storage_map (store->storage, image->volume, TRUE, &source.path, error) &&
                      export_volume (&source, format, path, hold->volume, &told, cancellable, error);
  if (source.path != NULL)
    exported = vf_storage_unmap (store->storage, image->volume, exported ? error : NULL) && exported;
  g_free (source.path);
  /* No volume of that id was ever made: only the record goes. */
  return vf_store_end (store, hold, FALSE, FALSE, exported ? error : NULL) && exported;
}
