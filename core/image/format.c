/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/format.h"

#include "image/image.h"
#include "image/output-file.h"
#include "support/error.h"
#include "support/fs.h"
#include "support/process.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const *
vf_image_formats (void)
{
  static const char *const formats[] = {"raw", "qcow2", NULL};
  return formats;
}

const char *
vf_image_format_of_name (const char *output)
{
  const char *ending = output == NULL || vf_image_output_is_folder (output) ? NULL : strrchr (output, '.');
  for (const char *const *format = vf_image_formats (); ending != NULL && *format != NULL; format++)
    if (g_str_equal (ending + 1, *format))
      return *format;
  return NULL;
}

gboolean
vf_image_check_ending (const char *output, GError **error)
{
  static const char *const others[] = {"vmdk", "vhd", "vhdx", "vdi", "ova", "gz", "xz", "zst", NULL};
  const char *dot = vf_image_output_is_folder (output) ? NULL : strrchr (output, '.');
  return dot == NULL || !g_strv_contains (others, dot + 1) ||
         vf_error_set (error, VMFORGE_ERROR_SPEC,
                       "'%s' would be a raw image: vmforge writes no .%s (or say --format raw)", output,
                       dot + 1);
}

static gboolean
is_device (const VfImageSource *source)
{
  struct stat info;
  return fstat (source->fd, &info) == 0 && S_ISBLK (info.st_mode);
}

/* A device does not tell where its holes are. */
static gboolean
copy_device (const VfImageSource *source, int to, GCancellable *cancellable, GError **error)
{
  const VfImage *image = source->image;
  g_autoptr (GArray) extents =
      vf_storage_extents (source->store->storage, image->volume, image->bytes, error);
  if (extents == NULL)
    return FALSE;
  if (ftruncate (to, 0) < 0 || ftruncate (to, (off_t)image->bytes) < 0)
    return vf_error_set_errno (error, "cannot set the size of the copy");
  for (guint i = 0; i < extents->len; i++) {
    const VfExtent *extent = &g_array_index (extents, VfExtent, i);
    off_t start = (off_t)extent->offset, end = start + (off_t)extent->length;
    if (extent->state != VMFORGE_EXTENT_HOLE &&
        !vf_fs_copy_range (source->fd, to, start, end, cancellable, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
write_raw (const VfImageSource *source, int to, GCancellable *cancellable, GError **error)
{
  if (is_device (source))
    return copy_device (source, to, cancellable, error);
  return vf_fs_copy_data (source->fd, to, cancellable, error);
}

static gboolean
convert (int from, int to, GCancellable *cancellable, GError **error)
{
  /* Both formats are given, never probed: a raw disk's content is the guest's to choose. */
  g_autoptr (VfProcess) process = vf_process_new_args ("qemu-img", "convert", "-f", "raw", "-O", "qcow2",
                                                       "--", "/proc/self/fd/4", "/proc/self/fd/3", NULL);
  vf_process_pass_fd (process, to, 3);
  vf_process_pass_fd (process, from, 4);
  return vf_process_run (process, NULL, cancellable, error);
}

/* qemu-img would read a device from end to end; a copy has its holes. */
static gboolean
convert_device (const VfImageSource *source, const char *folder, const char *id, int to,
                GCancellable *cancellable, GError **error)
{
  g_autofree char *name = g_strconcat (id, "-raw", NULL);
  g_autoptr (VfOutputFile) copy = vf_output_file_new (folder, name, error);
  return copy != NULL && copy_device (source, vf_output_file_get_fd (copy), cancellable, error) &&
         convert (vf_output_file_get_fd (copy), to, cancellable, error);
}

gboolean
vf_image_write (const VfImageSource *source, const char *format, const char *folder, const char *id, int to,
                GCancellable *cancellable, GError **error)
{
  if (g_str_equal (format, "raw"))
    return write_raw (source, to, cancellable, error);
  return is_device (source) ? convert_device (source, folder, id, to, cancellable, error)
                            : convert (source->fd, to, cancellable, error);
}
