/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The symbol is there, and is code. */
int vmforge_plugin (void);
__attribute__ ((visibility ("default"))) int
vmforge_plugin (void)
{
  return 0;
}
