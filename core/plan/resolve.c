/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plan/resolve.h"

#include "plan/inputs.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Bound of the time that clocks may jump back without a refresh. */
#define MAX_FUTURE_SECONDS 60

/* What a source's metadata are known to be. */
typedef struct {
  char *snapshot;
  char *path;       /* of the stamp */
  gint64 time;      /* of the stamp */
  gboolean checked; /* the plugin said so in this run: it is what is there, of the sources as they are now */
} Metadata;

static void
metadata_free (gpointer data)
{
  Metadata *metadata = data;
  g_free (metadata->snapshot);
  g_free (metadata->path);
  g_free (metadata);
}

struct _VfResolver {
  const VfPlanContext *context;
  const VmforgeSpec *spec;
  VfBackend *backend; /* NULL until needed */
  GHashTable *fresh;  /* source digests that this run refreshed or found fresh → Metadata */
};

VfResolver *
vf_resolver_new (const VfPlanContext *context, const VmforgeSpec *spec)
{
  VfResolver *resolver = g_new0 (VfResolver, 1);
  resolver->context = context;
  resolver->spec = spec;
  resolver->fresh = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, metadata_free);
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
  if (!vf_backend_get_facts (spec->profile->plugin, &version, NULL, error))
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

/* Takes the snapshot that an earlier run brought, if it is recent enough. */
static void
read_stamp (const VfPlanContext *context, Metadata *metadata)
{
  g_autoptr (VfJson) stamp = vf_checked_read (context->store->fd, metadata->path, NULL);
  if (stamp == NULL)
    return;
  metadata->time = vf_json_int (stamp, "time", 0);
  gint64 age = g_get_real_time () / G_USEC_PER_SEC - metadata->time;
  gboolean recent =
      context->refresh_seconds >= 0 && age >= -MAX_FUTURE_SECONDS && age <= context->refresh_seconds;
  if (context->offline || recent)
    metadata->snapshot = g_strdup (vf_json_string (stamp, "snapshot", NULL));
}

static gboolean
write_stamp (const VfPlanContext *context, const Metadata *metadata, GError **error)
{
  g_autoptr (VfJson) stamp = json_object_new_object ();
  vf_json_set_string (stamp, "snapshot", metadata->snapshot);
  vf_json_set_int (stamp, "time", metadata->time);
  return vf_store_write_checked (context->store, metadata->path, stamp, error);
}

/* Lets the plugin say what the metadata are. With a recent stamp it brings only what is missing: the stamp
 * knows neither whether the files that it speaks of are still there nor where the plugin would take them from
 * today, which may be another mirror of the host. */
static gboolean
check_metadata (VfResolver *resolver, const VfBackendRequest *from, Metadata *metadata, GError **error)
{
  VfBackendRequest request = *from;
  request.recent = metadata->snapshot != NULL;
  VfBackend *backend = backend_of (resolver, error);
  g_autofree char *snapshot = NULL;
  if (backend == NULL || !vf_backend_refresh (backend, &request, &snapshot, error))
    return FALSE;
  metadata->checked = TRUE;
  if (request.recent && g_str_equal (snapshot, metadata->snapshot))
    return TRUE;
  if (!request.recent)
    metadata->time = g_get_real_time () / G_USEC_PER_SEC;
  g_free (metadata->snapshot);
  metadata->snapshot = g_steal_pointer (&snapshot);
  return write_stamp (resolver->context, metadata, error);
}

/* The state of the metadata of these sources, brought up to date if need be. Borrowed. */
static Metadata *
metadata_of (VfResolver *resolver, const VfBackendRequest *request, GError **error)
{
  g_autoptr (VfJson) sources = describe_sources (resolver->spec, request, error);
  if (sources == NULL)
    return NULL;
  g_autofree char *digest = digest_json (sources);
  Metadata *known = g_hash_table_lookup (resolver->fresh, digest);
  if (known != NULL)
    return known;
  if (!vf_fs_mkdir_p (resolver->context->store->fd, "cache/metadata", 0755, error))
    return NULL;
  Metadata *metadata = g_new0 (Metadata, 1);
  metadata->path = g_strconcat ("cache/metadata/", digest, ".json", NULL);
  read_stamp (resolver->context, metadata);
  if (metadata->snapshot == NULL && !check_metadata (resolver, request, metadata, error)) {
    metadata_free (metadata);
    return NULL;
  }
  g_hash_table_insert (resolver->fresh, g_steal_pointer (&digest), metadata);
  return metadata;
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
  g_autoptr (VfJson) json = vf_checked_read (store->fd, path, NULL);
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
  /* It was used: garbage collection passes it by. */
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
  (void)utimensat (store->fd, path, times, AT_SYMLINK_NOFOLLOW);
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
         vf_store_write_checked (store, path, json, error);
}

/* The packages that an earlier run resolved the request to with this snapshot, or NULL. path: of the record.
 */
static GPtrArray *
find_resolution (VfResolver *resolver, const VfBackendRequest *request, const char *snapshot, char **path,
                 GError **error)
{
  g_autofree char *digest = digest_request (resolver, request, snapshot, error);
  g_free (*path);
  *path = digest == NULL ? NULL : g_strconcat ("cache/resolutions/", digest, ".json", NULL);
  return digest == NULL ? NULL : read_resolution (resolver->context->store, *path);
}

GPtrArray *
vf_resolver_resolve (VfResolver *resolver, const VfBackendRequest *request, GError **error)
{
  if (!request->bootstrap && request->install[0] == NULL && request->remove[0] == NULL)
    return g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  Metadata *metadata = metadata_of (resolver, request, error);
  if (metadata == NULL)
    return NULL;
  g_autofree char *path = NULL;
  GPtrArray *known = find_resolution (resolver, request, metadata->snapshot, &path, error);
  if (known == NULL && path != NULL && !metadata->checked) {
    if (!check_metadata (resolver, request, metadata, error))
      return NULL;
    known = find_resolution (resolver, request, metadata->snapshot, &path, error);
  }
  if (known != NULL || path == NULL)
    return known;
  VfBackend *backend = backend_of (resolver, error);
  g_autoptr (GPtrArray) packages = backend == NULL ? NULL : vf_backend_resolve (backend, request, error);
  if (packages == NULL || !write_resolution (resolver->context->store, path, packages, error))
    return NULL;
  return g_steal_pointer (&packages);
}
