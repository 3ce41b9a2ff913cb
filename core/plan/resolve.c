/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plan/resolve.h"

#include "plan/inputs.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

/* Bound of the time that clocks may jump back without a refresh. */
#define MAX_FUTURE_SECONDS 60

struct _VfResolver {
  const VfPlanContext *context;
  const VmforgeSpec *spec;
  VfBackend *backend; /* NULL until needed */
  GHashTable *fresh;  /* source digests that this run refreshed or found fresh → snapshot */
};

VfResolver *
vf_resolver_new (const VfPlanContext *context, const VmforgeSpec *spec)
{
  VfResolver *resolver = g_new0 (VfResolver, 1);
  resolver->context = context;
  resolver->spec = spec;
  resolver->fresh = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return resolver;
}

void
vf_resolver_free (VfResolver *resolver)
{
  if (resolver == NULL)
    return;
  g_clear_pointer (&resolver->backend, vf_backend_close);
  g_hash_table_unref (resolver->fresh);
  g_free (resolver);
}

static VfBackend *
backend_of (VfResolver *resolver, GError **error)
{
  if (resolver->backend == NULL)
    resolver->backend = vf_plan_open_backend (resolver->context, resolver->spec, error);
  return resolver->backend;
}

/* Where packages come from: plugin, profile, mirrors, repositories. */
static VfJson *
describe_sources (const VmforgeSpec *spec, const VfBackendRequest *request, GError **error)
{
  guint32 version;
  if (!vf_backend_cache_version (spec->profile->plugin, &version, error))
    return NULL;
  VfJson *sources = json_object_new_object ();
  vf_json_set_string (sources, "plugin", spec->profile->plugin);
  vf_json_set_int (sources, "cache_version", version);
  vf_json_set (sources, "profile", vf_inputs_profile (spec->profile));
  if (spec->mirrors != NULL)
    vf_json_set (sources, "mirrors", vf_json_from_strv ((const char *const *)spec->mirrors));
  vf_json_set (sources, "repositories", vf_inputs_repositories (request->repositories, FALSE));
  return sources;
}

static char *
digest_json (VfJson *json)
{
  g_autofree char *text = vf_json_canonical (json);
  return vf_digest_text (text);
}

/* The snapshot that an earlier run brought, if it is recent enough; else NULL. */
static char *
recent_snapshot (const VfPlanContext *context, const char *path)
{
  g_autoptr (VfJson) stamp = vf_json_read (context->store->fd, path, NULL);
  if (stamp == NULL)
    return NULL;
  gint64 age = g_get_real_time () / G_USEC_PER_SEC - vf_json_int (stamp, "time", 0);
  gboolean recent =
      context->refresh_seconds >= 0 && age >= -MAX_FUTURE_SECONDS && age <= context->refresh_seconds;
  if (!context->offline && !recent)
    return NULL;
  return g_strdup (vf_json_string (stamp, "snapshot", NULL));
}

static char *
refresh (VfResolver *resolver, const VfBackendRequest *request, const char *path, GError **error)
{
  VfBackend *backend = backend_of (resolver, error);
  if (backend == NULL)
    return NULL;
  g_autofree char *snapshot = NULL;
  if (!vf_backend_refresh (backend, request, &snapshot, error))
    return NULL;
  g_autoptr (VfJson) stamp = json_object_new_object ();
  vf_json_set_string (stamp, "snapshot", snapshot);
  vf_json_set_int (stamp, "time", g_get_real_time () / G_USEC_PER_SEC);
  if (!vf_json_write (resolver->context->store->fd, path, stamp, error))
    return NULL;
  return g_steal_pointer (&snapshot);
}

/* The state of the metadata of these sources, brought up to date if need be. Borrowed. */
static const char *
snapshot_of (VfResolver *resolver, const VfBackendRequest *request, GError **error)
{
  g_autoptr (VfJson) sources = describe_sources (resolver->spec, request, error);
  if (sources == NULL)
    return NULL;
  g_autofree char *digest = digest_json (sources);
  const char *known = g_hash_table_lookup (resolver->fresh, digest);
  if (known != NULL)
    return known;
  if (!vf_fs_mkdir_p (resolver->context->store->fd, "cache/metadata", 0755, error))
    return NULL;
  g_autofree char *path = g_strconcat ("cache/metadata/", digest, ".json", NULL);
  char *snapshot = recent_snapshot (resolver->context, path);
  if (snapshot == NULL)
    snapshot = refresh (resolver, request, path, error);
  if (snapshot == NULL)
    return NULL;
  g_hash_table_insert (resolver->fresh, g_steal_pointer (&digest), snapshot);
  return snapshot;
}

static char *
digest_request (VfResolver *resolver, const VfBackendRequest *request, const char *snapshot, GError **error)
{
  g_autoptr (VfJson) json = describe_sources (resolver->spec, request, error);
  if (json == NULL)
    return NULL;
  vf_json_set_string (json, "snapshot", snapshot);
  vf_json_set_bool (json, "bootstrap", request->bootstrap);
  vf_json_set (json, "install", vf_json_from_strv (request->install));
  vf_json_set (json, "remove", vf_json_from_strv (request->remove));
  VfJson *installed = json_object_new_array ();
  for (guint i = 0; i < request->installed->len; i++)
    json_object_array_add (installed, vf_package_to_json (g_ptr_array_index (request->installed, i), FALSE));
  vf_json_set (json, "installed", installed);
  return digest_json (json);
}

static GPtrArray *
read_resolution (VmforgeStore *store, const char *path)
{
  g_autoptr (VfJson) json = vf_json_read (store->fd, path, NULL);
  VfJson *list = json == NULL ? NULL : vf_json_array (json, "packages");
  if (list == NULL)
    return NULL;
  g_autoptr (GPtrArray) packages = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  for (size_t i = 0; i < json_object_array_length (list); i++) {
    VfPackage *package = vf_package_from_json (json_object_array_get_idx (list, i), NULL);
    if (package == NULL)
      return NULL; /* a damaged cache entry is no error: resolve again */
    g_ptr_array_add (packages, package);
  }
  return g_steal_pointer (&packages);
}

static gboolean
write_resolution (VmforgeStore *store, const char *path, GPtrArray *packages, GError **error)
{
  g_autoptr (VfJson) json = json_object_new_object ();
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < packages->len; i++)
    json_object_array_add (list, vf_package_to_json (g_ptr_array_index (packages, i), TRUE));
  vf_json_set (json, "packages", list);
  return vf_fs_mkdir_p (store->fd, "cache/resolutions", 0755, error) &&
         vf_json_write (store->fd, path, json, error);
}

GPtrArray *
vf_resolver_resolve (VfResolver *resolver, const VfBackendRequest *request, GError **error)
{
  if (!request->bootstrap && request->install[0] == NULL && request->remove[0] == NULL)
    return g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  const char *snapshot = snapshot_of (resolver, request, error);
  if (snapshot == NULL)
    return NULL;
  g_autofree char *digest = digest_request (resolver, request, snapshot, error);
  if (digest == NULL)
    return NULL;
  g_autofree char *path = g_strconcat ("cache/resolutions/", digest, ".json", NULL);
  VmforgeStore *store = resolver->context->store;
  GPtrArray *known = read_resolution (store, path);
  if (known != NULL)
    return known;
  VfBackend *backend = backend_of (resolver, error);
  if (backend == NULL)
    return NULL;
  g_autoptr (GPtrArray) packages = vf_backend_resolve (backend, request, error);
  if (packages == NULL || !write_resolution (store, path, packages, error))
    return NULL;
  return g_steal_pointer (&packages);
}
