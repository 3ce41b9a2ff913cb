/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The first files of a root filesystem: all that Core has is unpacked, after which its own rpm can install it
 * in earnest, with a database in the place and format of its distribution. */
#include "yum-install.h"

#include <string.h>
#include <unistd.h>

/* It has the links by which /bin is /usr/bin. */
#define FIRST "filesystem"
/* dracut would look for the hardware of this machine. */
#define DRACUT "etc/dracut.conf.d/50-vmforge.conf"

static int
extract (Call *call, const struct vmforge_root *root, const char *paths)
{
  g_autofree char *jobs = g_strdup_printf ("-P%ld", sysconf (_SC_NPROCESSORS_ONLN));
  const char *argv[] = {"xargs",        jobs,        "-d",
                        "\n",           "-I",        "{}",
                        "bsdtar",       "--extract", "--preserve-permissions",
                        "--same-owner", "--file",    "{}",
                        "--directory",  root->path,  NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv, .input = paths};
  return pkg_run (call, &program, NULL, VMFORGE_PLUGIN_FAILED, "unpacking packages");
}

/* xargs does not say which program it could not run. */
static int
check_tools (Call *call)
{
  const char *argv[] = {"bsdtar", "--version", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  return call->host->run (call, &program) < 0 ? -1 : 0;
}

int
yum_bootstrap (Call *call, const Yum *yum, const struct vmforge_root *root, GPtrArray *archives,
               const struct vmforge_package *const *packages)
{
  static const char dracut[] = "# Written by vmforge: the image boots on other machines than this.\n"
                               "hostonly=\"no\"\n"
                               "hostonly_cmdline=\"no\"\n";
  g_autoptr (GString) first = g_string_new (NULL), others = g_string_new (NULL);
  call->host->progress (call, 0, "unpacking packages");
  for (guint i = 0; i < archives->len; i++)
    g_string_append_printf (g_str_equal (packages[i]->name, FIRST) ? first : others, "%s\n",
                            (char *)g_ptr_array_index (archives, i));
  if (check_tools (call) < 0 || extract (call, root, first->str) < 0 || extract (call, root, others->str) < 0)
    return -1;
  return pkg_write (call, root, DRACUT, dracut, strlen (dracut), 0644);
}
