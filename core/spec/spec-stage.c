/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/spec-private.h"

#include "spec/snapshot.h"
#include "support/suggest.h"

#include <string.h>

#define MAX_KEY_BYTES (1024 * 1024)
#define MAX_SLUG      64

char **
vf_spec_steal_words (GPtrArray **words)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) all = g_steal_pointer (words);
  GPtrArray *kept = g_ptr_array_new ();
  for (guint i = 0; i < all->len; i++)
    if (g_hash_table_add (seen, g_ptr_array_index (all, i)))
      g_ptr_array_add (kept, g_strdup (g_ptr_array_index (all, i)));
  g_ptr_array_add (kept, NULL);
  return (char **)g_ptr_array_free (kept, FALSE);
}

static void
add_texts (GPtrArray *words, const VfNode *node)
{
  if (node->type == VF_NODE_LIST) {
    for (guint i = 0; i < vf_node_length (node); i++)
      g_ptr_array_add (words, g_strdup (vf_node_at (node, i)->text));
  } else if (node->type != VF_NODE_NULL)
    g_ptr_array_add (words, g_strdup (node->text));
}

gboolean
vf_spec_add_words (const VfSpecLoader *loader, GPtrArray *words, const VfNode *list, const char *what,
                   GError **error)
{
  const char *id = loader->spec->profile->id;
  for (guint i = 0; i < vf_node_length (list); i++) {
    const VfNode *entry = vf_node_at (list, i);
    if (entry->type == VF_NODE_MAP) {
      const VfNode *own = vf_node_get (entry, id);
      const VfNode *chosen = own == NULL ? vf_node_get (entry, "default") : own;
      if (chosen == NULL)
        return vf_node_error (entry, VMFORGE_ERROR_SPEC, error,
                              "this map names no %s for '%s' and no 'default'", what, id);
      entry = chosen;
    }
    add_texts (words, entry);
  }
  return TRUE;
}

static gboolean
add_features (const VfSpecLoader *loader, VfSpecStage *stage, GPtrArray *packages, GError **error)
{
  const VfProfile *profile = loader->spec->profile;
  const VfNode *features = vf_node_get (stage->node, "features");
  for (guint i = 0; i < vf_node_length (features); i++) {
    const VfNode *feature = vf_node_at (features, i);
    const VfNode *role = vf_profile_role (profile, feature->text);
    if (role != NULL) {
      add_texts (packages, role);
      continue;
    }
    g_autofree const char **roles = vf_profile_roles (profile);
    g_autofree char *hint = vf_suggest_hint (feature->text, roles);
    g_autofree char *known = g_strjoinv (", ", (char **)roles);
    return vf_node_error (feature, VMFORGE_ERROR_SPEC, error, "unknown feature '%s' of %s %s%s; known: %s",
                          feature->text, profile->id, profile->release, hint, known);
  }
  return TRUE;
}

static gboolean
read_packages (const VfSpecLoader *loader, VfSpecStage *stage, VmforgeStageKind kind, GError **error)
{
  const VfProfile *profile = loader->spec->profile;
  g_autoptr (GPtrArray) packages = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) removed = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) features = g_ptr_array_new_with_free_func (g_free);
  const VfNode *roles = vf_node_get (stage->node, "features");
  for (guint i = 0; kind == VMFORGE_STAGE_CORE && profile->bootstrap_packages[i] != NULL; i++)
    g_ptr_array_add (packages, g_strdup (profile->bootstrap_packages[i]));
  if (roles != NULL)
    add_texts (features, roles);
  if (!add_features (loader, stage, packages, error) ||
      !vf_spec_add_words (loader, packages, vf_node_get (stage->node, "packages"), "package", error) ||
      !vf_spec_add_words (loader, removed, vf_node_get (stage->node, "remove"), "package", error))
    return FALSE;
  stage->features = vf_spec_steal_words (&features);
  stage->packages = vf_spec_steal_words (&packages);
  stage->remove = vf_spec_steal_words (&removed);
  return TRUE;
}

gboolean
vf_spec_check_url (const VfNode *node, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (node->text, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "'%s' is no URL", node->text);
  if (g_uri_get_userinfo (uri) != NULL) /* not repeated here: it may be a password */
    return vf_node_error (
        node, VMFORGE_ERROR_SPEC, error,
        "a URL must not hold a user name or password; they belong into the package tool's own file of "
        "credentials, which the manual page of the plugin names");
  return TRUE;
}

/* "http://a.example/debian", "stable" → "a-example-debian-stable". */
static char *
make_name (const char *url, const char *suite)
{
  const char *start = strstr (url, "://");
  g_autofree char *whole = g_strconcat (start == NULL ? url : start + 3, "-", suite, NULL);
  g_autoptr (GString) name = g_string_new (NULL);
  for (const char *c = whole; *c != '\0'; c++) {
    if (g_ascii_isalnum (*c))
      g_string_append_c (name, g_ascii_tolower (*c));
    else if (name->len > 0 && name->str[name->len - 1] != '-')
      g_string_append_c (name, '-');
  }
  g_string_truncate (name, MIN (name->len, MAX_SLUG));
  while (name->len > 0 && name->str[name->len - 1] == '-')
    g_string_truncate (name, name->len - 1);
  return name->len == 0 ? g_strdup ("repository") : g_string_free (g_steal_pointer (&name), FALSE);
}

