/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A package plugin of two packages that is sound until `settings: {fault: CALLBACK:KIND}` of its profile says
 * what to do wrong. An archive is the package's name; the base, "one", brings the shell of the toy
 * distribution. */
#include "faulty.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define DATABASE "var/lib/faulty"
#define PADDING  (24 * 1024 * 1024) /* so that a small disk is full of it */

struct handle {
  char cache[VMFORGE_PATH_MAX];
  bool offline;
};

static const struct {
  const char *name, *digest;
} known[] = {
    {"one", "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"},
    {"two", "27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a"},
};

static int
fail (struct vmforge_call *call, const char *what, const char *name)
{
  int code = errno == ENOSPC ? VMFORGE_PLUGIN_NO_SPACE : VMFORGE_PLUGIN_FAILED;
  call->host->error (call, code, "cannot %s '%s': %s", what, name, strerror (errno));
  return -1;
}

static void
read_fault (const char *profile)
{
  static const char key[] = "\"fault\":\"";
  const char *found = strstr (profile, key);
  if (found)
    snprintf (fault, sizeof fault, "%.*s", (int)strcspn (found + sizeof key - 1, "\""),
              found + sizeof key - 1);
}

static int
open_packages (struct vmforge_call *call, const struct vmforge_package_config *config, void **result)
{
  read_fault (config->profile);
  if (go_wrong ("open"))
    return -1;
  struct handle *handle = calloc (1, sizeof *handle);
  if (!handle)
    return fail (call, "open", config->cache_path);
  snprintf (handle->cache, sizeof handle->cache, "%s", config->cache_path);
  handle->offline = (config->flags & VMFORGE_CONFIG_OFFLINE) != 0;
  *result = handle;
  return 0;
}

static void
close_packages (void *handle)
{
  go_wrong ("close");
  if (!faulty ("close:nothing"))
    free (handle);
}

static int
refresh (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request,
         char *snapshot)
{
  (void)handle, (void)call, (void)request;
  if (go_wrong ("refresh"))
    return -1;
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  snprintf (snapshot, 65, "%064lx", faulty ("refresh:moving") ? (unsigned long)now.tv_nsec : 0);
  if (faulty ("refresh:nonsense"))
    strcpy (snapshot, "yesterday");
  return 0;
}

static int
metadata_date (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request,
               int64_t *seconds)
{
  (void)handle, (void)call, (void)request;
  if (go_wrong ("metadata_date"))
    return -1;
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  *seconds = faulty ("metadata_date:moving") ? now.tv_nsec : 1;
  if (faulty ("metadata_date:negative"))
    *seconds = -1;
  return 0;
}

static bool
is_installed (const struct vmforge_package_request *request, const char *name)
{
  for (const struct vmforge_package *const *p = request->installed; p && *p; p++)
    if (strcmp ((*p)->name, name) == 0)
      return !faulty ("resolve:more");
  return false;
}

static int
emit (const struct handle *handle, struct vmforge_call *call, size_t which)
{
  static int calls;
  char url[80], version[16];
  const char *name = known[which].name;
  bool changes =
      (faulty ("resolve:random") && calls++ > 1) || (faulty ("resolve:offline") && handle->offline);
  snprintf (url, sizeof url, "http://%stoy.invalid/%s", faulty ("resolve:credentials") ? "ada:secret@" : "",
            name);
  snprintf (version, sizeof version, "%d", changes ? 2 + calls : 1);
  struct vmforge_package package = {
      .size = sizeof package,
      .id = name,
      .name = name,
      .version = version,
      .arch = "all",
      .digest = faulty ("resolve:undigested") ? NULL : known[which].digest,
      .url = url,
      .download_size = faulty ("resolve:unsized") ? 0 : 4,
      .installed_size = which == 0 ? PADDING + (8 << 20) : 4096,
  };
  if (faulty ("resolve:twice") && call->host->emit_package (call, &package) < 0)
    return -1;
  return call->host->emit_package (call, &package);
}

