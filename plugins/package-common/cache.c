/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The plugin's folder in the store's cache: who may use what of it, and what dead processes left in it. */
#include "package.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

static int
open_lock (const char *cache_path, const char *name, int flags)
{
  g_autofree char *path = g_strdup_printf ("%s/%s.lock", cache_path, name);
  return open (path, O_RDWR | O_CLOEXEC | flags, 0644);
}

int
pkg_lock (Call *call, const char *cache_path, const char *name)
{
  int fd = open_lock (cache_path, name, O_CREAT);
  if (fd < 0)
    return pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot open '%s/%s.lock': %s", cache_path, name,
                     g_strerror (errno));
  /* Polling, since a blocking flock() could not be cancelled. */
  while (flock (fd, LOCK_EX | LOCK_NB) < 0) {
    if (call->host->cancelled (call)) {
      close (fd);
      return -1;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
      int saved = errno;
      close (fd);
      return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot lock '%s/%s.lock': %s", cache_path, name,
                       g_strerror (saved));
    }
    g_usleep (50000);
  }
  return fd;
}

void
pkg_empty_host_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL;
       name = g_dir_read_name (dir)) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    if (unlink (file) < 0 && errno == EISDIR) {
      pkg_empty_host_folder (file);
      (void)rmdir (file);
    }
  }
}

static void
empty_temporary_folders (const char *cache_path)
{
  g_autoptr (GDir) dir = g_dir_open (cache_path, 0, NULL);
  for (const char *name = dir == NULL ? NULL : g_dir_read_name (dir); name != NULL;
       name = g_dir_read_name (dir)) {
    g_autofree char *path = g_build_filename (cache_path, name, NULL);
    if (g_str_has_suffix (name, PKG_TEMPORARY))
      pkg_empty_host_folder (path);
  }
}

void
pkg_sweep_cache (const char *cache_path)
{
  int lists = open_lock (cache_path, "lists", 0),
      fetch = lists < 0 ? -1 : open_lock (cache_path, "fetch", O_CREAT);
  if (fetch >= 0 && flock (lists, LOCK_EX | LOCK_NB) == 0 && flock (fetch, LOCK_EX | LOCK_NB) == 0)
    empty_temporary_folders (cache_path);
  if (lists >= 0)
    close (lists);
  if (fetch >= 0)
    close (fetch);
}
