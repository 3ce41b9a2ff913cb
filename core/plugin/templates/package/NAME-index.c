/* SPDX-License-Identifier: 0BSD */
/* Copyright (C) 2026 The vmforge authors */

/* The repository: its index, fetched and verified, and its archives. */
#include "@NAME@.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PACKAGES 10000
#define FIELDS       7

struct entry {
  char *field[FIELDS]; /* the words of its line */
  char *depends;       /* the rest of it */
  int wanted;
};
enum { NAME, VERSION, ARCH, DIGEST, BYTES, INSTALLED, FILE_NAME };

static int
download (struct vmforge_call *call, const char *url, const char *path)
{
  struct output output = {0};
  const char *argv[] = {"curl",       "--fail",    "--silent", "--show-error",
                        "--location", "--globoff", "--output", path,
                        "--",         url,         NULL};
  int status = run (call, &output, NULL, argv);
  if (status > 0)
    fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot fetch '%s': %s", url, output.last);
  if (status != 0)
    unlink (path);
  return status == 0 ? 0 : -1;
}

/* The text that a signed file holds, if the signature is good; the caller frees it. */
static char *
read_signed (struct handle *handle, struct vmforge_call *call, const char *path)
{
  char *text = NULL;
  size_t length;
  struct output output = {.text = open_memstream (&text, &length)};
  const char *argv[] = {"gpgv", "--quiet", "--keyring", handle->keyring, "--output", "-", path, NULL};
  int status = output.text ? run (call, &output, NULL, argv) : -1;
  if (output.text && fclose (output.text) == 0 && status == 0)
    return text;
  if (status >= 0)
    fail (call, VMFORGE_PLUGIN_FAILED, "the index of '%s' is not signed with a key of '%s': %s",
          handle->mirror, handle->keyring, output.last);
  free (text);
  return NULL;
}

/* The verified index takes the place of the older one as a whole. */
static char *
update (struct handle *handle, struct vmforge_call *call)
{
  char url[VMFORGE_PATH_MAX], path[VMFORGE_PATH_MAX];
  snprintf (url, sizeof url, "%s/index.asc", handle->mirror);
  snprintf (path, sizeof path, "%s.%d", handle->index, (int)getpid ());
  if (handle->offline && access (handle->index, R_OK) < 0)
    fail (call, VMFORGE_PLUGIN_ENVIRONMENT,
          "there is no index of '%s' yet: run the build once without --offline", handle->mirror);
  if (handle->offline)
    return access (handle->index, R_OK) < 0 ? NULL : read_signed (handle, call, handle->index);
  if (download (call, url, path) < 0)
    return NULL;
  char *text = read_signed (handle, call, path);
  if (text && rename (path, handle->index) == 0)
    return text;
  if (text)
    fail (call, VMFORGE_PLUGIN_FAILED, "cannot write '%s': %s", handle->index, strerror (errno));
  unlink (path);
  free (text);
  return NULL;
}

int
refresh (void *user, struct vmforge_call *call, const struct vmforge_package_request *request, char *snapshot)
{
  if (request->repositories && request->repositories[0])
    return fail (call, VMFORGE_PLUGIN_INVALID, "'repositories' have no meaning here: there is '%s' alone",
                 request->repositories[0]->url);
  call->host->progress (call, -1, "updating the index");
  const struct handle *handle = user;
  char *text = update (user, call), *digest = NULL, *both = NULL;
  size_t length;
  /* Where it comes from counts too: the same text may name other files there. */
  if (text && asprintf (&both, "%s\n%s", handle->mirror, text) < 0)
    both = NULL;
  struct output output = {.text = both ? open_memstream (&digest, &length) : NULL};
  const char *argv[] = {"sha256sum", NULL};
  int status = output.text ? run (call, &output, both, argv) : -1;
  free (both);
  free (text);
  if (output.text && fclose (output.text) == 0 && status == 0)
    snprintf (snapshot, 65, "%.64s", digest);
  else if (status > 0)
    fail (call, VMFORGE_PLUGIN_FAILED, "cannot compute a digest: %s", output.last);
  free (digest);
  return status == 0 ? 0 : -1;
}

/* The packages of the index that are for this architecture; their words stay in text. */
static int
parse (const struct handle *handle, struct vmforge_call *call, char *text, struct entry *entries)
{
  int n = 0;
  char *lines = NULL;
  for (char *line = strtok_r (text, "\n", &lines); line; line = strtok_r (NULL, "\n", &lines)) {
    struct entry *entry = &entries[n];
    *entry = (struct entry){.depends = line};
    for (int i = 0; i < FIELDS; i++)
      entry->field[i] = strtok_r (i == 0 ? line : NULL, " ", &entry->depends);
    if (!entry->depends)
      entry->depends = line + strlen (line);
    if (!entry->field[FILE_NAME] || strlen (entry->field[DIGEST]) != 64)
      return fail (call, VMFORGE_PLUGIN_FAILED, "the index of '%s' has a bad line for '%s'", handle->mirror,
                   entry->field[NAME] ? entry->field[NAME] : "");
    if (strcmp (entry->field[ARCH], "all") == 0 || strcmp (entry->field[ARCH], handle->package_arch) == 0)
      n++;
    if (n == MAX_PACKAGES)
      return fail (call, VMFORGE_PLUGIN_FAILED, "the index of '%s' is too large", handle->mirror);
  }
  return n;
}

