/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Who keeps a mount busy: for the message alone. */
#include "storage-file.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static bool
is_below (const char *path, const char *folder)
{
  size_t length = strlen (folder);
  return strncmp (path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool
link_is_below (int dir_fd, const char *name, const char *folder)
{
  char target[VMFORGE_PATH_MAX];
  ssize_t n = readlinkat (dir_fd, name, target, sizeof target - 1);
  if (n < 0)
    return false;
  target[n] = '\0';
  return is_below (target, folder);
}

static bool
process_uses (int process_fd, const char *folder)
{
  if (link_is_below (process_fd, "cwd", folder) || link_is_below (process_fd, "root", folder))
    return true;
  autofd int fd = openat (process_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *links = fd >= 0 ? fdopendir (fd) : NULL;
  if (!links)
    return false;
  int links_fd = fd_steal (&fd);
  bool found = false;
  for (struct dirent *entry; !found && (entry = readdir (links));)
    found = link_is_below (links_fd, entry->d_name, folder);
  closedir (links);
  return found;
}

static void
read_line (int dir_fd, const char *name, char *line, size_t size)
{
  autofd int fd = openat (dir_fd, name, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read (fd, line, size - 1);
  line[n > 0 ? n : 0] = '\0';
  line[strcspn (line, "\n")] = '\0';
}

/* "process 123 (qemu)" */
static bool
find_process (const char *folder, char *who, size_t size)
{
  DIR *processes = opendir ("/proc");
  bool found = false;
  for (struct dirent *entry; processes && !found && (entry = readdir (processes));) {
    autofd int fd = isdigit ((unsigned char)entry->d_name[0])
                        ? openat (dirfd (processes), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                        : -1;
    if (fd < 0 || !process_uses (fd, folder))
      continue;
    char name[64];
    read_line (fd, "comm", name, sizeof name);
    snprintf (who, size, "process %.20s (%s)", entry->d_name, name);
    found = true;
  }
  if (processes)
    closedir (processes);
  return found;
}

/* "/dev/loop3" */
static bool
find_loop (const char *folder, char *who, size_t size)
{
  DIR *devices = opendir ("/sys/block");
  bool found = false;
  for (struct dirent *entry; devices && !found && (entry = readdir (devices));) {
    char name[300], backing[VMFORGE_PATH_MAX];
    if (strncmp (entry->d_name, "loop", 4) != 0)
      continue;
    snprintf (name, sizeof name, "%s/loop/backing_file", entry->d_name);
    read_line (dirfd (devices), name, backing, sizeof backing);
    found = is_below (backing, folder);
    if (found)
      snprintf (who, size, "/dev/%.50s", entry->d_name);
  }
  if (devices)
    closedir (devices);
  return found;
}

void
find_user (const char *folder, char *who, size_t size)
{
  if (!find_loop (folder, who, size) && !find_process (folder, who, size))
    snprintf (who, size, "another mount namespace or a process that is not seen from here");
}
