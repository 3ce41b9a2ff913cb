/* SPDX-License-Identifier: 0BSD */
/* Copyright (C) 2026 The vmforge authors */

/* Packages are tar archives. A repository is a URL with them and `index.asc`, a signed text with their lines:
 *
 *   NAME VERSION ARCH SHA256 BYTES INSTALLED-BYTES FILE DEPENDS...
 *
 * The first package is the base: it has a shell and tar, and all others depend on it. In the image, the
 * folder /var/lib/@NAME@/NAME is the database; a package may bring a script `postinst` there. */
#include "@NAME@.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ARCHIVE_INSIDE "/run/@NAME@.tar"

int
fail (struct vmforge_call *call, enum vmforge_plugin_error code, const char *format, ...)
{
  char message[2000];
  va_list args;
  va_start (args, format);
  vsnprintf (message, sizeof message, format, args);
  va_end (args);
  call->host->error (call, code, "%s", message);
  return -1;
}

static int
on_line (void *user, int stream, const char *line)
{
  struct output *output = user;
  if (stream != 1)
    return snprintf (output->last, sizeof output->last, "%s", line) < 0;
  return output->text && fprintf (output->text, "%s\n", line) < 0;
}

int
run (struct vmforge_call *call, struct output *output, const char *input, const char *const *argv)
{
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .input = input, .line = on_line, .user = output};
  return call->host->run (call, &program);
}

/* The text at section.key of the profile, or at its own key where section is NULL; "" if there is none. The
 * engine wrote this JSON: it is sound. */
static char *
setting (const char *json, const char *section, const char *key)
{
  char *word = malloc (strlen (json) + 1);
  int depth = 0, inside = !section, at_value = 0;
  while (word && *json) {
    char c = *json++;
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    if (c != '"') {
      at_value = at_value && (c == ':' || c == ' ');
      continue;
    }
    char *end = word;
    for (; *json && *json != '"'; json++)
      *end++ = *json == '\\' && json[1] ? *++json : *json;
    *end = '\0';
    json += *json == '"';
    if (at_value)
      return word;
    int is_key = json[strspn (json, " ")] == ':';
    if (is_key && section && depth == 1)
      inside = strcmp (word, section) == 0;
    at_value = is_key && inside && depth == (section ? 2 : 1) && strcmp (word, key) == 0;
  }
  if (word)
    *word = '\0';
  return word;
}

static void
close_backend (void *user)
{
  struct handle *handle = user;
  free (handle->mirror);
  free (handle->keyring);
  free (handle->package_arch);
  free (handle->efi_name);
  free (handle->cache);
  free (handle->index);
  free (handle);
}

static int
open_backend (struct vmforge_call *call, const struct vmforge_package_config *config, void **result)
{
  struct handle *handle = calloc (1, sizeof *handle);
  unsigned long long hash = 14695981039346656037ULL;
  if (!handle)
    return fail (call, VMFORGE_PLUGIN_FAILED, "out of memory");
  handle->mirror = config->mirrors && config->mirrors[0] ? strdup (config->mirrors[0])
                                                         : setting (config->profile, "settings", "mirror");
  handle->keyring = setting (config->profile, "settings", "keyring");
  handle->package_arch = setting (config->profile, NULL, "package_arch");
  handle->efi_name = strdup (strcmp (config->arch, "x86_64") == 0 ? "EFI/BOOT/BOOTX64.EFI"
                             : strcmp (config->arch, "i386") == 0 ? "EFI/BOOT/BOOTIA32.EFI"
                                                                  : "EFI/BOOT/BOOTAA64.EFI");
  handle->cache = strdup (config->cache_path);
  handle->index = malloc (strlen (config->cache_path) + 32);
  handle->offline = (config->flags & VMFORGE_CONFIG_OFFLINE) != 0;
  *result = handle;
  if (!handle->mirror || !handle->keyring || !handle->package_arch || !handle->efi_name || !handle->cache ||
      !handle->index) {
    close_backend (handle);
    return fail (call, VMFORGE_PLUGIN_FAILED, "out of memory");
  }
  if (!*handle->mirror || handle->keyring[0] != '/') {
    close_backend (handle);
    return fail (call, VMFORGE_PLUGIN_INVALID, "the profile lacks 'settings: {mirror: URL, keyring: /FILE}'");
  }
  /* One index for each mirror and keyring. */
  const char *names[] = {handle->mirror, handle->keyring};
  for (int i = 0; i < 2; i++)
    for (const char *c = names[i]; c == names[i] || c[-1]; c++)
      hash = (hash ^ (unsigned char)*c) * 1099511628211ULL;
  sprintf (handle->index, "%s/%016llx.asc", config->cache_path, hash);
  return 0;
}

