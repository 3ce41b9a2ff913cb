/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Resolution without a root filesystem: apt simulates the installation over a status file that is put
 * together from what the stages below resolved to. Its answer names versions; the package lists say the rest
 * of them. */
#include "apt.h"

#include <unistd.h>

/* A package that apt would install: found in the lists when stanza is set. */
typedef struct {
  char *name, *version, *arch;
  char *stanza, *base_url;
} Wanted;

static void
wanted_free (gpointer data)
{
  Wanted *wanted = data;
  g_free (wanted->name);
  g_free (wanted->version);
  g_free (wanted->arch);
  g_free (wanted->stanza);
  g_free (wanted->base_url);
  g_free (wanted);
}

static char *
make_status (const struct vmforge_package_request *request)
{
  GString *status = g_string_new (NULL);
  for (const struct vmforge_package *const *item = request->installed; item != NULL && *item != NULL; item++)
    if ((*item)->data != NULL)
      g_string_append_printf (status, "%sStatus: install ok installed\n\n", (*item)->data);
  return g_string_free (status, FALSE);
}

static int
check_name (Call *call, const char *name)
{
  gsize length = strlen (name);
  if (length == 0 || !g_ascii_isalnum (name[0]) || name[length - 1] == '-' ||
      strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.:=~/_") != length)
    return pkg_fail (call, VMFORGE_PLUGIN_INVALID, "'%s' is not a package name", name);
  return 0;
}

static int
add_names (Call *call, GPtrArray *argv, const struct vmforge_package_request *request)
{
  if ((request->flags & VMFORGE_REQUEST_BOOTSTRAP) != 0)
    g_ptr_array_add (argv, g_strdup ("?essential"));
  for (const char *const *name = request->install; name != NULL && *name != NULL; name++) {
    if (check_name (call, *name) < 0)
      return -1;
    g_ptr_array_add (argv, g_strdup (*name));
  }
  for (const char *const *name = request->remove; name != NULL && *name != NULL; name++) {
    if (check_name (call, *name) < 0)
      return -1;
    g_ptr_array_add (argv, g_strconcat (*name, "-", NULL));
  }
  return 0;
}

/* Names the package that apt could not find, or why it cannot be had. */
static int
explain_failure (Call *call, const AptLines *lines)
{
  static const char *const unknown[] = {"Unable to locate package ", "Couldn't find any package by ",
                                        "Couldn't find any package by regex ",
                                        "has no installation candidate"};
  for (guint i = 0; i < lines->errors->len; i++) {
    const char *line = g_ptr_array_index (lines->errors, i);
    if (g_str_has_prefix (line, unknown[0]))
      return pkg_fail (call, VMFORGE_PLUGIN_INVALID, "unknown package '%s'", line + strlen (unknown[0]));
    for (gsize k = 1; k < G_N_ELEMENTS (unknown); k++)
      if (strstr (line, unknown[k]) != NULL)
        return pkg_fail (call, VMFORGE_PLUGIN_INVALID, "%s", line);
    if (strstr (line, "was not found") != NULL)
      return pkg_fail (call, VMFORGE_PLUGIN_INVALID, "%s", line);
  }
  /* apt tells unmet dependencies as a list on its standard output. */
  const char *unmet = strstr (lines->output->str, "unmet dependencies:");
  if (unmet != NULL) {
    g_autofree char *list = g_strndup (unmet + strlen ("unmet dependencies:"), 400);
    g_auto (GStrv) parts = g_strsplit (g_strstrip (list), "\n", 6);
    g_autofree char *line = g_strjoinv (";", parts);
    return pkg_fail (call, VMFORGE_PLUGIN_INVALID, "packages that cannot be installed together: %s", line);
  }
  return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "apt cannot resolve the packages: %s",
                   lines->errors->len > 0 ? (char *)g_ptr_array_index (lines->errors, 0) : "no reason given");
}