/* One name and what it depends on. by: who needs it; NULL: the user. */
static int
want (const struct handle *handle, struct vmforge_call *call, const struct vmforge_package_request *request,
      struct entry *entries, const char *name, const char *by)
{
  struct entry *entry = entries;
  for (const struct vmforge_package *const *installed = request->installed; *installed; installed++)
    if (strcmp ((*installed)->name, name) == 0)
      return 0;
  while (entry->field[NAME] && strcmp (entry->field[NAME], name) != 0)
    entry++;
  if (!entry->field[NAME] && by)
    return fail (call, VMFORGE_PLUGIN_INVALID, "package '%s' needs '%s', which '%s' does not have", by, name,
                 handle->mirror);
  if (!entry->field[NAME])
    return fail (call, VMFORGE_PLUGIN_INVALID, "unknown package '%s': '%s' does not have it", name,
                 handle->mirror);
  if (entry->wanted++)
    return 0;
  char *depends = strdup (entry->depends), *rest = NULL;
  int result = depends ? 0 : fail (call, VMFORGE_PLUGIN_FAILED, "out of memory");
  for (char *word = depends ? strtok_r (depends, " ", &rest) : NULL; word && result == 0;
       word = strtok_r (NULL, " ", &rest))
    result = want (handle, call, request, entries, word, name);
  free (depends);
  return result;
}

static int
emit (const struct handle *handle, struct vmforge_call *call, const struct entry *base,
      const struct entry *entry)
{
  char url[VMFORGE_PATH_MAX], depends[VMFORGE_PATH_MAX];
  snprintf (url, sizeof url, "%s/%s", handle->mirror, entry->field[FILE_NAME]);
  snprintf (depends, sizeof depends, "%s %s", base->field[NAME], entry->depends);
  struct vmforge_package package = {
      .size = sizeof package,
      .id = entry->field[NAME],
      .name = entry->field[NAME],
      .version = entry->field[VERSION],
      .arch = entry->field[ARCH],
      .digest = entry->field[DIGEST],
      .url = url,
      .download_size = strtoull (entry->field[BYTES], NULL, 10),
      .installed_size = strtoull (entry->field[INSTALLED], NULL, 10),
      .data = entry == base ? "" : depends,
  };
  return call->host->emit_package (call, &package);
}

int
resolve (void *user, struct vmforge_call *call, const struct vmforge_package_request *request)
{
  struct handle *handle = user;
  if (request->remove && request->remove[0])
    return fail (call, VMFORGE_PLUGIN_INVALID, "package '%s' cannot be removed: this plugin does not do that",
                 request->remove[0]);
  char *text = read_signed (handle, call, handle->index);
  struct entry *entries = calloc (MAX_PACKAGES + 1, sizeof *entries);
  int n = text && entries ? parse (handle, call, text, entries) : -1, result = n < 0 ? -1 : 0;
  if (n >= 0)
    entries[n] = (struct entry){0}; /* ends the list */
  if (n > 0 && (request->flags & VMFORGE_REQUEST_BOOTSTRAP))
    result = want (handle, call, request, entries, entries->field[NAME], NULL);
  for (const char *const *name = request->install; result == 0 && *name; name++)
    result = want (handle, call, request, entries, *name, NULL);
  for (int i = 0; result == 0 && i < n; i++)
    result = entries[i].wanted ? emit (handle, call, entries, &entries[i]) : 0;
  free (entries);
  free (text);
  return result;
}

int
fetch (void *user, struct vmforge_call *call, const struct vmforge_package *const *packages)
{
  const struct handle *handle = user;
  char path[VMFORGE_PATH_MAX];
  for (; *packages; packages++) {
    if (call->host->cache_find (call, (*packages)->digest))
      continue;
    if (handle->offline)
      return fail (call, VMFORGE_PLUGIN_ENVIRONMENT,
                   "package '%s' was not fetched yet: run the build once without --offline",
                   (*packages)->name);
    call->host->progress (call, -1, (*packages)->name);
    snprintf (path, sizeof path, "%s/%s.%d", handle->cache, (*packages)->digest, (int)getpid ());
    if (download (call, (*packages)->url, path) < 0)
      return -1;
    if (call->host->cache_add (call, path, (*packages)->digest) < 0) {
      unlink (path);
      return -1;
    }
  }
  return 0;
}
