/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/mount.h"

#include "build/busy.h"
#include "build/filesystem.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define UNMOUNT_ATTEMPTS 20

struct _VfMount {
  char *path;
  VfLoop *loop; /* held until the filesystem is gone from it */
  gboolean mounted;
  gboolean scratch; /* /run and /tmp are mounted too */
  int top;          /* its root: open before anything is written, for the kernel tells of errors since then */
};

/* Memory filesystems that hide these folders of the image during the build. */
static const struct {
  const char *name, *options;
  mode_t mode;
} scratch_folders[] = {
    {"run", "mode=0755", 0755},
    {"tmp", "mode=1777", 01777},
};

static gboolean
mount_scratch (VfMount *self, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (scratch_folders); i++) {
    g_autofree char *target = g_build_filename (self->path, scratch_folders[i].name, NULL);
    if (mkdir (target, scratch_folders[i].mode) == 0) {
      if (chmod (target, scratch_folders[i].mode) != 0) /* whatever the umask */
        return vf_error_set_errno (error, "cannot set the mode of '/%s'", scratch_folders[i].name);
    } else if (errno != EEXIST)
      return vf_error_set_errno (error, "cannot make '/%s' in the root filesystem", scratch_folders[i].name);
    struct stat info;
    if (lstat (target, &info) != 0 || !S_ISDIR (info.st_mode))
      return vf_error_set (error, VMFORGE_ERROR_FAILED, "'/%s' of the root filesystem is no folder",
                           scratch_folders[i].name);
    if (mount ("tmpfs", target, "tmpfs", MS_NODEV | MS_NOSUID, scratch_folders[i].options) != 0)
      return vf_error_set_errno (error, "cannot mount a memory filesystem on '%s'", target);
    self->scratch = TRUE;
  }
  g_autofree char *lock = g_build_filename (self->path, "run/lock", NULL);
  return (mkdir (lock, 01777) == 0 && chmod (lock, 01777) == 0) ||
         vf_error_set_errno (error, "cannot make '%s'", lock);
}

gboolean
vf_mount_make_target (char **target, GError **error)
{
  if (!vf_fs_mkdir_p (AT_FDCWD, VF_MOUNT_FOLDER, 0700, error))
    return FALSE;
  if (mount ("tmpfs", VF_MOUNT_FOLDER, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "mode=0700,size=64m") != 0)
    return vf_error_set_errno (error, "cannot mount a memory filesystem on '%s'", VF_MOUNT_FOLDER);
  *target = g_strdup (VF_MOUNT_FOLDER "/root");
  return vf_fs_mkdir_p (AT_FDCWD, *target, 0755, error);
}

VfMount *
vf_mount_new (const VfFilesystem *filesystem, const char *path, const VfDiskRange *range, const char *target,
              gboolean grow, GCancellable *cancellable, GError **error)
{
  const VfFilesystemType *type = vf_filesystem_type (filesystem->type, error);
  if (!type)
    return NULL;
  g_autoptr (VfLoop) loop = vf_loop_attach (path, range->offset, range->length, error);
  if (!loop)
    return NULL;
  if (grow && !type->grows_mounted &&
      !vf_filesystem_grow (type, filesystem->epoch, loop->path, target, cancellable, error))
    return NULL;

  g_autoptr (VfMount) mounted = g_new0 (VfMount, 1);
  mounted->path = g_strdup (target);
  mounted->top = -1;
  if (mount (loop->path, target, type->name, MS_NODEV | MS_NOSUID | MS_NOATIME, type->options) != 0) {
    vf_error_set_errno (error, "cannot mount the root filesystem of '%s' (%s)", path, type->name);
    return NULL;
  }
  mounted->mounted = TRUE;
  mounted->loop = g_steal_pointer (&loop);
  mounted->top = open (target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (mounted->top < 0) {
    vf_error_set_errno (error, "cannot open '%s'", target);
    return NULL;
  }
  if (grow && type->grows_mounted &&
      !vf_filesystem_grow (type, filesystem->epoch, mounted->loop->path, target, cancellable, error))
    return NULL;
  return mount_scratch (mounted, error) ? g_steal_pointer (&mounted) : NULL;
}

gboolean
vf_mount_get_space (const VfMount *mount, guint64 *total, guint64 *available, GError **error)
{
  struct statvfs info;
  if (statvfs (mount->path, &info) != 0)
    return vf_error_set_errno (error, "cannot ask for the space of '%s'", mount->path);
  *total = (guint64)info.f_blocks * info.f_frsize;
  *available = (guint64)info.f_bavail * info.f_frsize; /* the sandbox may not use the reserve */
  return TRUE;
}

/* Space of deleted files goes back to the storage, and nothing deleted ships. */
static gboolean
trim (const VfMount *mount, GError **error)
{
  struct fstrim_range range = {.len = G_MAXUINT64};
  if (ioctl (mount->top, FITRIM, &range) == 0 || errno == EOPNOTSUPP || errno == ENOTTY)
    return TRUE;
  return vf_error_set_errno (error, "cannot trim the root filesystem");
}

static gboolean
unmount (const char *path, GError **error)
{
  for (int attempt = 0; attempt < UNMOUNT_ATTEMPTS; attempt++) {
    if (umount2 (path, UMOUNT_NOFOLLOW) == 0)
      return TRUE;
    if (errno != EBUSY)
      return vf_error_set_errno (error, "cannot unmount '%s'", path);
    g_usleep (50 * 1000);
  }
  g_autofree char *users = vf_busy_describe (path);
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "cannot unmount '%s': still used by %s", path, users);
}

gboolean
vf_mount_uncover (VfMount *mount, GError **error)
{
  for (guint i = 0; mount->scratch && i < G_N_ELEMENTS (scratch_folders); i++) {
    g_autofree char *target = g_build_filename (mount->path, scratch_folders[i].name, NULL);
    if (!unmount (target, error))
      return FALSE;
  }
  mount->scratch = FALSE;
  return TRUE;
}

gboolean
vf_mount_close (VfMount *mount, GError **error)
{
  if (!vf_mount_uncover (mount, error))
    return FALSE;
  /* An unmount writes what is left, and succeeds whatever comes of it. */
  if (!trim (mount, error))
    return FALSE;
  if (syncfs (mount->top) != 0)
    return vf_error_set_errno (error, "cannot write the root filesystem");
  vf_fd_clear (&mount->top);
  if (!unmount (mount->path, error))
    return FALSE;
  mount->mounted = FALSE;
  /* A sandbox tells how its program ended before its own mounts are gone. Sealed must be what is whole. */
  gboolean written =
      vf_loop_wait_unmounted (mount->loop, error) &&
      (fsync (mount->loop->fd) == 0 || vf_error_set_errno (error, "cannot write the root filesystem"));
  g_clear_pointer (&mount->loop, vf_loop_detach);
  return written;
}

void
vf_mount_free (VfMount *mount)
{
  if (!mount)
    return;
  vf_fd_clear (&mount->top);
  if (mount->mounted)
    umount2 (mount->path, MNT_DETACH | UMOUNT_NOFOLLOW);
  g_clear_pointer (&mount->loop, vf_loop_detach);
  g_free (mount->path);
  g_free (mount);
}
