/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The pool: an XFS filesystem in a sparse file of the store, mounted once for all processes. */
#include "storage-file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#define IMAGE     "pool.img"
#define NEW_IMAGE "pool.img.new"
#define MOUNT     "pool"
#define LOCK      "pool.lock"
#define LEAST     (UINT64_C (8) << 30)
#define ROUND     (UINT64_C (1) << 30)

#define TRIM_LEAST 65536 /* bytes: smaller pieces are not worth a request */
#define TRIM_DELAY 20    /* milliseconds */

bool
pool_exists (struct store *store)
{
  return faccessat (store->base_fd, IMAGE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* One process at a time looks for the mount and makes it. -1 after error() or when cancelled. */
static int
take_lock (struct store *store, call_t *call)
{
  autofd int fd = openat (store->base_fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return fail_errno (call, store->base, "cannot open '%s/" LOCK "'", store->base);
  while (flock (fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail_errno (call, store->base, "cannot lock '%s/" LOCK "'", store->base);
    if (call->host->cancelled (call))
      return -1;
    poll (NULL, 0, 20);
  }
  return fd_steal (&fd);
}

/* The folder of the pool if its filesystem is mounted there; else -1. Holding it keeps it mounted. */
static int
open_mounted (struct store *store)
{
  struct stat base, folder;
  struct statfs filesystem;
  autofd int fd = openat (store->base_fd, MOUNT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat (store->base_fd, &base) < 0 || fstat (fd, &folder) < 0 || fstatfs (fd, &filesystem) < 0)
    return -1;
  if (base.st_dev == folder.st_dev || filesystem.f_type != XFS_SUPER_MAGIC)
    return -1;
  return fd_steal (&fd);
}

/* Write errors may make XFS stop: it stays mounted, and whatever is asked of it fails. */
static bool
has_stopped (struct store *store)
{
  autofd int fd = openat (store->base_fd, MOUNT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 && errno == EIO;
}

/* Under the lock. */
static int
unmount (struct store *store, call_t *call)
{
  char path[VMFORGE_PATH_MAX], who[128];
  snprintf (path, sizeof path, "%s/" MOUNT, store->base);
  if (umount2 (path, UMOUNT_NOFOLLOW) == 0)
    return 0;
  if (errno != EBUSY)
    return fail_errno (call, store->base, "cannot unmount '%s'", path);
  find_user (path, who, sizeof who);
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "cannot unmount '%s': it is in use by %s", path, who);
  return -1;
}

/* The loop device of what is mounted, if that is our image and not something else that someone put there. */
static int
mounted_loop (struct store *store)
{
  char path[64];
  struct stat folder, device;
  autofd int image = openat (store->base_fd, IMAGE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  autofd int loop = image < 0 ? -1 : loop_find (image, IMAGE, path);
  if (loop < 0 || fstat (loop, &device) < 0 || fstat (store->folder_fd, &folder) < 0 ||
      device.st_rdev != folder.st_dev)
    return -1;
  return fd_steal (&loop);
}

static int
check_mounted (struct store *store, call_t *call)
{
  autofd int loop = mounted_loop (store);
  if (loop >= 0)
    return 0;
  call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT,
                     "'%s/" MOUNT "' is a mount of something else than '%s/" IMAGE "': unmount it",
                     store->base, store->base);
  return -1;
}

/* Its size is virtual: as large as the filesystem below, so that it is never the limit without need. */
static uint64_t
wanted_size (struct store *store)
{
  struct statvfs host;
  if (store->pool_size > 0)
    return store->pool_size & ~(uint64_t)4095;
  uint64_t total = fstatvfs (store->base_fd, &host) < 0 ? 0 : (uint64_t)host.f_blocks * host.f_frsize;
  return total < LEAST ? LEAST : total / ROUND * ROUND;
}

static int
run (struct store *store, call_t *call, const char *const *argv)
{
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  int status = call->host->run (call, &program);
  if (status > 0 && is_full (store->base)) {
    errno = ENOSPC;
    return fail_errno (call, store->base, "%s failed", argv[0]);
  }
  if (status > 0)
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "%s failed with status %d: see the log", argv[0], status);
  return status == 0 ? 0 : -1;
}

/* Under the lock. The name says that the image is whole. */
static int
make_image (struct store *store, call_t *call)
{
  char path[VMFORGE_PATH_MAX];
  snprintf (path, sizeof path, "%s/" NEW_IMAGE, store->base);
  /* crc and reflink are what clones need; the reverse map costs writes and serves repairs alone; a small log
   * is enough for a few large files, and is the one part that takes real space from the start. */
  const char *const argv[] = {"mkfs.xfs", "-q",        "-K", "-m",       "crc=1,reflink=1,rmapbt=0",
                              "-s",       "size=4096", "-l", "size=64m", "-L",
                              "vmforge",  path,        NULL};
  unlinkat (store->base_fd, NEW_IMAGE, 0);
  autofd int fd = openat (store->base_fd, NEW_IMAGE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail_errno (call, store->base, "cannot make '%s'", path);
  if (ftruncate (fd, (off_t)wanted_size (store)) < 0) {
    fail_errno (call, store->base, "cannot make '%s' %llu bytes large", path,
                (unsigned long long)wanted_size (store));
    unlinkat (store->base_fd, NEW_IMAGE, 0);
    return -1;
  }
  if (run (store, call, argv) < 0) {
    unlinkat (store->base_fd, NEW_IMAGE, 0);
    return -1;
  }
  if (fsync (fd) < 0 || renameat (store->base_fd, NEW_IMAGE, store->base_fd, IMAGE) < 0 ||
      fsync (store->base_fd) < 0)
    return fail_errno (call, store->base, "cannot finish '%s'", path);
  return 0;
}

/* This machine cannot: an error, or a reason to go on without a pool. */
static int
cannot (struct store *store, call_t *call, bool required, const char *what, const char *path)
{
  const char *why = strerror (errno);
  if (required && is_full (store->base)) {
    errno = ENOSPC;
    return fail_errno (call, store->base, "cannot %s '%s'", what, path);
  }
  if (required)
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot %s '%s': %s", what, path, why);
  else
    call->host->log (call, VMFORGE_LOG_INFO, "no pool: cannot %s '%s': %s", what, path, why);
  return -1;
}

/* Under the lock. Returns a descriptor of the loop device. */
static int
mount_image (struct store *store, call_t *call, bool required)
{
  char device[64], path[VMFORGE_PATH_MAX];
  snprintf (path, sizeof path, "%s/" MOUNT, store->base);
  autofd int image = openat (store->base_fd, IMAGE, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (image < 0)
    return cannot (store, call, required, "open the pool file in", store->base);
  if (mkdirat (store->base_fd, MOUNT, 0700) < 0 && errno != EEXIST)
    return cannot (store, call, required, "make the folder", path);
  autofd int loop = loop_find (image, IMAGE, device);
  if (loop < 0 && (loop = loop_attach (image, device)) < 0)
    return cannot (store, call, required, "attach a loop device to the pool file in", store->base);
  if (mount (device, path, "xfs", MS_NOATIME | MS_NODEV | MS_NOSUID | MS_NOEXEC, "nouuid,inode64") < 0)
    return cannot (store, call, required, "mount the pool at", path);
  return fd_steal (&loop);
}

/* Under the lock. A larger host filesystem or pool_size makes the pool larger; it never shrinks. */
static int
grow_image (struct store *store, call_t *call)
{
  char path[VMFORGE_PATH_MAX];
  const char *const argv[] = {"xfs_growfs", "-d", path, NULL};
  autofd int loop = mounted_loop (store);
  autofd int image = openat (store->base_fd, IMAGE, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  snprintf (path, sizeof path, "%s/" MOUNT, store->base);
  if (loop < 0 || image < 0 || ftruncate (image, (off_t)wanted_size (store)) < 0 || loop_resize (loop) < 0)
    return fail_errno (call, store->base, "cannot grow '%s/" IMAGE "'", store->base);
  return run (store, call, argv);
}

/* Without XFS in the kernel a pool is of no use. */
static bool
kernel_has_xfs (void)
{
  char list[8192];
  autofd int fd = open ("/proc/filesystems", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read (fd, list, sizeof list - 1);
  if (n < 0)
    return false;
  list[n] = '\0';
  return strstr (list, "\txfs\n") != NULL;
}

static bool
load_xfs (call_t *call)
{
  const char *const argv[] = {"modprobe", "-q", "xfs", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  return kernel_has_xfs () || (call->host->run (call, &program) == 0 && kernel_has_xfs ());
}

/* What a pool needs of this machine, asked for before anything is made; NULL if it has all. */
static const char *
what_is_missing (struct store *store, call_t *call)
{
  if (geteuid () != 0)
    return "only root can mount it";
  if (!pool_exists (store) && access ("/usr/sbin/mkfs.xfs", X_OK) < 0 && access ("/sbin/mkfs.xfs", X_OK) < 0)
    return "mkfs.xfs is not there: install the package xfsprogs";
  if (access ("/dev/loop-control", R_OK | W_OK) < 0)
    return "there are no loop devices (/dev/loop-control)";
  return load_xfs (call) ? NULL : "the kernel has no XFS";
}

/* Under the lock: 0 also where this machine cannot and need not. */
static int
make_and_mount (struct store *store, call_t *call, bool required)
{
  bool existed = pool_exists (store);
  if (!existed && make_image (store, call) < 0)
    return -1;
  autofd int loop = mount_image (store, call, required);
  if (loop < 0 && !existed)
    unlinkat (store->base_fd, IMAGE, 0);
  if (loop < 0)
    return required ? -1 : 0;
  store->folder_fd = open_mounted (store);
  if (store->folder_fd >= 0)
    return 0;
  call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "'%s/" MOUNT "' is not where the pool was mounted",
                     store->base);
  return -1;
}

static bool
is_too_small (struct store *store)
{
  struct stat status;
  return fstatat (store->base_fd, IMAGE, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         (uint64_t)status.st_size < wanted_size (store);
}

int
pool_open (struct store *store, call_t *call, bool required)
{
  store->folder_fd = open_mounted (store);
  if (store->folder_fd >= 0 && !is_too_small (store))
    return check_mounted (store, call);

  const char *missing = what_is_missing (store, call);
  if (missing && required) {
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "there can be no pool in '%s': %s", store->base,
                       missing);
    return -1;
  }
  if (missing) {
    call->host->log (call, VMFORGE_LOG_INFO, "no pool in '%s': %s", store->base, missing);
    return 0;
  }
  autofd int lock = take_lock (store, call);
  if (lock < 0)
    return -1;
  /* What its log holds is brought in by the next mount. */
  if (store->folder_fd < 0 && has_stopped (store) && unmount (store, call) < 0)
    return -1;
  if (store->folder_fd < 0)
    store->folder_fd = open_mounted (store);
  if (store->folder_fd < 0 && make_and_mount (store, call, required) < 0)
    return -1;
  if (store->folder_fd < 0)
    return 0;
  return check_mounted (store, call) < 0 || (is_too_small (store) && grow_image (store, call) < 0) ? -1 : 0;
}

/* Hands free space back to the filesystem below. Not by the mount option discard: that makes each deletion
 * wait for the disk below, and the next volume that is sealed with it. Failure costs space alone. */
void
pool_trim (struct store *store, bool after_removal)
{
  struct fstrim_range range = {.len = UINT64_MAX, .minlen = TRIM_LEAST};
  struct statvfs ignored;
  if (store->place != PLACE_POOL || store->folder_fd < 0)
    return;
  /* XFS frees the blocks of a removed file a moment later; to be asked for its space makes it begin. */
  if (after_removal && fstatvfs (store->folder_fd, &ignored) == 0)
    poll (NULL, 0, TRIM_DELAY);
  if (ioctl (store->folder_fd, FITRIM, &range) < 0)
    return;
}

int
pool_umount (struct store *store, call_t *call)
{
  autofd int lock = take_lock (store, call);
  if (lock < 0)
    return -1;
  int mounted = open_mounted (store);
  if (mounted < 0 && !has_stopped (store))
    return 0;
  if (mounted >= 0)
    close (mounted);
  return unmount (store, call);
}
