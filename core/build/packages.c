/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The package plugin's part of a stage. */

#include "build/work.h"

#include "support/error.h"

static void
free_repository (gpointer data)
{
  struct vmforge_repository *repository = data;
  g_strfreev ((char **)repository->components);
  g_free (repository);
}

/* Strings are borrowed from the job. */
static GPtrArray *
read_repositories (VfJson *job)
{
  GPtrArray *repositories = g_ptr_array_new_with_free_func (free_repository);
  VfJson *array = vf_json_array (job, "repositories");
  for (gsize i = 0; array && i < json_object_array_length (array); i++) {
    VfJson *json = json_object_array_get_idx (array, i);
    struct vmforge_repository *repository = g_new (struct vmforge_repository, 1);
    *repository = (struct vmforge_repository){
        .size = sizeof *repository,
        .url = vf_json_string (json, "url", NULL),
        .suite = vf_json_string (json, "suite", NULL),
        .components = (const char *const *)vf_json_strv (json, "components"),
        .key_path = vf_json_string (json, "key_path", NULL),
        .key_digest = vf_json_string (json, "key_digest", NULL),
        .name = vf_json_string (json, "name", NULL),
    };
    g_ptr_array_add (repositories, repository);
  }
  return repositories;
}

static gboolean
read_packages (VfWork *work, GError **error)
{
  VfJson *array = vf_json_array (work->job, "packages");
  work->packages = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  for (gsize i = 0; array && i < json_object_array_length (array); i++) {
    VfPackage *package = vf_package_from_json (json_object_array_get_idx (array, i), error);
    if (!package)
      return FALSE;
    g_ptr_array_add (work->packages, package);
  }
  return TRUE;
}

gboolean
vf_work_open_backend (VfWork *work, GError **error)
{
  VfJson *job = work->job;
  VfJson *profile = vf_json_object (job, "profile");
  g_auto (GStrv) mirrors = vf_json_array (job, "mirrors") ? vf_json_strv (job, "mirrors") : NULL;
  const VfBackendConfig config = {
      .profile = profile ? json_object_to_json_string_ext (profile, JSON_C_TO_STRING_PLAIN) : "{}",
      .release = vf_json_string (job, "release", ""),
      .arch = vf_json_string (job, "arch", ""),
      .cache_path = vf_json_string (job, "cache", NULL),
      .mirrors = mirrors,
      .offline = TRUE,
  };
  work->backend = vf_backend_open (vf_json_string (job, "plugin", ""), &config, &work->host, error);
  return work->backend && read_packages (work, error);
}

/* What the key says must be what the image has: a lock may name a version with the digest of another. */
static gboolean
check_package (const VfPackage *planned, const VfPackage *there, GError **error)
{
  const char *name = planned->pub.name;
  if ((planned->pub.flags & VMFORGE_PACKAGE_REMOVE) != 0)
    return there == NULL || vf_error_set (error, VMFORGE_ERROR_FAILED,
                                          "package '%s' was to be removed, but is installed", name);
  if (there == NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "package '%s' %s was installed, but the image does not have it", name,
                         planned->pub.version);
  if (g_str_equal (there->pub.version, planned->pub.version) &&
      g_str_equal (there->pub.arch, planned->pub.arch))
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "package '%s' is %s (%s) in the image, and should be %s (%s)", name,
                       there->pub.version, there->pub.arch, planned->pub.version, planned->pub.arch);
}

static gboolean
check_installed (VfWork *work, GError **error)
{
  if (work->packages->len == 0)
    return TRUE;
  g_autoptr (GPtrArray) manifest =
      vf_backend_manifest (work->backend, work->root->path, work->root->fd, error);
  g_autoptr (GHashTable) by_id = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; manifest != NULL && i < manifest->len; i++) {
    VfPackage *package = g_ptr_array_index (manifest, i);
    g_hash_table_insert (by_id, (gpointer)package->pub.id, package);
  }
  for (guint i = 0; manifest != NULL && i < work->packages->len; i++) {
    const VfPackage *planned = g_ptr_array_index (work->packages, i);
    if (!check_package (planned, g_hash_table_lookup (by_id, planned->pub.id), error))
      return FALSE;
  }
  return manifest != NULL;
}

gboolean
vf_work_install (VfWork *work, GError **error)
{
  if (!vf_work_keep_keys (work, error))
    return FALSE;
  g_auto (GStrv) install = vf_json_strv (work->job, "install"), remove = vf_json_strv (work->job, "remove");
  g_autoptr (GPtrArray) repositories = read_repositories (work->job);
  g_autoptr (GPtrArray) installed = g_ptr_array_new ();
  const VfBackendRequest request = {
      .bootstrap = vf_work_is_core (work),
      .repositories = repositories,
      .install = (const char *const *)install,
      .remove = (const char *const *)remove,
      .installed = installed,
  };
  return vf_work_check_space (work, error) &&
         vf_backend_install (work->backend, work->root->path, work->root->fd, &request, work->packages,
                             error) &&
         check_installed (work, error);
}

gboolean
vf_work_read_manifest (VfWork *work, GError **error)
{
  work->manifest = vf_backend_manifest (work->backend, work->root->path, work->root->fd, error);
  return work->manifest != NULL;
}