/* Inside the image no link of a package leads out of it. $1: the package; $2: what tar does. */
static const char install_script[] = "db=/var/lib/@NAME@/$1\n"
                                     "mkdir -p \"$db\"\n"
                                     "tar $2 --file=" ARCHIVE_INSIDE " --directory=/ --numeric-owner"
                                     " --keep-directory-symlink >\"$db/files\"\n"
                                     "cat >\"$db/info\"\n"
                                     "[ ! -x \"$db/postinst\" ] || exec \"$db/postinst\"\n";

/* bare: nothing is there yet, tar neither. So it is the host's that unpacks the base, into a folder without a
 * link that could lead out of it; links of the archive itself are made last. */
static int
install_one (struct vmforge_call *call, const struct vmforge_root *root,
             const struct vmforge_package *package, int bare)
{
  const char *path = call->host->cache_find (call, package->digest);
  if (!path)
    return fail (call, VMFORGE_PLUGIN_FAILED, "package '%s' is not in the cache", package->name);
  char info[1024];
  snprintf (info, sizeof info, "%s %s %s %llu\n", package->name, package->version, package->arch,
            (unsigned long long)package->installed_size);
  const char *unpack[] = {"tar",         "--extract", "--file",          path,
                          "--directory", root->path,  "--numeric-owner", NULL};
  const char *install[] = {
      "sh", "-euc", install_script, "sh", package->name, bare ? "--list" : "--extract --verbose", NULL};
  const char *binds[] = {path, ARCHIVE_INSIDE, NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = unpack};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox, .binds = binds};
  int status = bare ? call->host->run (call, &program) : 0;
  program.argv = install;
  program.input = info;
  if (status == 0)
    status = call->host->run_in_root (call, &program, &sandbox);
  if (status > 0)
    fail (call, VMFORGE_PLUGIN_FAILED, "package '%s' cannot be installed: exit status %d (see the log)",
          package->name, status);
  return status == 0 ? 0 : -1;
}

/* Whether one of the words is the name of a package that is still to be installed. */
static int
is_waiting (const struct vmforge_package *package, const struct vmforge_package *const *packages,
            const char *done)
{
  const char *word = package->data ? package->data : "";
  for (size_t length; (word += strspn (word, " "), length = strcspn (word, " ")) > 0; word += length)
    for (size_t i = 0; packages[i]; i++)
      if (!done[i] && packages[i] != package && strlen (packages[i]->name) == length &&
          strncmp (packages[i]->name, word, length) == 0)
        return 1;
  return 0;
}

static int
install (void *user, struct vmforge_call *call, const struct vmforge_root *root,
         const struct vmforge_package_request *request, const struct vmforge_package *const *packages)
{
  size_t n = 0, left, next;
  int result = 0;
  (void)user;
  while (packages[n])
    n++;
  char *done = calloc (n + 1, 1);
  if (!done)
    return fail (call, VMFORGE_PLUGIN_FAILED, "out of memory");
  for (left = n; left > 0 && result == 0; left--) {
    for (next = 0; next < n && (done[next] || is_waiting (packages[next], packages, done)); next++)
      ;
    /* Where all wait for each other, whichever it is. */
    if (next == n)
      next = (size_t)((char *)memchr (done, 0, n) - done);
    call->host->progress (call, (double)(n - left) / (double)n, packages[next]->name);
    result =
        install_one (call, root, packages[next], left == n && (request->flags & VMFORGE_REQUEST_BOOTSTRAP));
    done[next] = 1;
  }
  free (done);
  return result;
}

