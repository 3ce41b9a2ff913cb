/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Errors, words of a command, texts that programs read. */
#include "package.h"

#include <sys/mman.h>
#include <unistd.h>

int
pkg_fail (Call *call, enum vmforge_plugin_error code, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  call->host->error (call, code, "%s", message);
  return -1;
}

GPtrArray *
pkg_argv_new (const char *first, ...)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);
  va_list args;
  va_start (args, first);
  for (const char *word = first; word != NULL; word = va_arg (args, const char *))
    g_ptr_array_add (argv, g_strdup (word));
  va_end (args);
  return argv;
}

int
pkg_memfd (const char *name, const char *text)
{
  int fd = memfd_create (name, MFD_CLOEXEC);
  gsize length = strlen (text);
  if (fd >= 0 && write (fd, text, length) != (gssize)length) {
    close (fd);
    return -1;
  }
  return fd;
}

char *
pkg_memfd_path (int fd)
{
  return g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), fd);
}
