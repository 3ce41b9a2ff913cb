/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Package archives and resolutions. Whoever uses one sets its time of change (core/plugin/cache.c,
 * core/plan). */
#include "store/gc.h"

#include "support/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
add_file (VmforgeStore *store, const char *kind, const char *path, GPtrArray *items)
{
  struct stat st;
  if (fstatat (store->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG (st.st_mode))
    return;
  VfGcItem *item = g_new0 (VfGcItem, 1);
  item->pub = (VfGarbage){
      .kind = kind, .name = g_strdup (path), .bytes = (guint64)st.st_blocks * 512, .used = st.st_mtime};
  g_ptr_array_add (items, item);
}

static void
add_folder (VmforgeStore *store, const char *kind, const char *folder, GPtrArray *items)
{
  g_auto (GStrv) names = vf_records_names (store, folder, NULL, NULL);
  for (char **name = names; name != NULL && *name != NULL; name++) {
    g_autofree char *path = g_strdup_printf ("%s/%s", folder, *name);
    add_file (store, kind, path, items);
  }
}

void
vf_gc_list_caches (VmforgeStore *store, GPtrArray *items)
{
  add_folder (store, "resolution", "cache/resolutions", items);
  g_auto (GStrv) folders = vf_records_names (store, "cache/packages", NULL, NULL);
  for (char **folder = folders; folder != NULL && *folder != NULL; folder++) {
    g_autofree char *path = g_strdup_printf ("cache/packages/%s", *folder);
    add_folder (store, "archive", path, items);
  }
}

gboolean
vf_gc_remove_cached (VmforgeStore *store, const VfGcItem *item, guint own_uses, gboolean *removed,
                     GError **error)
{
  struct stat st;
  guint living = 0;
  *removed = FALSE;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL || !vf_uses_count (store, &living, error))
    return FALSE;
  /* Somebody may have used it since it was listed. */
  if (living > own_uses || fstatat (store->fd, item->pub.name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
      st.st_mtime != item->pub.used)
    return TRUE;
  if (unlinkat (store->fd, item->pub.name, 0) < 0 && errno != ENOENT)
    return vf_error_set_errno (error, "cannot remove '%s/%s'", store->path, item->pub.name);
  *removed = TRUE;
  return TRUE;
}
