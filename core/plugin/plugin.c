/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/plugin.h"

#include "plugin/elf-numbers.h"
#include "plugin/trust.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/paths.h"
#include "support/suggest.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_PREFIX "vmforge-"
#define FILE_SUFFIX ".so"

/* A plugin as the registry keeps it, for the life of the process. */
typedef struct {
  VfPlugin pub; /* first */
  VfElfNumbers numbers;
  dev_t device;
  ino_t inode;
  int fd; /* stays open once loaded: glibc tells objects apart by name, and ours is /proc/self/fd/N */
  gboolean preferred; /* given by path */
} Entry;

static GMutex registry_lock;
static GPtrArray *registry; /* Entry, in the order in which they were found */

char **
vf_plugin_dirs (void)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *path = secure_getenv ("VMFORGE_PLUGIN_PATH");
  g_auto (GStrv) own = g_strsplit (path ? path : "", ":", -1);
  /* A relative folder would make what is loaded depend on where one stands. */
  for (char **dir = own; *dir; dir++)
    if (g_path_is_absolute (*dir))
      g_strv_builder_add (builder, *dir);
  for (const char *const *dir = vf_paths_plugin_dirs (); *dir; dir++)
    g_strv_builder_add (builder, *dir);
  return g_strv_builder_end (builder);
}

/* NAME of vmforge-NAME.so, or NULL. */
static char *
name_from_file (const char *path)
{
  g_autofree char *base = g_path_get_basename (path);
  if (!g_str_has_prefix (base, FILE_PREFIX) || !g_str_has_suffix (base, FILE_SUFFIX))
    return NULL;
  gsize length = strlen (base) - strlen (FILE_PREFIX) - strlen (FILE_SUFFIX);
  return strlen (base) > strlen (FILE_PREFIX FILE_SUFFIX) ? g_strndup (base + strlen (FILE_PREFIX), length)
                                                          : NULL;
}

/* Everything that can be said without running code of the plugin. */
static gboolean
probe (Entry *entry, GError **error)
{
  const char *path = entry->pub.path;
  if (!entry->pub.name)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is not named vmforge-NAME.so, as a plugin must be", path);
  if (!vf_descriptor_name_is_valid (entry->pub.name))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' has a bad plugin name '%s': it must be [a-z][a-z0-9-]*", path,
                         entry->pub.name);

  /* O_NONBLOCK: a pipe of that name must not stop us. */
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat status;
  if (fd < 0 || fstat (fd, &status) < 0)
    return vf_error_set_errno (error, "cannot open plugin '%s'", path);
  if (!S_ISREG (status.st_mode))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' is not an ELF file", path);
  entry->device = status.st_dev;
  entry->inode = status.st_ino;
  guint64 symbol_size;
  if (!vf_trust_check_file (path, &status, error) ||
      !vf_elf_read_numbers (fd, path, &entry->numbers, &symbol_size, error) ||
      !vf_descriptor_check_numbers (path, &entry->numbers, symbol_size, error))
    return FALSE;
  entry->pub.kind = (enum vmforge_plugin_kind)entry->numbers.kind;
  entry->fd = vf_fd_steal (&fd);
  return TRUE;
}

/* Maps the very file that was probed, and checks the rest. */
static gboolean
load (Entry *entry, GError **error)
{
  g_autofree char *name = g_strdup_printf ("/proc/self/fd/%d", entry->fd);
  void *object = dlopen (name, RTLD_NOW | RTLD_LOCAL);
  if (!object) {
    const char *why = dlerror ();
    if (g_str_has_prefix (why, name) && g_str_has_prefix (why + strlen (name), ": "))
      why += strlen (name) + 2;
    vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' cannot be loaded: %s", entry->pub.path, why);
    vf_fd_clear (&entry->fd);
    return FALSE;
  }
  const struct vmforge_plugin *theirs = dlsym (object, "vmforge_plugin");
  if (!theirs)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is no vmforge plugin: it exports no symbol 'vmforge_plugin'", entry->pub.path);
  entry->pub.descriptor =
      vf_descriptor_copy (entry->pub.path, entry->pub.name, &entry->numbers, theirs, error);
  return entry->pub.descriptor != NULL;
}

static void
set_broken (Entry *entry, GError *error)
{
  entry->pub.error = error;
  entry->pub.kind = (enum vmforge_plugin_kind)0;
}

static Entry *
entry_new (const char *path)
{
  if (!registry)
    registry = g_ptr_array_new ();
  Entry *entry = g_new0 (Entry, 1);
  entry->fd = -1;
  entry->pub.path = g_strdup (path);
  entry->pub.name = name_from_file (path);
  GError *error = NULL;
  if (!probe (entry, &error))
    set_broken (entry, error);
  g_ptr_array_add (registry, entry);
  return entry;
}

static Entry *
entry_get (const char *path)
{
  for (guint i = 0; registry && i < registry->len; i++) {
    Entry *entry = g_ptr_array_index (registry, i);
    if (strcmp (entry->pub.path, path) == 0)
      return entry;
  }
  return entry_new (path);
}

static void
entry_load (Entry *entry)
{
  GError *error = NULL;
  if (!entry->pub.error && !entry->pub.descriptor && !load (entry, &error))
    set_broken (entry, error);
}

static gint
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* Paths of the plugin files of a folder, sorted; an absent folder has none. One file has itself. */
static GPtrArray *
scan (const char *dir, gboolean *is_file)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *own_name = name_from_file (dir);
  *is_file = own_name && !g_file_test (dir, G_FILE_TEST_IS_DIR);
  if (*is_file) {
    g_ptr_array_add (paths, g_strdup (dir));
    return paths;
  }
  g_autoptr (GDir) folder = g_dir_open (dir, 0, NULL);
  const char *file;
  while (folder && (file = g_dir_read_name (folder))) {
    g_autofree char *name = name_from_file (file);
    if (name)
      g_ptr_array_add (paths, g_build_filename (dir, file, NULL));
  }
  g_ptr_array_sort (paths, compare_strings);
  return paths;
}

