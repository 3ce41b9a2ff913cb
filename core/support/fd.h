/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Descriptors that close themselves: `vf_autofd int fd = -1;`. */
#pragma once

#include <errno.h>
#include <unistd.h>

static inline void
vf_fd_clear (int *fd)
{
  if (*fd >= 0) {
    int saved = errno;
    close (*fd);
    errno = saved;
  }
  *fd = -1;
}

/* Gives the descriptor away. */
static inline int
vf_fd_steal (int *fd)
{
  int stolen = *fd;
  *fd = -1;
  return stolen;
}

#define vf_autofd __attribute__ ((cleanup (vf_fd_clear)))