static int
simulate (Call *call, const AptConfig *config, const struct vmforge_package_request *request, AptLines *lines)
{
  g_autoptr (GPtrArray) argv =
      pkg_argv_new ("apt-get", "-q", "-s", "--no-install-recommends", "install", "--", NULL);
  if (add_names (call, argv, request) < 0)
    return -1;
  g_ptr_array_add (argv, NULL);
  int status = apt_config_run (call, config, (const char *const *)argv->pdata, lines);
  return status <= 0 ? status : explain_failure (call, lines);
}

/* "Inst NAME[:ARCH] [OLD] (VERSION ORIGIN… [ARCH]) …" */
static Wanted *
parse_inst (const char *line)
{
  const char *open = strchr (line, '(');
  const char *close = open == NULL ? NULL : strchr (open, ')');
  if (close == NULL)
    return NULL;
  g_auto (GStrv) words = g_strsplit (line, " ", 3);
  g_autofree char *inner = g_strndup (open + 1, close - open - 1);
  const char *arch = strrchr (inner, '[');
  if (arch == NULL || words[1] == NULL)
    return NULL;
  Wanted *wanted = g_new0 (Wanted, 1);
  wanted->name = g_strdup (words[1]);
  wanted->name[strcspn (wanted->name, ":")] = '\0';
  wanted->version = g_strndup (inner, strcspn (inner, " "));
  wanted->arch = g_strndup (arch + 1, strcspn (arch + 1, "]"));
  return wanted;
}

static int
emit_removal (Call *call, const struct vmforge_package_request *request, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 3);
  g_autofree char *name = g_strndup (words[1], strcspn (words[1], ":"));
  for (const struct vmforge_package *const *item = request->installed; item != NULL && *item != NULL;
       item++) {
    if (!g_str_equal ((*item)->name, name))
      continue;
    struct vmforge_package package = {.size = sizeof package,
                                      .flags = VMFORGE_PACKAGE_REMOVE,
                                      .id = name,
                                      .name = name,
                                      .version = (*item)->version,
                                      .arch = (*item)->arch,
                                      .data = (*item)->data};
    return call->host->emit_package (call, &package);
  }
  return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "apt wants to remove '%s', which is not installed", name);
}

/* Names to install → Wanted; removals are emitted at once. */
static GHashTable *
parse_simulation (Call *call, const struct vmforge_package_request *request, const char *output)
{
  g_autoptr (GHashTable) all = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, wanted_free);
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    if (g_str_has_prefix (*line, "Remv ") && emit_removal (call, request, *line) < 0)
      return NULL;
    if (!g_str_has_prefix (*line, "Inst "))
      continue;
    Wanted *wanted = parse_inst (*line);
    if (wanted == NULL) {
      pkg_fail (call, VMFORGE_PLUGIN_FAILED, "cannot understand apt's line '%s'", *line);
      return NULL;
    }
    g_hash_table_replace (all, wanted->name, wanted);
  }
  return g_steal_pointer (&all);
}

/* The value of the first line of a stanza if that is its Package field (as in every archive); else NULL. */
static char *
stanza_name (const char *stanza, const char *end)
{
  /* Not g_str_has_prefix, which in newer GLib measures the whole list. */
  if (strncmp (stanza, "Package: ", strlen ("Package: ")) != 0)
    return NULL;
  const char *start = stanza + strlen ("Package: ");
  const char *stop = memchr (start, '\n', end - start);
  return g_strndup (start, (stop == NULL ? end : stop) - start);
}

static void
match_stanza (GHashTable *all, const char *start, const char *end, const char *base_url, gboolean any_order)
{
  g_autofree char *text = any_order ? g_strndup (start, end - start) : NULL;
  g_autofree char *name = any_order ? apt_stanza_get (text, "Package") : stanza_name (start, end);
  Wanted *wanted = name == NULL ? NULL : g_hash_table_lookup (all, name);
  if (wanted == NULL || wanted->stanza != NULL)
    return;
  g_autofree char *stanza = g_strndup (start, end - start);
  g_autofree char *version = apt_stanza_get (stanza, "Version");
  g_autofree char *arch = apt_stanza_get (stanza, "Architecture");
  if (g_strcmp0 (version, wanted->version) != 0 || g_strcmp0 (arch, wanted->arch) != 0)
    return;
  wanted->stanza = g_steal_pointer (&stanza);
  wanted->base_url = g_strdup (base_url);
}

