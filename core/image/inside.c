/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/inside.h"

#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

/* What the thread is to do. */
typedef struct {
  VfInsideFunc func;
  gpointer user_data;
  GError *error;
} Private;

typedef struct {
  const char *volume_path;
  VfInsideFunc func;
  gpointer user_data;
} Inside;

const char *
vf_inside_probe (const char *path, const VfDiskRange *range, GError **error)
{
  static const struct {
    const char *name, *magic;
    gsize length;
    goffset offset;
  } known[] = {{"ext4", "\x53\xef", 2, 0x438}, {"xfs", "XFSB", 4, 0}};
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    vf_error_set_errno (error, "cannot open '%s'", path);
    return NULL;
  }
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    char found[4];
    if (pread (fd, found, known[i].length, (off_t)range->offset + known[i].offset) ==
            (ssize_t)known[i].length &&
        memcmp (found, known[i].magic, known[i].length) == 0)
      return known[i].name;
  }
  vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' holds no root filesystem yet", path);
  return NULL;
}

static gboolean
make_target (char **target, GError **error)
{
  /* Slave: what the host mounts (a store's pool) appears here, ours never there. */
  if (unshare (CLONE_NEWNS) != 0 || mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
    return vf_error_set_errno (error, "cannot make a private mount namespace");
  return vf_mount_make_target (target, error);
}

static gboolean
run_mounted (const char *target, gpointer data, GError **error)
{
  const Inside *inside = data;
  static const char *const no_arguments[] = {NULL};
  VfDiskLayout layout;
  if (!vf_disk_read (inside->volume_path, &layout, error))
    return FALSE;
  VfFilesystem filesystem = {.type = vf_inside_probe (inside->volume_path, &layout.root, error),
                             .mkfs = no_arguments};
  if (filesystem.type == NULL)
    return FALSE;
  g_autoptr (VfMount) mounted =
      vf_mount_new (&filesystem, inside->volume_path, &layout.root, target, FALSE, NULL, error);
  return mounted != NULL && inside->func (target, inside->user_data, error) &&
         vf_mount_close (mounted, error);
}

static gpointer
thread_main (gpointer data)
{
  Private *private = data;
  g_autofree char *target = NULL;
  return GINT_TO_POINTER (make_target (&target, &private->error) &&
                          private->func (target, private->user_data, &private->error));
}

/* A thread can leave the others' mount namespace alone; with it the namespace and all of its mounts end. */
gboolean
vf_inside_private (VfInsideFunc func, gpointer user_data, GError **error)
{
  Private private = {.func = func, .user_data = user_data};
  GThread *thread = g_thread_new ("inside", thread_main, &private);
  gboolean done = GPOINTER_TO_INT (g_thread_join (thread));
  if (private.error != NULL)
    g_propagate_error (error, private.error);
  return done;
}

gboolean
vf_inside_run (const char *volume_path, VfInsideFunc func, gpointer user_data, GError **error)
{
  Inside inside = {.volume_path = volume_path, .func = func, .user_data = user_data};
  return vf_inside_private (run_mounted, &inside, error);
}
