/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/terminal.h"

#include <signal.h>
#include <unistd.h>

void
vf_terminal_save (VfTerminal *terminal)
{
  terminal->is_terminal = isatty (STDIN_FILENO) && tcgetattr (STDIN_FILENO, &terminal->modes) == 0;
}

void
vf_terminal_restore (const VfTerminal *terminal)
{
  sigset_t stop, before;
  if (!terminal->is_terminal)
    return;
  /* A shell leaves its own group in the foreground; from the background these calls would stop us. */
  sigemptyset (&stop);
  sigaddset (&stop, SIGTTOU);
  pthread_sigmask (SIG_BLOCK, &stop, &before);
  tcsetpgrp (STDIN_FILENO, getpgrp ());
  tcsetattr (STDIN_FILENO, TCSADRAIN, &terminal->modes);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
}