static int
scan_list (Call *call, GHashTable *all, const char *path, const char *base_url)
{
  g_autoptr (GError) failure = NULL;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return 0; /* a suite without packages for this architecture */
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &failure);
  if (file == NULL)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "%s", failure->message);
  const char *text = g_mapped_file_get_contents (file);
  const char *end = text == NULL ? NULL : text + g_mapped_file_get_length (file);
  while (text != NULL && text < end) {
    const char *stop = memmem (text, end - text, "\n\n", 2);
    stop = stop == NULL ? end : stop + 1;
    match_stanza (all, text, stop, base_url, (gsize)(stop - text) > 8 && strncmp (text, "Package:", 8) != 0);
    text = stop + 1;
  }
  return 0;
}

static int
emit_wanted (Call *call, const Wanted *wanted)
{
  if (wanted->stanza == NULL)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "package '%s' %s is in no package list", wanted->name,
                     wanted->version);
  g_autofree char *file = apt_stanza_get (wanted->stanza, "Filename");
  g_autofree char *digest = apt_stanza_get (wanted->stanza, "SHA256");
  g_autofree char *bytes = apt_stanza_get (wanted->stanza, "Size");
  g_autofree char *installed = apt_stanza_get (wanted->stanza, "Installed-Size");
  g_autofree char *data = apt_stanza_shorten (wanted->stanza, strlen (wanted->stanza));
  if (file == NULL || digest == NULL)
    return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "the package list has no SHA256 for '%s' %s", wanted->name,
                     wanted->version);
  g_autofree char *url =
      g_strconcat (wanted->base_url, g_str_has_prefix (file, "./") ? file + 2 : file, NULL);
  struct vmforge_package package = {
      .size = sizeof package,
      .id = wanted->name,
      .name = wanted->name,
      .version = wanted->version,
      .arch = wanted->arch,
      .digest = digest,
      .url = url,
      .data = data,
      .download_size = bytes == NULL ? 0 : g_ascii_strtoull (bytes, NULL, 10),
      .installed_size = installed == NULL ? 0 : g_ascii_strtoull (installed, NULL, 10) * 1024};
  return call->host->emit_package (call, &package);
}

static int
find_and_emit (Call *call, const Apt *apt, const AptConfig *config, GHashTable *all)
{
  g_autoptr (GPtrArray) lists = apt_package_lists (call, config);
  for (guint i = 0; lists != NULL && i < lists->len; i++) {
    char **list = g_ptr_array_index (lists, i);
    g_autofree char *origin = apt_public_url (apt, list[2]);
    if (scan_list (call, all, list[1], origin) < 0)
      return -1;
  }
  GHashTableIter iter;
  gpointer wanted;
  g_hash_table_iter_init (&iter, all);
  while (lists != NULL && g_hash_table_iter_next (&iter, NULL, &wanted))
    if (emit_wanted (call, wanted) < 0)
      return -1;
  return lists == NULL ? -1 : 0;
}

static int
resolve_locked (Call *call, const Apt *apt, const struct vmforge_package_request *request,
                const char *sources)
{
  g_autofree char *status = make_status (request);
  g_autoptr (AptConfig) config = apt_config_new (call, apt, sources, status);
  if (config == NULL)
    return -1;
  g_auto (AptLines) lines;
  apt_lines_init (&lines, TRUE);
  call->host->progress (call, -1, "resolving packages");
  if (simulate (call, config, request, &lines) < 0)
    return -1;
  g_autoptr (GHashTable) all = parse_simulation (call, request, lines.output->str);
  return all == NULL ? -1 : find_and_emit (call, apt, config, all);
}

int
apt_resolve (void *handle, Call *call, const struct vmforge_package_request *request)
{
  const Apt *apt = handle;
  g_autofree char *sources = apt_sources_for_build (call, apt, request);
  int lock = sources == NULL ? -1 : pkg_lock (call, apt->cache_path, "lists");
  if (lock < 0)
    return -1;
  int result = resolve_locked (call, apt, request, sources);
  close (lock);
  return result;
}
