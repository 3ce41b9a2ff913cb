/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/syncfilter.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>

#define LOAD(member)             BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, member))
#define JUMP_UNLESS(value, skip) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define JUMP_IF(value, skip)     BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0)
#define ALLOW                    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define SUCCEED                  BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0)

/* fsync, fdatasync, sync, syncfs, sync_file_range of one architecture; others fall through to the next block.
 */
#define ARCHITECTURE(arch, a, b, c, d, e)                                                                    \
  JUMP_UNLESS (arch, 8), LOAD (nr), JUMP_IF (a, 5), JUMP_IF (b, 4), JUMP_IF (c, 3), JUMP_IF (d, 2),          \
      JUMP_IF (e, 1), ALLOW, SUCCEED

static const struct sock_filter filter[] = {
    LOAD (arch),
#if defined(__x86_64__) || defined(__i386__)
    ARCHITECTURE (AUDIT_ARCH_X86_64, 74, 75, 162, 306, 277),
    ARCHITECTURE (AUDIT_ARCH_I386, 118, 148, 36, 344, 314),
#elif defined(__aarch64__)
    ARCHITECTURE (AUDIT_ARCH_AARCH64, 82, 83, 81, 267, 84),
#endif
    ALLOW,
};

int
vf_sync_filter_open (GError **error)
{
  vf_autofd int fd = memfd_create ("vmforge-filter", MFD_CLOEXEC);
  if (fd < 0) {
    vf_error_set_errno (error, "cannot make a memory file");
    return -1;
  }
  if (!vf_fs_write_all (fd, filter, sizeof filter, error))
    return -1;
  if (lseek (fd, 0, SEEK_SET) != 0) {
    vf_error_set_errno (error, "cannot rewind a memory file");
    return -1;
  }
  return vf_fd_steal (&fd);
}
