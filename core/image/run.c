/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/clone.h"
#include "image/inside.h"
#include "image/qemu.h"
#include "image/terminal.h"

#include "build/rootfs.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>

#define DEFAULT_MEMORY (G_GUINT64_CONSTANT (1) << 30)
#define BOOT_CODE      440

static gboolean
write_autologin (const char *path, gpointer user_data, GError **error)
{
  static const char text[] =
      "# Written by `vmforge run --autologin` into a throw-away clone.\n"
      "[Service]\n"
      "ExecStart=\n"
      "ExecStart=-/sbin/agetty --autologin root --keep-baud 115200,57600,38400,9600 - $TERM\n";
  g_autoptr (VfRootfs) root = vf_rootfs_open (path, -1, error);
  return root != NULL &&
         vf_rootfs_write_text (root, "/etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf", text,
                               error);
}

/* BIOS where the master boot record holds code. */
static const char *
choose_firmware (const VfImageRun *options, const char *path, GError **error)
{
  guint8 code[BOOT_CODE];
  if (options->firmware != NULL)
    return options->firmware;
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || pread (fd, code, sizeof code, 0) != sizeof code) {
    vf_error_set_errno (error, "cannot read '%s'", path);
    return NULL;
  }
  for (guint i = 0; i < sizeof code; i++)
    if (code[i] != 0)
      return "bios";
  return "uefi";
}

static void
tell (const VfImageRun *options, const char *firmware, const char *how)
{
  if (options->note == NULL)
    return;
  g_autofree char *line =
      g_strdup_printf ("booting a throw-away clone under %s, %s; Ctrl-a x ends it", firmware, how);
  options->note (line, options->user_data);
}

static gboolean
run_machine (const VfQemu *machine, const VfImageRun *options, GCancellable *cancellable, GError **error)
{
  g_autofree char *how = NULL;
  g_autoptr (VfProcess) process = vf_qemu_new (machine, &how, cancellable, error);
  if (process == NULL)
    return FALSE;
  for (char **word = options->extra; word != NULL && *word != NULL; word++)
    vf_process_add_argument (process, *word);
  vf_process_set_interactive (process);
  tell (options, machine->firmware, how);
  VfTerminal terminal;
  vf_terminal_save (&terminal);
  gboolean done = vf_process_run (process, NULL, cancellable, error);
  vf_terminal_restore (&terminal);
  return done;
}

static gboolean
run_clone (const VfClone *clone, const VfImage *image, const VfImageRun *options, GCancellable *cancellable,
           GError **error)
{
  if (options->autologin && !vf_inside_run (clone->path, write_autologin, NULL, error))
    return FALSE;
  const VfQemu machine = {
      .arch = image->arch,
      .firmware = choose_firmware (options, clone->path, error),
      .disk = clone->path,
      .memory = options->memory == 0 ? DEFAULT_MEMORY : options->memory,
      .cpus = options->cpus == 0 ? MIN (g_get_num_processors (), 2) : options->cpus,
      .graphical = options->graphical,
  };
  return machine.firmware != NULL && run_machine (&machine, options, cancellable, error);
}

gboolean
vf_image_run (VmforgeStore *store, const VfImage *image, const VfImageRun *options, GCancellable *cancellable,
              GError **error)
{
  VfClone *clone = vf_clone_new (store, image, options->disk_size, error);
  if (clone == NULL)
    return FALSE;
  gboolean done = run_clone (clone, image, options, cancellable, error);
  return vf_clone_close (clone, done ? error : NULL) && done;
}
