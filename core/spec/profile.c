/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/profile.h"

#include "spec/merge.h"
#include "spec/schema.h"
#include "spec/snapshot.h"
#include "support/error.h"
#include "support/paths.h"
#include "support/suggest.h"
#include "support/units.h"

#include <string.h>
#include <sys/auxv.h>

#define ENDING ".yaml"

void
vf_profile_free (VfProfile *profile)
{
  if (profile == NULL)
    return;
  g_free (profile->id);
  g_free (profile->release);
  g_free (profile->arch);
  g_free (profile->package_arch);
  g_free (profile->plugin);
  g_free (profile->purl);
  g_strfreev (profile->bootstrap_packages);
  g_strfreev (profile->kernel_arguments);
  g_free (profile->network_backend);
  g_free (profile->default_hostname);
  g_free (profile->default_filesystem);
  g_strfreev (profile->filesystem_features);
  vf_node_free (profile->node);
  g_free (profile->path);
  g_free (profile);
}

/* Folders in the order of search. A program with more rights than its user does not listen to the
 * environment. */
static char **
list_folders (void)
{
  g_autoptr (GPtrArray) folders = g_ptr_array_new ();
  const char *path = getauxval (AT_SECURE) ? NULL : g_getenv ("VMFORGE_PROFILE_PATH");
  g_auto (GStrv) own = g_strsplit (path == NULL ? "" : path, ":", -1);
  for (guint i = 0; own[i] != NULL; i++)
    if (*own[i] != '\0')
      g_ptr_array_add (folders, g_strdup (own[i]));
  const char *const *built_in = vf_paths_profile_dirs ();
  for (guint i = 0; built_in[i] != NULL; i++)
    g_ptr_array_add (folders, g_strdup (built_in[i]));
  g_ptr_array_add (folders, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&folders), FALSE);
}

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

char **
vf_profile_list (void)
{
  g_auto (GStrv) folders = list_folders ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *ids = g_ptr_array_new ();
  for (guint i = 0; folders[i] != NULL; i++) {
    g_autoptr (GDir) folder = g_dir_open (folders[i], 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
      g_autofree char *id = g_strndup (name, strlen (name) - MIN (strlen (ENDING), strlen (name)));
      if (!g_str_has_suffix (name, ENDING) || g_hash_table_contains (seen, id))
        continue;
      g_hash_table_add (seen, id);
      g_ptr_array_add (ids, g_steal_pointer (&id));
    }
  }
  g_ptr_array_sort (ids, compare_texts);
  g_ptr_array_add (ids, NULL);
  return (char **)g_ptr_array_free (ids, FALSE);
}

static char *
find_file (const char *id)
{
  g_auto (GStrv) folders = list_folders ();
  g_autofree char *name = g_strconcat (id, ENDING, NULL);
  for (guint i = 0; folders[i] != NULL; i++) {
    g_autofree char *path = g_build_filename (folders[i], name, NULL);
    if (g_file_test (path, G_FILE_TEST_EXISTS))
      return g_steal_pointer (&path);
  }
  return NULL;
}

/* of: "", or what the word belongs to: " of debian". */
static gboolean
fail_unknown (const VfNode *where, const char *kind, const char *word, const char *of,
              const char *const *known, GError **error)
{
  g_autofree char *hint = vf_suggest_hint (word, known);
  g_autofree char *list = g_strjoinv (", ", (char **)known);
  return vf_node_error (where, VMFORGE_ERROR_SPEC, error, "unknown %s '%s'%s%s; known: %s", kind, word, of,
                        hint, *list == '\0' ? "none" : list);
}

/* Keys of a map; the array is the caller's, its texts are the map's. */
static GPtrArray *
list_keys (const VfNode *map)
{
  GPtrArray *keys = g_ptr_array_new ();
  for (guint i = 0; i < vf_node_length (map); i++)
    g_ptr_array_add (keys, ((const VfNode *)g_ptr_array_index (map->keys, i))->text);
  return keys;
}

static gboolean
has_text (const VfNode *list, const char *text)
{
  for (guint i = 0; i < vf_node_length (list); i++)
    if (strcmp (vf_node_at (list, i)->text, text) == 0)
      return TRUE;
  return FALSE;
}