/* What has this name already: the same file under another path, or another plugin. */
static Entry *
find_by_name (GPtrArray *entries, const Entry *wanted)
{
  for (guint i = 0; i < entries->len; i++) {
    Entry *entry = g_ptr_array_index (entries, i);
    if (entry != wanted && g_strcmp0 (entry->pub.name, wanted->pub.name) == 0)
      return entry;
  }
  return NULL;
}

static void
check_folder (Entry *entry)
{
  GError *error = NULL;
  if (!entry->pub.error && !entry->pub.descriptor && !vf_trust_check_folder (entry->pub.path, &error))
    set_broken (entry, error);
}

/* All that are there, those given by path first, then in the order of the folders; not yet loaded. */
static GPtrArray *
collect (void)
{
  GPtrArray *entries = g_ptr_array_new ();
  for (guint i = 0; registry && i < registry->len; i++) {
    Entry *entry = g_ptr_array_index (registry, i);
    if (entry->preferred)
      g_ptr_array_add (entries, entry);
  }
  g_auto (GStrv) dirs = vf_plugin_dirs ();
  for (char **dir = dirs; *dir; dir++) {
    gboolean is_file;
    g_autoptr (GPtrArray) paths = scan (*dir, &is_file);
    for (guint i = 0; i < paths->len; i++) {
      Entry *entry = entry_get (g_ptr_array_index (paths, i));
      if (g_ptr_array_find (entries, entry, NULL))
        continue;
      if (!is_file)
        check_folder (entry);
      Entry *other = find_by_name (entries, entry);
      if (other && other->inode && other->inode == entry->inode && other->device == entry->device)
        continue;
      if (other && !entry->pub.error && !entry->pub.descriptor)
        set_broken (entry, g_error_new (VMFORGE_ERROR, VMFORGE_ERROR_ENVIRONMENT,
                                        "'%s' has the name of '%s', which comes first", entry->pub.path,
                                        other->pub.path));
      g_ptr_array_add (entries, entry);
    }
  }
  return entries;
}

static gint
compare_entries (gconstpointer a, gconstpointer b)
{
  const VfPlugin *left = *(const VfPlugin *const *)a, *right = *(const VfPlugin *const *)b;
  int order = g_strcmp0 (left->name, right->name);
  /* Of two with one name the sound one comes first. */
  return order ? order : (left->error != NULL) - (right->error != NULL);
}

GPtrArray *
vf_plugin_scan (void)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
  GPtrArray *entries = collect ();
  g_ptr_array_sort (entries, compare_entries);
  return entries;
}

static gboolean
fail_unknown (enum vmforge_plugin_kind kind, const char *name, GPtrArray *entries, GError **error)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  for (guint i = 0; i < entries->len; i++) {
    const VfPlugin *plugin = g_ptr_array_index (entries, i);
    if (plugin->kind == kind)
      g_ptr_array_add (known, plugin->name);
  }
  g_ptr_array_sort (known, compare_strings);
  g_ptr_array_add (known, NULL);
  const char *const *names = (const char *const *)known->pdata;
  g_autofree char *hint = vf_suggest_hint (name, names);
  g_autofree char *list = g_strjoinv (", ", (char **)known->pdata);
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "no %s plugin '%s'%s; there %s %s",
                       vf_plugin_kind_name (kind), name, hint, names[0] && names[1] ? "are" : "is",
                       names[0] ? list : "none");
}

const VfPlugin *
vf_plugin_find (enum vmforge_plugin_kind kind, const char *name, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
  g_autoptr (GPtrArray) entries = collect ();
  for (guint i = 0; i < entries->len; i++) {
    Entry *entry = g_ptr_array_index (entries, i);
    if (g_strcmp0 (entry->pub.name, name) != 0)
      continue;
    /* Code of a plugin runs only when it is the one that is wanted. */
    if (entry->pub.kind == kind)
      entry_load (entry);
    if (entry->pub.error) {
      g_propagate_error (error, g_error_copy (entry->pub.error));
      return NULL;
    }
    if (entry->pub.kind == kind)
      return &entry->pub;
    vf_error_set (error, VMFORGE_ERROR_SPEC, "plugin '%s' is a %s plugin, not a %s plugin", name,
                  vf_plugin_kind_name (entry->pub.kind), vf_plugin_kind_name (kind));
    return NULL;
  }
  fail_unknown (kind, name, entries, error);
  return NULL;
}

/* Of two that are given by path the first keeps its name. */
static gboolean
prefer (Entry *entry, GError **error)
{
  for (guint i = 0; i < registry->len; i++) {
    Entry *other = g_ptr_array_index (registry, i);
    if (other != entry && other->preferred && g_strcmp0 (other->pub.name, entry->pub.name) == 0)
      return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' has the name of '%s', which comes first",
                           entry->pub.path, other->pub.path);
  }
  entry->preferred = TRUE;
  return TRUE;
}

gboolean
vf_plugin_add (const char *path, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  return prefer (entry_get (absolute), error);
}

const VfPlugin *
vf_plugin_load (const char *path, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  Entry *entry = entry_get (absolute);
  entry_load (entry);
  if (entry->pub.error) {
    g_propagate_error (error, g_error_copy (entry->pub.error));
    return NULL;
  }
  return prefer (entry, error) ? &entry->pub : NULL;
}
