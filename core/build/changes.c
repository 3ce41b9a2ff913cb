/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/changes.h"

#include "build/clamp.h"
#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

/* Of a folder: something in it came, went, or has another name. */
#define IN_FOLDER (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)
#define OF_FILE   (FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE)

struct _VfChanges {
  int fd;            /* of fanotify */
  int root;          /* for opening by handle */
  GHashTable *files; /* struct file_handle as GBytes → whether entries of it changed */
  gboolean lost;     /* the queue was too short */
};

VfChanges *
vf_changes_watch (int root)
{
  g_autoptr (VfChanges) changes = g_new0 (VfChanges, 1);
  changes->root = openat (root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  changes->fd = fanotify_init (FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY);
  changes->files = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
  if (changes->root < 0 || changes->fd < 0 ||
      fanotify_mark (changes->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, IN_FOLDER | OF_FILE | FAN_ONDIR,
                     changes->root, NULL) < 0)
    return NULL;
  return g_steal_pointer (&changes);
}

static void
note (VfChanges *changes, const struct fanotify_event_metadata *event)
{
  const struct fanotify_event_info_fid *info = (const void *)(event + 1);
  if ((event->mask & FAN_Q_OVERFLOW) != 0 || event->event_len < sizeof *event + sizeof *info ||
      info->hdr.info_type != FAN_EVENT_INFO_TYPE_FID) {
    changes->lost = TRUE;
    return;
  }
  const struct file_handle *handle = (const void *)info->handle;
  GBytes *name = g_bytes_new (handle, sizeof *handle + handle->handle_bytes);
  gboolean entries = (event->mask & IN_FOLDER) != 0 || g_hash_table_lookup (changes->files, name) != NULL;
  g_hash_table_replace (changes->files, name, GINT_TO_POINTER (entries));
}

/* All that is known by now. */
static gboolean
read_events (VfChanges *changes, GError **error)
{
  _Alignas(struct fanotify_event_metadata) char buffer[65536];
  for (;;) {
    ssize_t length = read (changes->fd, buffer, sizeof buffer);
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0 && errno == EAGAIN)
      return TRUE;
    if (length <= 0)
      return vf_error_set_errno (error, "cannot read what has changed");
    const struct fanotify_event_metadata *event = (const void *)buffer;
    for (; FAN_EVENT_OK (event, length); event = FAN_EVENT_NEXT (event, length))
      note (changes, event);
  }
}

static gboolean
clamp_one (const VfChanges *changes, GBytes *name, gboolean entries, gint64 epoch, GError **error)
{
  vf_autofd int fd = open_by_handle_at (changes->root, (struct file_handle *)g_bytes_get_data (name, NULL),
                                        O_PATH | O_CLOEXEC);
  if (fd < 0 && errno == ESTALE) /* it is gone by now */
    return TRUE;
  if (fd < 0)
    return vf_error_set_errno (error, "cannot open a file that has changed");
  return vf_clamp_file (fd, epoch, error) && (!entries || vf_clamp_entries (fd, epoch, error));
}

gboolean
vf_changes_clamp (VfChanges *changes, gint64 epoch, gboolean *complete, GError **error)
{
  if (!read_events (changes, error))
    return FALSE;
  *complete = !changes->lost;
  GHashTableIter iter;
  gpointer name, entries;
  g_hash_table_iter_init (&iter, changes->files);
  while (*complete && g_hash_table_iter_next (&iter, &name, &entries))
    if (!clamp_one (changes, name, GPOINTER_TO_INT (entries), epoch, error))
      return FALSE;
  return TRUE;
}

void
vf_changes_free (VfChanges *changes)
{
  if (changes == NULL)
    return;
  vf_fd_clear (&changes->fd);
  vf_fd_clear (&changes->root);
  g_clear_pointer (&changes->files, g_hash_table_unref);
  g_free (changes);
}
