/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A distribution of one program, and its package plugin: packages are names that are noted in /var/lib/toy.
 */
#include "vmforge/plugin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail (struct vmforge_call *call, const char *what)
{
  call->host->error (call, errno == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED, "%s: %s", what,
                     strerror (errno));
  return -1;
}

static int
put (int dirfd, const char *path, const char *text, size_t length, mode_t mode)
{
  int fd = openat (dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0)
    return -1;
  int result = write (fd, text, length) == (ssize_t)length ? 0 : -1;
  return close (fd) == 0 ? result : -1;
}

static int
copy_toybox (int dirfd)
{
  static char buffer[4 * 1024 * 1024];
  int fd = open (TOYBOX, O_RDONLY | O_CLOEXEC);
  ssize_t length = read (fd, buffer, sizeof buffer);
  close (fd);
  return length > 0 ? put (dirfd, "bin/sh", buffer, length, 0755) : -1;
}

static int
bootstrap (int dirfd)
{
  static const char *const folders[] = {"bin",     "etc",  "dev",     "proc",        "sys",
                                        "root",    "var",  "var/lib", "var/lib/toy", "var/log",
                                        "var/tmp", "boot", "usr",     "usr/sbin",    "etc/ssh"};
  static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\ntoy:x:1000:1000::/home/toy:/bin/sh\n";
  static const char group[] = "root:x:0:\ntoys:x:1001:\n";
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    if (mkdirat (dirfd, folders[i], 0755) != 0 && errno != EEXIST)
      return -1;
  return copy_toybox (dirfd) == 0 && put (dirfd, "etc/passwd", passwd, strlen (passwd), 0644) == 0 &&
                 put (dirfd, "etc/group", group, strlen (group), 0644) == 0 &&
                 put (dirfd, "etc/ssh/ssh_host_toy_key", "secret", 6, 0600) == 0 &&
                 put (dirfd, "var/log/dpkg.log", "when", 4, 0644) == 0
             ? 0
             : -1;
}

static int
toy_open (struct vmforge_call *call, const struct vmforge_package_config *config, void **handle)
{
  *handle = NULL;
  return 0;
}

static void
toy_close (void *handle)
{
}

static int
toy_refresh (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request,
             char *snapshot)
{
  memset (snapshot, '0', 64);
  snapshot[64] = '\0';
  return 0;
}

static int
toy_resolve (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request)
{
  return 0;
}

static int
toy_fetch (void *handle, struct vmforge_call *call, const struct vmforge_package *const *packages)
{
  return 0;
}

/* The key as it is at the path that the plugin was given. */
static int
install_key (int dirfd, const struct vmforge_repository *repository)
{
  char path[300], text[4096];
  int fd = open (repository->key_path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read (fd, text, sizeof text);
  if (fd >= 0)
    close (fd);
  snprintf (path, sizeof path, "etc/%s.key", repository->name);
  return length < 0 ? -1 : put (dirfd, path, text, (size_t)length, 0644);
}

static int
toy_install (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
             const struct vmforge_package_request *request, const struct vmforge_package *const *packages)
{
  const char *const argv[] = {"sh", "-c", "true", NULL};
  const struct vmforge_program program = {.size = sizeof program, .argv = argv};
  char path[300];
  int dirfd = openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int result = request->flags & VMFORGE_REQUEST_BOOTSTRAP ? bootstrap (dirfd) : 0;
  for (const struct vmforge_repository *const *item = request->repositories; result == 0 && item && *item;
       item++)
    result = install_key (dirfd, *item);
  for (; result == 0 && *packages; packages++) {
    snprintf (path, sizeof path, "var/lib/toy/%s", (*packages)->name);
    if (strcmp ((*packages)->name, "plugin-crash") == 0)
      abort ();
    result = put (dirfd, path, (*packages)->version, strlen ((*packages)->version), 0644);
    call->host->progress (call, 0.5, (*packages)->name);
  }
  if (result != 0)
    fail (call, "installing toys");
  close (dirfd);
  return result == 0 && call->host->run_in_root (call, &program, NULL) == 0 ? 0 : -1;
}

static int
toy_manifest (void *handle, struct vmforge_call *call, const struct vmforge_root *root)
{
  int fd = openat (root->fd, "var/lib/toy", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  if (!dir)
    return fail (call, "listing toys");
  for (struct dirent *entry; result == 0 && (entry = readdir (dir));) {
    char version[64] = "";
    int file = entry->d_name[0] == '.' ? -1 : openat (dirfd (dir), entry->d_name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
      continue;
    (void)!read (file, version, sizeof version - 1);
    close (file);
    const struct vmforge_package package = {.size = sizeof package,
                                            .id = entry->d_name,
                                            .name = entry->d_name,
                                            .version = version,
                                            .arch = "all"};
    result = call->host->emit_package (call, &package);
  }
  closedir (dir);
  return result;
}

static int
toy_boot (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
          const struct vmforge_boot_request *request)
{
  static char boot[512], core[3000];
  int dirfd = openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  memset (boot, 0xb0, sizeof boot);
  memset (core, 0xc0, sizeof core);
  int result = put (dirfd, "boot/boot.img", boot, sizeof boot, 0644) == 0 &&
                       put (dirfd, "boot/core.img", core, sizeof core, 0644) == 0 &&
                       put (dirfd, "boot/toy.efi", request->root_uuid, strlen (request->root_uuid), 0644) == 0
                   ? 0
                   : fail (call, "making boot files");
  /* What a hostile package could do. */
  if (result == 0 && faccessat (dirfd, "var/lib/toy/pipe", F_OK, 0) == 0)
    result = unlinkat (dirfd, "boot/toy.efi", 0) == 0 ? mkfifoat (dirfd, "boot/toy.efi", 0644) : -1;
  close (dirfd);
  if (result == 0)
    result = call->host->emit_artefact (call, VMFORGE_ARTEFACT_BIOS_BOOT, "/boot/boot.img", NULL);
  if (result == 0)
    result = call->host->emit_artefact (call, VMFORGE_ARTEFACT_BIOS_CORE, "/boot/core.img", NULL);
  if (result == 0)
    result =
        call->host->emit_artefact (call, VMFORGE_ARTEFACT_EFI_FILE, "/boot/toy.efi", "EFI/BOOT/BOOTX64.EFI");
  return result;
}

static const struct vmforge_package_backend backend = {
    .size = sizeof backend,
    .cache_version = 1,
    .open = toy_open,
    .close = toy_close,
    .refresh = toy_refresh,
    .resolve = toy_resolve,
    .fetch = toy_fetch,
    .install = toy_install,
    .manifest = toy_manifest,
    .boot = toy_boot,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_PACKAGE, sizeof (struct vmforge_package_backend), .name = "toydistro",
                .version = "1", .description = "a distribution of one program",
                .license = "LGPL-2.1-or-later", .package = &backend);