static const VfNode *
find_release (const VfNode *root, const char *word, const VfNode *where, const char **name, GError **error)
{
  const VfNode *releases = vf_node_get (root, "releases");
  g_autoptr (GPtrArray) keys = list_keys (releases);
  for (guint i = 0; i < keys->len; i++) {
    const VfNode *release = vf_node_at (releases, i);
    *name = g_ptr_array_index (keys, i);
    if (strcmp (*name, word) == 0 || has_text (vf_node_get (release, "aliases"), word))
      return release;
  }
  g_ptr_array_add (keys, NULL);
  g_autofree char *of = g_strdup_printf (" of %s", vf_node_get_text (root, "id", ""));
  fail_unknown (where, "release", word, of, (const char *const *)keys->pdata, error);
  return NULL;
}

static const VfNode *
find_arch (const VfNode *root, const VfNode *release, const char *name, const char *arch, const VfNode *where,
           GError **error)
{
  const VfNode *arches = vf_node_get (release, "arches");
  const VfNode *found = vf_node_get (arches, arch);
  if (found != NULL && vf_node_get (vf_node_get (root, "arches"), arch) != NULL)
    return found;
  /* Who knows the distribution well writes its word rather than ours. */
  g_autoptr (GPtrArray) keys = list_keys (arches);
  for (guint i = 0; i < keys->len; i++) {
    const char *key = g_ptr_array_index (keys, i);
    const char *package_arch = vf_node_get_text (vf_node_get (root, "arches"), key, "");
    if (strcmp (package_arch, arch) != 0 || found != NULL)
      continue;
    vf_node_error (where, VMFORGE_ERROR_SPEC, error, "unknown architecture '%s' (did you mean '%s'?)", arch,
                   key);
    return NULL;
  }
  g_ptr_array_add (keys, NULL);
  g_autofree char *of = g_strdup_printf (" of %s %s", vf_node_get_text (root, "id", ""), name);
  fail_unknown (where, "architecture", arch, of, (const char *const *)keys->pdata, error);
  return NULL;
}

/* The whole, with the release's part over it, with the architecture's part over both, and the spec's over
 * all. */
static VfNode *
merge_parts (const VfNode *root, const VfNode *release, const VfNode *arch, const VfNode *override)
{
  g_autoptr (VfNode) whole = vf_node_copy (root);
  g_autoptr (VfNode) part = vf_node_copy (release);
  vf_node_remove (whole, "releases");
  vf_node_remove (whole, "arches");
  vf_node_remove (part, "arches");
  vf_node_remove (part, "aliases");
  g_autoptr (VfNode) merged = vf_merge (whole, part, VF_MERGE_REPLACE_LISTS);
  g_autoptr (VfNode) below = vf_merge (merged, arch, VF_MERGE_REPLACE_LISTS);
  return override == NULL ? g_steal_pointer (&below) : vf_merge (below, override, VF_MERGE_REPLACE_LISTS);
}

static gboolean
fill_disk (VfProfile *profile, GError **error)
{
  const VfNode *disk = vf_node_get (profile->node, "disk");
  const VfNode *filesystems = vf_node_get (disk, "filesystems");
  const VfNode *size = vf_node_get (disk, "nominal_size");
  if (size == NULL || vf_node_length (filesystems) == 0)
    return vf_node_error (disk, VMFORGE_ERROR_SPEC, error, "'disk' lacks 'nominal_size' or 'filesystems'");
  if (!vf_units_parse_size (size->text, &profile->nominal_size) ||
      profile->nominal_size % (1024 * 1024) != 0 || profile->nominal_size == 0)
    return vf_node_error (size, VMFORGE_ERROR_SPEC, error, "'nominal_size' must be whole MiB, such as 2GiB");
  const char *first = ((const VfNode *)g_ptr_array_index (filesystems->keys, 0))->text;
  profile->default_filesystem = g_strdup (vf_node_get_text (disk, "filesystem", first));
  if (vf_node_get (filesystems, profile->default_filesystem) == NULL)
    return vf_node_error (disk, VMFORGE_ERROR_SPEC, error, "'filesystem' in 'disk' is none of 'filesystems'");
  return vf_profile_choose_filesystem (profile, profile->default_filesystem, disk, error);
}

