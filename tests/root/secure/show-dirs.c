/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Prints whether the kernel calls this program privileged (AT_SECURE), then where it would look for plugins.
 */
#include "plugin/plugin.h"

#include <stdio.h>
#include <sys/auxv.h>

int
main (void)
{
  printf ("secure=%d\n", getauxval (AT_SECURE) != 0);
  g_auto (GStrv) dirs = vf_plugin_dirs ();
  for (char **dir = dirs; *dir; dir++)
    printf ("%s\n", *dir);
  return 0;
}
