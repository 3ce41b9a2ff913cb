/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What is done with a finished image. */
#pragma once

#include "store/store.h"

/* Writes the image in a format ("raw", "qcow2") to path: sparse, to a temporary beside it, then renamed; an
 * existing regular file is replaced. "-" is standard output, for raw alone. progress may be NULL. */
gboolean vf_image_export (VmforgeStore *store, const VfImage *image, const char *format, const char *path,
                          void (*progress) (double fraction, const char *what, gpointer user_data),
                          gpointer user_data, GCancellable *cancellable, GError **error);
/* Refuses a path that vf_image_export could not write to. */
gboolean vf_image_check_output (const char *path, GError **error);
/* Known formats, NULL terminated. */
const char *const *vf_image_formats (void);
/* The format that the name of a file asks for, as in disk.qcow2; NULL if none, or for NULL. */
const char *vf_image_format_of_name (const char *output);
/* Refuses what others take for a format by its name, and we would write as raw. */
gboolean vf_image_check_ending (const char *output, GError **error);
/* TRUE if output is a folder or ends in a slash. */
gboolean vf_image_output_is_folder (const char *output);
/* output itself, or NAME-VERSION-ARCH.FORMAT in it where it is a folder or ends in a slash. Free the result.
 */
char *vf_image_output_path (const VfImage *image, const char *format, const char *output);

typedef struct {
  const char *firmware; /* "bios", "uefi"; NULL: what the host has, UEFI where the image has no BIOS */
  guint64 memory;       /* bytes; 0: 1 GiB */
  guint64 disk_size;    /* bytes to grow the clone to; 0: as it is */
  guint cpus;           /* 0: up to 2 */
  gboolean graphical;
  gboolean autologin; /* root is logged in on the serial console of the clone */
  char **extra;       /* more arguments for QEMU, or NULL */
  /* Told before QEMU starts: how it runs, how to leave it. May be NULL. */
  void (*note) (const char *line, gpointer user_data);
  gpointer user_data;
} VfImageRun;
/* Boots a throw-away clone in QEMU on this terminal; KVM where it works, else software emulation. Returns
 * when the guest ends; the clone is removed. */
gboolean vf_image_run (VmforgeStore *store, const VfImage *image, const VfImageRun *options,
                       GCancellable *cancellable, GError **error);

/* Interactive shell in the root filesystem of a kept failed volume, or (with a throw-away clone) of an image.
 */
gboolean vf_image_shell (VmforgeStore *store, const char *word, GCancellable *cancellable, GError **error);
