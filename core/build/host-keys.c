/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* ssh host keys: what packages and scripts make on the way is removed, what `files` places stays, with a
 * warning, for all machines of the image share it. */

#include "build/host-keys.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <fnmatch.h>

#define FOLDER "/etc/ssh"

static gboolean
is_private (const char *name)
{
  return fnmatch ("ssh_host_*_key", name, 0) == 0;
}

static gboolean
is_host_key (const char *name)
{
  return is_private (name) || fnmatch ("ssh_host_*_key.pub", name, 0) == 0;
}

/* Names; NULL with error. */
static GPtrArray *
list (int fd, GError **error)
{
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = g_dir_open (self, 0, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    if (is_host_key (name))
      g_ptr_array_add (names, g_strdup (name));
  return dir ? g_steal_pointer (&names) : NULL;
}

gboolean
vf_host_keys_inherit (VfWork *work, GError **error)
{
  work->host_keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  vf_autofd int fd = vf_rootfs_open_at (work->root, FOLDER, O_RDONLY | O_DIRECTORY, NULL);
  if (fd < 0)
    return TRUE;
  g_autoptr (GPtrArray) names = list (fd, error);
  for (guint i = 0; names && i < names->len; i++)
    g_hash_table_add (work->host_keys, g_strdup (names->pdata[i]));
  return names != NULL;
}

void
vf_host_keys_placed (VfWork *work, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path), *name = g_path_get_basename (path);
  if (!g_str_equal (folder, FOLDER) || !is_host_key (name))
    return;
  g_autofree char *warning = g_strdup_printf (
      "stage '%s' places '%s': every machine made of the image has this ssh host key", work->stage, path);
  if (is_private (name))
    vf_events_warning (work->events, warning);
  g_hash_table_add (work->host_keys, g_steal_pointer (&name));
}

gboolean
vf_host_keys_remove (VfWork *work, GError **error)
{
  vf_autofd int fd = vf_rootfs_open_at (work->root, FOLDER, O_RDONLY | O_DIRECTORY, NULL);
  if (fd < 0)
    return TRUE;
  g_autoptr (GPtrArray) names = list (fd, error);
  for (guint i = 0; names && i < names->len; i++)
    if (!g_hash_table_contains (work->host_keys, names->pdata[i]) &&
        !vf_fs_remove (fd, names->pdata[i], error))
      return FALSE;
  return names != NULL;
}