gboolean
vf_profile_choose_filesystem (VfProfile *profile, const char *name, const VfNode *where, GError **error)
{
  const VfNode *filesystems = vf_node_get (vf_node_get (profile->node, "disk"), "filesystems");
  const VfNode *chosen = vf_node_get (filesystems, name);
  if (chosen == NULL) {
    g_autoptr (GPtrArray) keys = list_keys (filesystems);
    g_ptr_array_add (keys, NULL);
    return fail_unknown (where, "filesystem", name, "", (const char *const *)keys->pdata, error);
  }
  g_strfreev (profile->filesystem_features);
  profile->filesystem_features = vf_node_dup_texts (vf_node_get (chosen, "mkfs"));
  return TRUE;
}

static VfProfile *
new_profile (VfNode *merged, const char *path, const char *release, const char *arch,
             const char *package_arch)
{
  VfProfile *profile = g_new0 (VfProfile, 1);
  vf_node_set_text (merged, "release", release);
  vf_node_set_text (merged, "arch", arch);
  vf_node_set_text (merged, "package_arch", package_arch);
  profile->node = merged;
  profile->path = g_strdup (path);
  profile->release = g_strdup (release);
  profile->arch = g_strdup (arch);
  profile->package_arch = g_strdup (package_arch);
  profile->id = g_strdup (vf_node_get_text (merged, "id", NULL));
  profile->plugin = g_strdup (vf_node_get_text (merged, "plugin", NULL));
  profile->purl = g_strdup (vf_node_get_text (merged, "purl", NULL));
  profile->bootstrap_packages = vf_node_dup_texts (vf_node_get (merged, "bootstrap_packages"));
  profile->kernel_arguments = vf_node_dup_texts (vf_node_get (merged, "kernel_arguments"));
  profile->network_backend = g_strdup (vf_node_get_text (merged, "network_backend", NULL));
  profile->default_hostname = g_strdup (vf_node_get_text (merged, "hostname", NULL));
  return profile;
}

static VfNode *
read_checked (const char *path, const char *id, GError **error)
{
  g_autoptr (VfNode) root = vf_node_read (path, error);
  if (root == NULL || !vf_schema_check (vf_schema_profile (), root, error))
    return NULL;
  const VfNode *own = vf_node_get (root, "id");
  if (strcmp (own->text, id) != 0) {
    vf_node_error (own, VMFORGE_ERROR_SPEC, error, "'id' is '%s', but the file's name says '%s'", own->text,
                   id);
    return NULL;
  }
  return g_steal_pointer (&root);
}

VfProfile *
vf_profile_load (const char *id, const char *release, const char *arch, const VfNode *where, GError **error)
{
  const VfNode *id_node = vf_node_get (where, "id");
  const VfNode *release_node = vf_node_get (where, "release");
  const VfNode *arch_node = vf_node_get (where, "arch");
  g_autofree char *path = strchr (id, '/') == NULL ? find_file (id) : NULL;
  if (path == NULL) {
    g_auto (GStrv) known = vf_profile_list ();
    fail_unknown (id_node == NULL ? where : id_node, "distribution", id, "", (const char *const *)known,
                  error);
    return NULL;
  }
  g_autoptr (VfNode) root = read_checked (path, id, error);
  if (root == NULL)
    return NULL;
  const char *name;
  const VfNode *part =
      find_release (root, release, release_node == NULL ? where : release_node, &name, error);
  if (part == NULL)
    return NULL;
  const VfNode *below = find_arch (root, part, name, arch, arch_node == NULL ? where : arch_node, error);
  if (below == NULL)
    return NULL;
  const char *package_arch = vf_node_get_text (vf_node_get (root, "arches"), arch, NULL);
  g_autoptr (VfProfile) profile = new_profile (
      merge_parts (root, part, below, vf_node_get (where, "override")), path, name, arch, package_arch);
  if (!fill_disk (profile, error) ||
      !vf_snapshot_pin_profile (profile, vf_node_get (where, "snapshot"), error))
    return NULL;
  return g_steal_pointer (&profile);
}

const VfNode *
vf_profile_role (const VfProfile *profile, const char *role)
{
  return vf_node_get (vf_node_get (profile->node, "roles"), role);
}

const char **
vf_profile_roles (const VfProfile *profile)
{
  GPtrArray *roles = list_keys (vf_node_get (profile->node, "roles"));
  g_ptr_array_add (roles, NULL);
  return (const char **)g_ptr_array_free (roles, FALSE);
}