/* Seconds since 1970, in the calendar that every year uses now. */
static long long
make_time (int year, int month, int day, int hour, int minute, int second)
{
  long long years = month > 2 ? year : year - 1;
  long long days = 365 * years + years / 4 - years / 100 + years / 400 +
                   (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1 - 719468;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

/* "-rw-r--r-- 0/0 4 2026-11-22 10:00:00 name" */
static int
on_member (void *user, int stream, const char *line)
{
  int64_t *newest = user;
  int year, month, day, hour, minute, second;
  if (stream != 1 ||
      sscanf (line, "%*s %*s %*s %d-%d-%d %d:%d:%d", &year, &month, &day, &hour, &minute, &second) != 6)
    return 0;
  long long time = make_time (year, month, day, hour, minute, second);
  *newest = time > *newest ? time : *newest;
  return 0;
}

/* No file of an archive is newer than the stage that it is installed in. */
static int
build_time (void *user, struct vmforge_call *call, const struct vmforge_package *const *packages,
            int64_t *seconds)
{
  (void)user;
  for (*seconds = 0; *packages; packages++) {
    const char *path = call->host->cache_find (call, (*packages)->digest);
    if (!path)
      return fail (call, VMFORGE_PLUGIN_FAILED, "package '%s' is not in the cache", (*packages)->name);
    const char *argv[] = {"tar", "--list", "--verbose", "--full-time", "--utc", "--file", path, NULL};
    struct vmforge_program program = {
        .size = sizeof program, .argv = argv, .line = on_member, .user = seconds};
    int status = call->host->run (call, &program);
    if (status > 0)
      fail (call, VMFORGE_PLUGIN_FAILED, "the archive of '%s' cannot be read", (*packages)->name);
    if (status != 0)
      return -1;
  }
  return 0;
}

static int
on_info (void *user, int stream, const char *line)
{
  struct vmforge_call *call = user;
  char name[256], version[256], arch[64];
  unsigned long long installed;
  if (stream != 1 || sscanf (line, "%255s %255s %63s %llu", name, version, arch, &installed) != 4)
    return 0;
  struct vmforge_package package = {.size = sizeof package,
                                    .id = name,
                                    .name = name,
                                    .version = version,
                                    .arch = arch,
                                    .installed_size = installed};
  return call->host->emit_package (call, &package);
}

static int
manifest (void *user, struct vmforge_call *call, const struct vmforge_root *root)
{
  const char *argv[] = {"sh", "-euc", "cat /var/lib/@NAME@/*/info", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv, .line = on_info, .user = call};
  (void)user;
  (void)root;
  int status = call->host->run_in_root (call, &program, NULL);
  if (status > 0)
    fail (call, VMFORGE_PLUGIN_FAILED, "the image has no database of packages in /var/lib/@NAME@");
  return status == 0 ? 0 : -1;
}

/* The base may bring a boot program for UEFI, /boot/boot.efi, which reads its command line from the file that
 * is made here. Without it the image has no boot loader: it is for a kernel that is given from outside. */
static int
boot (void *user, struct vmforge_call *call, const struct vmforge_root *root,
      const struct vmforge_boot_request *request)
{
  const struct handle *handle = user;
  static const char script[] =
      "mkdir -p /etc/kernel; cat >/etc/kernel/cmdline; [ -e /boot/boot.efi ] || exit 3";
  char *line = NULL;
  size_t length;
  FILE *text = open_memstream (&line, &length);
  (void)root;
  if (!text)
    return fail (call, VMFORGE_PLUGIN_FAILED, "out of memory");
  fprintf (text, "root=UUID=%s ro", request->root_uuid);
  for (const char *const *word = request->kernel_arguments; *word; word++)
    fprintf (text, " %s", *word);
  fprintf (text, "\n");
  fclose (text);
  const char *argv[] = {"sh", "-euc", script, NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv, .input = line};
  int status = line ? call->host->run_in_root (call, &program, NULL) : -1;
  free (line);
  if (status == 0 && (request->firmware & VMFORGE_FIRMWARE_UEFI))
    return call->host->emit_artefact (call, VMFORGE_ARTEFACT_EFI_FILE, "/boot/boot.efi", handle->efi_name);
  if (status > 0 && status != 3)
    return fail (call, VMFORGE_PLUGIN_FAILED,
                 "cannot write '/etc/kernel/cmdline' in the image (see the log)");
  return status < 0 ? -1 : 0;
}

static const struct vmforge_package_backend table = {
    .size = sizeof table,
    .cache_version = 1,
    .open = open_backend,
    .close = close_backend,
    .refresh = refresh,
    .resolve = resolve,
    .fetch = fetch,
    .install = install,
    .manifest = manifest,
    .boot = boot,
    .build_time = build_time,
};

VMFORGE_PLUGIN (VMFORGE_PLUGIN_PACKAGE, sizeof table, .name = "@NAME@", .version = "0.1.0",
                .description = "packages as tar archives, from a signed index", .license = "0BSD",
                .package = &table);