static int
resolve (void *user, struct vmforge_call *call, const struct vmforge_package_request *request)
{
  const struct handle *handle = user;
  if (go_wrong ("resolve"))
    return -1;
  if ((request->flags & VMFORGE_REQUEST_BOOTSTRAP) && !faulty ("resolve:empty") && emit (handle, call, 0) < 0)
    return -1;
  for (const char *const *name = request->install; *name; name++) {
    size_t which = strcmp (*name, "one") == 0 ? 0 : strcmp (*name, "two") == 0 ? 1 : 2;
    if (which == 2 && faulty ("resolve:accepts"))
      continue;
    if (which == 2) {
      call->host->error (call, faulty ("resolve:code") ? VMFORGE_PLUGIN_FAILED : VMFORGE_PLUGIN_INVALID,
                         "unknown package '%s'", faulty ("resolve:unquoted") ? "?" : *name);
      return -1;
    }
    if (!is_installed (request, *name) && emit (handle, call, which) < 0)
      return -1;
  }
  return 0;
}

static int
write_text (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int result = fd >= 0 && write (fd, text, strlen (text)) == (ssize_t)strlen (text) ? 0 : -1;
  if (fd >= 0)
    close (fd);
  return result;
}

static int
fetch_one (struct handle *handle, struct vmforge_call *call, const struct vmforge_package *package)
{
  char path[VMFORGE_PATH_MAX + 100], text[80];
  if (call->host->cache_find (call, package->digest) && !faulty ("fetch:again"))
    return 0;
  if (handle->offline && !faulty ("fetch:offline")) {
    call->host->error (call, VMFORGE_PLUGIN_ENVIRONMENT, "'%s' is not in the cache", package->name);
    return -1;
  }
  if (handle->offline)
    return 0;
  snprintf (path, sizeof path, "%s/%s.%d", handle->cache, package->name, (int)getpid ());
  snprintf (text, sizeof text, "%s\n", package->name);
  if (write_text (path, text) < 0)
    return fail (call, "write", path);
  int result = call->host->cache_add (call, path, package->digest);
  unlink (path);
  return faulty ("fetch:accepts") ? 0 : result;
}

static int
fetch (void *handle, struct vmforge_call *call, const struct vmforge_package *const *packages)
{
  int result = go_wrong ("fetch") ? -1 : 0;
  for (; result == 0 && *packages && !faulty ("fetch:nothing"); packages++)
    result = fetch_one (handle, call, *packages);
  return result;
}

/* "two" is the newer one. */
static int
build_time (void *handle, struct vmforge_call *call, const struct vmforge_package *const *packages,
            int64_t *seconds)
{
  static int calls;
  int64_t newest = 0, oldest = INT64_MAX;
  (void)handle, (void)call;
  if (go_wrong ("build_time"))
    return -1;
  for (; *packages; packages++) {
    int64_t time = strcmp ((*packages)->name, "two") == 0 ? 1700000200 : 1700000100;
    newest = time > newest ? time : newest;
    oldest = time < oldest ? time : oldest;
  }
  *seconds = faulty ("build_time:oldest") ? oldest : newest;
  if (faulty ("build_time:moving"))
    *seconds += calls++;
  if (faulty ("build_time:milliseconds"))
    *seconds *= 1000;
  return 0;
}

