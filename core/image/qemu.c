/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/qemu.h"

#include "image/kvm.h"
#include "support/error.h"

#include <string.h>
#include <unistd.h>

#define PROGRAM "qemu-system-x86_64" /* runs i386 images as well */

/* UEFI firmware as distributions install it; with variables where the code alone does not start. */
static const struct {
  const char *code, *variables;
} firmware_files[] = {
    {"/usr/share/ovmf/OVMF.fd", NULL}, /* Debian, Ubuntu */
    {"/usr/share/qemu/OVMF.fd", NULL},
    {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
    {"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
    {"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"}, /* Fedora */
};

static void
add (VfProcess *process, const char *first, ...)
{
  va_list words;
  va_start (words, first);
  for (const char *word = first; word != NULL; word = va_arg (words, const char *))
    vf_process_add_argument (process, word);
  va_end (words);
}

/* Commas end a value in QEMU's options. */
static char *
escape (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, ",", -1);
  return g_strjoinv (",,", parts);
}

static void
add_drive (VfProcess *process, const char *path, const char *options)
{
  g_autofree char *escaped = escape (path);
  g_autofree char *drive = g_strdup_printf ("file=%s,format=raw,%s", escaped, options);
  add (process, "-drive", drive, NULL);
}

static gboolean
add_uefi (VfProcess *process, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (firmware_files); i++) {
    const char *code = firmware_files[i].code, *variables = firmware_files[i].variables;
    if (access (code, R_OK) != 0 || (variables != NULL && access (variables, R_OK) != 0))
      continue;
    if (variables == NULL) {
      add (process, "-bios", code, NULL);
      return TRUE;
    }
    add_drive (process, code, "if=pflash,unit=0,readonly=on");
    add_drive (process, variables, "if=pflash,unit=1,snapshot=on");
    return TRUE;
  }
  return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                       "there is no UEFI firmware for QEMU here: install the package 'ovmf', or boot with "
                       "--firmware bios");
}

/* Makes a machine that is never started and ends at once: on some hosts QEMU aborts here, over a register
 * that this KVM refuses. (With that feature switched off such a host runs the firmware, and then no Linux: it
 * was tried.) */
static gboolean
works_with_kvm (char **why, GCancellable *cancellable)
{
  int status = 1;
  if (!vf_kvm_works (why))
    return FALSE;
  g_autoptr (VfProcess) process =
      vf_process_new_args (PROGRAM, "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-nodefaults",
                           "-display", "none", "-S", "-monitor", "stdio", NULL);
  vf_process_set_input (process, "quit\n");
  if (vf_process_run (process, &status, cancellable, NULL) && status == 0)
    return TRUE;
  *why = g_strdup ("QEMU cannot use the KVM of this machine");
  return FALSE;
}

static void
add_accelerator (VfProcess *process, char **how, GCancellable *cancellable)
{
  g_autofree char *why = NULL;
  if (works_with_kvm (&why, cancellable)) {
    add (process, "-accel", "kvm", "-cpu", "host", NULL);
    *how = g_strdup ("with KVM");
    return;
  }
  add (process, "-accel", "tcg,thread=multi", "-cpu", "max", NULL);
  *how = g_strdup_printf ("with software emulation, which is slow (%s)", why);
}

static void
add_machine (VfProcess *process, const VfQemu *machine)
{
  g_autofree char *cpus = g_strdup_printf ("%u", machine->cpus);
  g_autofree char *memory = g_strdup_printf ("%" G_GUINT64_FORMAT, MAX (machine->memory >> 20, 1));
  add (process, "-smp", cpus, "-m", memory, "-nodefaults", "-no-user-config", NULL);
  add (process, "-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci", NULL);
  add (process, "-serial", "mon:stdio", NULL);
  if (machine->graphical)
    add (process, "-vga", "std", NULL);
  else
    add (process, "-display", "none", NULL);
  /* The clone is thrown away: nothing in it needs to survive this machine's crash. */
  add_drive (process, machine->disk, "if=virtio,cache=unsafe,discard=unmap");
}

VfProcess *
vf_qemu_new (const VfQemu *machine, char **how, GCancellable *cancellable, GError **error)
{
  static const char *const passed[] = {"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR"};
  if (machine->arch != NULL && !g_str_equal (machine->arch, "x86_64") &&
      !g_str_equal (machine->arch, "i386")) {
    vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                  "images for %s cannot be booted here: x86_64 and i386 can", machine->arch);
    return NULL;
  }
  g_autofree char *program = vf_process_find (PROGRAM, error);
  if (program == NULL)
    return NULL;
  g_autoptr (VfProcess) process = vf_process_new_args (PROGRAM, "-machine", "q35", NULL);
  add_accelerator (process, how, cancellable);
  add_machine (process, machine);
  if (g_str_equal (machine->firmware, "uefi") && !add_uefi (process, error)) {
    g_clear_pointer (how, g_free);
    return NULL;
  }
  for (guint i = 0; machine->graphical && i < G_N_ELEMENTS (passed); i++) {
    g_autofree char *assignment = g_strdup_printf ("%s=%s", passed[i], g_getenv (passed[i]));
    if (g_getenv (passed[i]) != NULL)
      vf_process_add_env (process, assignment);
  }
  return g_steal_pointer (&process);
}