static void
repository_free (VfSpecRepository *repository)
{
  g_free (repository->url);
  g_free (repository->suite);
  g_strfreev (repository->components);
  g_free (repository->key_path);
  g_free (repository->name);
  g_free (repository);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSpecRepository, repository_free)

/* Armoured or binary public keys; gpgv would otherwise just say that no key was found. */
static gboolean
read_key (const VfSpecLoader *loader, VfSpecRepository *repository, const VfNode *key, GError **error)
{
  gsize length;
  g_autofree char *text =
      vf_spec_source_read (loader, key, MAX_KEY_BYTES, &repository->key_path, &length, error);
  if (text == NULL)
    return FALSE;
  if (loader->without_files || strstr (text, "-----BEGIN PGP PUBLIC KEY BLOCK-----") != NULL ||
      (length > 0 && (text[0] & 0x80) != 0 && !g_utf8_validate (text, (gssize)length, NULL)))
    return TRUE;
  return vf_node_error (key, VMFORGE_ERROR_SPEC, error, "'%s' holds no OpenPGP public key",
                        repository->key_path);
}

/* The image keeps a file for each repository, by its name. */
static gboolean
check_name (const VfSpecLoader *loader, const VfSpecRepository *repository, const VfNode *node,
            GError **error)
{
  if (g_hash_table_add (loader->repositories, g_strdup (repository->name)))
    return TRUE;
  return vf_node_error (node, VMFORGE_ERROR_SPEC, error,
                        "two repositories have the name '%s'; give one another 'name'", repository->name);
}

static VfSpecRepository *
read_repository (const VfSpecLoader *loader, const VfNode *node, GError **error)
{
  g_autoptr (VfSpecRepository) repository = g_new0 (VfSpecRepository, 1);
  const VfNode *url = vf_node_get (node, "url");
  const VfNode *components = vf_node_get (node, "components");
  const char *suite = vf_node_get_text (node, "suite", NULL);
  const char *name = vf_node_get_text (node, "name", NULL);
  gboolean is_path = suite == NULL || g_str_has_suffix (suite, "/");
  if (!vf_spec_check_url (url, error) ||
      !vf_snapshot_check_url (loader->spec->profile, url, "repository", error) ||
      !read_key (loader, repository, vf_node_get (node, "key"), error))
    return NULL;
  if (is_path && vf_node_length (components) > 0) {
    vf_node_error (components, VMFORGE_ERROR_SPEC, error,
                   "'components' in repositories entry needs a 'suite' that "
                   "does not end in '/'");
    return NULL;
  }
  if (!is_path && vf_node_length (components) == 0) {
    vf_node_error (node, VMFORGE_ERROR_SPEC, error,
                   "repositories entry with the suite '%s' lacks 'components' (such as [main])", suite);
    return NULL;
  }
  repository->url = g_strdup (url->text);
  repository->suite = g_strdup (suite);
  repository->components = vf_node_dup_texts (components);
  repository->name = name == NULL ? make_name (url->text, suite == NULL ? "" : suite) : g_strdup (name);
  return check_name (loader, repository, node, error) ? g_steal_pointer (&repository) : NULL;
}

static gboolean
read_repositories (const VfSpecLoader *loader, VfSpecStage *stage, GError **error)
{
  const VfNode *list = vf_node_get (stage->node, "repositories");
  for (guint i = 0; i < vf_node_length (list); i++) {
    VfSpecRepository *repository = read_repository (loader, vf_node_at (list, i), error);
    if (repository == NULL)
      return FALSE;
    g_ptr_array_add (stage->repositories, repository);
  }
  return TRUE;
}

gboolean
vf_spec_read_stage (const VfSpecLoader *loader, VmforgeStageKind kind, GError **error)
{
  VfSpecStage *stage = &loader->spec->stages[kind];
  const VfNode *node = vf_node_get (loader->spec->root, vmforge_stage_name (kind));
  stage->node = node == NULL || node->type == VF_NODE_NULL ? NULL : node;
  stage->repositories = g_ptr_array_new_with_free_func ((GDestroyNotify)repository_free);
  stage->users = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_spec_user_free);
  stage->files = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_spec_file_free);
  stage->run = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_spec_run_free);
  return read_repositories (loader, stage, error) && read_packages (loader, stage, kind, error) &&
         vf_spec_read_users (loader, stage, kind, error) && vf_spec_read_files (loader, stage, error) &&
         vf_spec_read_run (loader, stage, error);
}

void
vf_spec_stage_clear (VfSpecStage *stage)
{
  g_clear_pointer (&stage->repositories, g_ptr_array_unref);
  g_clear_pointer (&stage->users, g_ptr_array_unref);
  g_clear_pointer (&stage->files, g_ptr_array_unref);
  g_clear_pointer (&stage->run, g_ptr_array_unref);
  g_strfreev (stage->features);
  g_strfreev (stage->packages);
  g_strfreev (stage->remove);
}