static int
put (int dirfd, const char *path, const char *text, size_t length, mode_t mode)
{
  int fd = openat (dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  ssize_t written = fd < 0 ? -1 : write (fd, text, length);
  if (fd >= 0)
    close (fd);
  return written == (ssize_t)length ? 0 : -1;
}

static int
bootstrap (int root)
{
  static const char *const folders[] = {"bin",  "etc", "dev",     "proc",   "sys",
                                        "root", "var", "var/lib", DATABASE, "boot"};
  static char buffer[PADDING];
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    if (mkdirat (root, folders[i], 0755) != 0 && errno != EEXIST)
      return -1;
  if (put (root, "var/lib/padding", buffer, sizeof buffer, 0644) < 0)
    return -1;
  int fd = open (TOYBOX, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read (fd, buffer, sizeof buffer);
  if (fd >= 0)
    close (fd);
  return length > 0 ? put (root, "bin/sh", buffer, (size_t)length, 0755) : -1;
}

static int
run_script (struct vmforge_call *call, const struct vmforge_root *root)
{
  const char *const inside[] = {"sh", "-c", "true", NULL};
  const char *const outside[] = {"chroot", root->path, "/bin/sh", "-c", "true", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = inside};
  if (faulty ("install:outside")) {
    program.argv = outside;
    return call->host->run (call, &program);
  }
  return call->host->run_in_root (call, &program, NULL);
}

static int
install (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
         const struct vmforge_package_request *request, const struct vmforge_package *const *packages)
{
  (void)handle;
  if (go_wrong ("install"))
    return -1;
  int fd = openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int result = request->flags & VMFORGE_REQUEST_BOOTSTRAP ? bootstrap (fd) : 0;
  for (; result == 0 && *packages && !faulty ("install:nothing"); packages++) {
    char path[200];
    snprintf (path, sizeof path, DATABASE "/%s", (*packages)->name);
    result = put (fd, path, "1", 1, 0644);
  }
  if (result == 0 && faulty ("install:more"))
    result = put (fd, DATABASE "/stowaway", "1", 1, 0644);
  if (result < 0 && !faulty ("install:full"))
    fail (call, "install in", root->path);
  close (fd);
  if (faulty ("install:full"))
    return 0;
  return result == 0 && run_script (call, root) == 0 ? 0 : -1;
}

static int
manifest (void *handle, struct vmforge_call *call, const struct vmforge_root *root)
{
  (void)handle;
  if (go_wrong ("manifest"))
    return -1;
  int fd = openat (root->fd, DATABASE, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  if (!dir)
    return fail (call, "list", DATABASE);
  for (struct dirent *entry; result == 0 && (entry = readdir (dir));) {
    const struct vmforge_package package = {.size = sizeof package,
                                            .id = entry->d_name,
                                            .name = entry->d_name,
                                            .version = faulty ("manifest:version") ? "7" : "1",
                                            .arch = "all"};
    if (entry->d_name[0] != '.' && !faulty ("manifest:empty"))
      result = call->host->emit_package (call, &package);
  }
  closedir (dir);
  return result;
}

static int
boot (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
      const struct vmforge_boot_request *request)
{
  (void)handle, (void)request;
  if (go_wrong ("boot"))
    return -1;
  int fd = openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int result = put (fd, "boot/sector", "sector", 6, 0644) == 0 && put (fd, "boot/core", "core", 4, 0644) == 0
                   ? 0
                   : fail (call, "make boot files in", root->path);
  close (fd);
  if (result == 0)
    result = call->host->emit_artefact (call, VMFORGE_ARTEFACT_BIOS_BOOT,
                                        faulty ("boot:absent") ? "/boot/nothing" : "/boot/sector", NULL);
  if (result == 0 && faulty ("boot:outside"))
    result = call->host->emit_artefact (call, VMFORGE_ARTEFACT_EFI_FILE, "/boot/core", "../core.efi");
  if (result == 0 && !faulty ("boot:half"))
    result = call->host->emit_artefact (call, VMFORGE_ARTEFACT_BIOS_CORE, "/boot/core", NULL);
  return result;
}

static const struct vmforge_package_backend backend = {
    .size = sizeof backend,
    .cache_version = 1,
    .open = open_packages,
    .close = close_packages,
    .refresh = refresh,
    .resolve = resolve,
    .fetch = fetch,
    .install = install,
    .manifest = manifest,
    .boot = boot,
    .build_time = build_time,
    .metadata_date = metadata_date,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_PACKAGE, sizeof backend, .name = "faulty-packages", .version = "1",
                .description = "wrong where it is told to be", .license = "LGPL-2.1-or-later",
                .package = &backend);
