/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* When packages were built: dpkg-deb gives the members of the ar archive that a .deb is the time of the
 * package's changelog, or of its building, and its files no later one. */
#include "apt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAGIC       "!<arch>\n"
#define MAGIC_BYTES 8
#define MAX_MEMBERS 16 /* debian-binary, control.tar.*, data.tar.*, and signatures */

/* As ar(5) has it: numbers in decimal, padded with blanks. */
typedef struct {
  char name[16], time[12], uid[6], gid[6], mode[8], size[10], end[2];
} Header;

static gboolean
read_number (const char *field, gsize length, gint64 *number)
{
  g_autofree char *text = g_strchomp (g_strndup (field, length));
  guint64 value;
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64 / 2, &value, NULL))
    return FALSE;
  *number = (gint64)value;
  return TRUE;
}

int64_t
apt_deb_time (int fd)
{
  char magic[MAGIC_BYTES];
  gint64 newest = -1, offset = MAGIC_BYTES;
  if (pread (fd, magic, sizeof magic, 0) != MAGIC_BYTES || memcmp (magic, MAGIC, MAGIC_BYTES) != 0)
    return -1;
  for (int member = 0; member < MAX_MEMBERS; member++) {
    Header header;
    gint64 time, size;
    ssize_t got = pread (fd, &header, sizeof header, offset);
    if (got == 0)
      break;
    if (got != sizeof header || memcmp (header.end, "`\n", 2) != 0 ||
        !read_number (header.time, sizeof header.time, &time) ||
        !read_number (header.size, sizeof header.size, &size))
      return -1;
    newest = MAX (newest, time);
    offset += (gint64)sizeof header + size + size % 2;
  }
  return newest;
}

static int
package_time (Call *call, const struct vmforge_package *package, int64_t *time)
{
  const char *path = call->host->cache_find (call, package->digest);
  if (path == NULL)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "package '%s' is not in the cache", package->name);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot open '%s': %s", path, g_strerror (errno));
  *time = apt_deb_time (fd);
  close (fd);
  return *time >= 0 ? 0
                    : pkg_fail (call, VMFORGE_PLUGIN_FAILED, "the archive of '%s' is no .deb: '%s'",
                                package->name, path);
}

int
apt_build_time (void *handle, Call *call, const struct vmforge_package *const *packages, int64_t *seconds)
{
  (void)handle;
  int64_t newest = 0, time = 0;
  for (; *packages != NULL; packages++) {
    if (package_time (call, *packages, &time) < 0)
      return -1;
    newest = MAX (newest, time);
  }
  *seconds = newest;
  return 0;
}
