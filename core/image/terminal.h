/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The terminal, lent to a program that may change its modes and its foreground group. */
#pragma once

#include <glib.h>
#include <termios.h>

typedef struct {
  gboolean is_terminal;
  struct termios modes;
} VfTerminal;

void vf_terminal_save (VfTerminal *terminal);
void vf_terminal_restore (const VfTerminal *terminal);
