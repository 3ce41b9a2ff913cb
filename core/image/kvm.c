/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The smallest guest there is: 16-bit code in one page that uses the FPU, writes a byte to a port and halts.
 */
#include "image/kvm.h"

#include "support/fd.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGE        4096
#define GUEST_START 0x1000

static gboolean
fail (char **why, const char *what)
{
  *why = g_strdup_printf ("%s: %s", what, g_strerror (errno));
  return FALSE;
}

#ifdef __x86_64__

/* fwait; fninit; mov $0x5a, %al; out %al, $0x10; hlt. The first two are what UEFI firmware begins with, and
 * what a KVM that emulates its guest's instructions does not know. */
static const guint8 program[] = {0x9b, 0xdb, 0xe3, 0xb0, 0x5a, 0xe6, 0x10, 0xf4};

static gboolean
set_up (int machine, int processor, guint8 *memory, char **why)
{
  struct kvm_userspace_memory_region region = {
      .guest_phys_addr = GUEST_START, .memory_size = PAGE, .userspace_addr = (guintptr)memory};
  struct kvm_sregs special;
  struct kvm_regs registers = {.rip = GUEST_START, .rflags = 2};
  memcpy (memory, program, sizeof program);
  if (ioctl (machine, KVM_SET_USER_MEMORY_REGION, &region) < 0 ||
      ioctl (processor, KVM_GET_SREGS, &special) < 0)
    return fail (why, "KVM takes no memory");
  special.cs.base = 0;
  special.cs.selector = 0;
  if (ioctl (processor, KVM_SET_SREGS, &special) < 0 || ioctl (processor, KVM_SET_REGS, &registers) < 0)
    return fail (why, "KVM takes no registers");
  return TRUE;
}

/* TRUE if the guest wrote its byte and halted. */
static gboolean
run_guest (int processor, const struct kvm_run *run, char **why)
{
  gboolean written = FALSE;
  for (int exits = 0; exits < 8; exits++) {
    if (ioctl (processor, KVM_RUN, 0) < 0) {
      if (errno == EINTR || errno == EAGAIN)
        continue;
      return fail (why, "KVM does not run a guest");
    }
    if (run->exit_reason == KVM_EXIT_HLT && written)
      return TRUE;
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != 0x10)
      break;
    written = TRUE;
  }
  *why = g_strdup_printf ("KVM aborts its guests here (exit reason %u)", run->exit_reason);
  return FALSE;
}

static gboolean
probe_processor (int kvm, int machine, int processor, char **why)
{
  int size = ioctl (kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size < (int)sizeof (struct kvm_run))
    return fail (why, "KVM tells no size");
  struct kvm_run *run = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, processor, 0);
  if (run == MAP_FAILED)
    return fail (why, "KVM shows no state");
  guint8 *memory = mmap (NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  gboolean works = memory != MAP_FAILED
                       ? set_up (machine, processor, memory, why) && run_guest (processor, run, why)
                       : fail (why, "no memory for a guest");
  munmap (run, size);
  if (memory != MAP_FAILED)
    munmap (memory, PAGE);
  return works;
}

gboolean
vf_kvm_works (char **why)
{
  vf_autofd int kvm = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0)
    return fail (why, "/dev/kvm");
  vf_autofd int machine = ioctl (kvm, KVM_CREATE_VM, 0);
  if (machine < 0)
    return fail (why, "KVM makes no machine");
  vf_autofd int processor = ioctl (machine, KVM_CREATE_VCPU, 0);
  if (processor < 0)
    return fail (why, "KVM makes no processor");
  return probe_processor (kvm, machine, processor, why);
}

#else

gboolean
vf_kvm_works (char **why)
{
  errno = EOPNOTSUPP;
  return fail (why, "no KVM for x86 guests on this machine");
}

#endif
