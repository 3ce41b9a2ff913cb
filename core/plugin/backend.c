/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/backend.h"

#include "plugin/runner.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <fcntl.h>
#include <string.h>

/* The end of the year 9999: what is later is in another unit. */
#define MAX_TIME G_GINT64_CONSTANT (253402300799)

struct _VfBackend {
  const VfPlugin *plugin;
  const struct vmforge_package_backend *table;
  const VfHost *host;
  void *handle;
};

VfBackend *
vf_backend_open (const char *name, const VfBackendConfig *config, const VfHost *host, GError **error)
{
  const VfPlugin *plugin = vf_plugin_find (VMFORGE_PLUGIN_PACKAGE, name, error);
  if (!plugin || !vf_fs_mkdir_p (AT_FDCWD, config->cache_path, 0755, error))
    return NULL;

  struct vmforge_package_config public_config = {
      .size = sizeof public_config,
      .flags = config->offline ? VMFORGE_CONFIG_OFFLINE : 0,
      .profile = config->profile,
      .release = config->release,
      .arch = config->arch,
      .cache_path = config->cache_path,
      .mirrors = (const char *const *)config->mirrors,
  };
  const struct vmforge_package_backend *table = plugin->descriptor->package;
  void *handle = NULL;
  g_auto (VfCall) call;
  vf_call_begin (&call, host, plugin->name, "open", 0);
  if (!vf_call_end (&call, table->open (&call.pub, &public_config, &handle), error))
    return NULL;

  VfBackend *backend = g_new0 (VfBackend, 1);
  backend->plugin = plugin;
  backend->table = table;
  backend->host = host;
  backend->handle = handle;
  return backend;
}

void
vf_backend_close (VfBackend *backend)
{
  vf_call_close (backend->host, backend->table->close, backend->handle);
  g_free (backend);
}

gboolean
vf_backend_get_facts (const char *name, guint32 *cache_version, const char *const **tools, GError **error)
{
  static const char *const none[] = {NULL};
  const VfPlugin *plugin = vf_plugin_find (VMFORGE_PLUGIN_PACKAGE, name, error);
  if (!plugin)
    return FALSE;
  const struct vmforge_package_backend *table = plugin->descriptor->package;
  if (cache_version)
    *cache_version = table->cache_version;
  if (tools)
    *tools = table->tools ? table->tools : none;
  return TRUE;
}

static void
begin (VfCall *call, VfBackend *backend, const char *callback, VfCallFlags flags)
{
  vf_call_begin (call, backend->host, backend->plugin->name, callback, flags);
}

/* A request in the form of the ABI, with the arrays that it borrows from. */
typedef struct {
  struct vmforge_package_request pub;
  const struct vmforge_package **installed;
  const struct vmforge_repository **repositories;
} Request;

static void
request_clear (Request *request)
{
  g_free (request->installed);
  g_free (request->repositories);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Request, request_clear)

static void
request_init (Request *request, const VfBackendRequest *from)
{
  static const char *const nothing[] = {NULL};
  guint n = from->repositories ? from->repositories->len : 0;
  request->installed = vf_package_pointers (from->installed);
  request->repositories = g_new0 (const struct vmforge_repository *, n + 1);
  for (guint i = 0; i < n; i++)
    request->repositories[i] = g_ptr_array_index (from->repositories, i);
  request->pub = (struct vmforge_package_request){
      .size = sizeof request->pub,
      .flags =
          (from->bootstrap ? VMFORGE_REQUEST_BOOTSTRAP : 0) | (from->recent ? VMFORGE_REQUEST_RECENT : 0),
      .repositories = request->repositories,
      .install = from->install ? from->install : nothing,
      .remove = from->remove ? from->remove : nothing,
      .installed = request->installed,
  };
}

gboolean
vf_backend_refresh (VfBackend *backend, const VfBackendRequest *request, char **snapshot, GError **error)
{
  g_auto (Request) public_request = {0};
  g_auto (VfCall) call = {0};
  char room[VF_DIGEST_HEX + 1] = {0};
  begin (&call, backend, "refresh", 0);
  request_init (&public_request, request);
  if (!vf_call_end (&call, backend->table->refresh (backend->handle, &call.pub, &public_request.pub, room),
                    error))
    return FALSE;
  if (room[VF_DIGEST_HEX] != '\0' || !vf_digest_is_hex (room, VF_DIGEST_HEX))
    return vf_call_misbehaved (backend->plugin->name, "refresh", error, "its snapshot is no SHA-256");
  *snapshot = g_strdup (room);
  return TRUE;
}

gboolean
vf_backend_metadata_date (VfBackend *backend, const VfBackendRequest *request, gint64 *date, GError **error)
{
  g_auto (Request) public_request = {0};
  g_auto (VfCall) call = {0};
  int64_t seconds = 0;
  *date = 0;
  if (!backend->table->metadata_date)
    return TRUE;
  begin (&call, backend, "metadata_date", 0);
  request_init (&public_request, request);
  int returned = backend->table->metadata_date (backend->handle, &call.pub, &public_request.pub, &seconds);
  if (!vf_call_end (&call, returned, error))
    return FALSE;
  if (seconds < 0 || seconds > MAX_TIME)
    return vf_call_misbehaved (backend->plugin->name, "metadata_date", error,
                               "%" G_GINT64_FORMAT " is no number of seconds since 1970", (gint64)seconds);
  *date = seconds;
  return TRUE;
}

static gint
compare_packages (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const VfPackage *const *)a)->pub.id, (*(const VfPackage *const *)b)->pub.id);
}

/* The emitted packages, sorted; each id once. need_archive: where it comes from must be known. */
static GPtrArray *
take_packages (VfCall *call, gboolean need_archive, GError **error)
{
  g_autoptr (GPtrArray) packages = call->results
                                       ? g_steal_pointer (&call->results)
                                       : g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  g_ptr_array_sort (packages, compare_packages);
  for (guint i = 0; i < packages->len; i++) {
    const VfPackage *package = g_ptr_array_index (packages, i);
    const VfPackage *next = i + 1 < packages->len ? g_ptr_array_index (packages, i + 1) : NULL;
    if (next && strcmp (package->pub.id, next->pub.id) == 0) {
      vf_call_misbehaved (call->plugin, call->callback, error, "it gives package '%s' twice",
                          package->pub.id);
      return NULL;
    }
    gboolean goes = (package->pub.flags & VMFORGE_PACKAGE_REMOVE) != 0;
    if (need_archive && !goes && (!package->pub.digest || !package->pub.url)) {
      vf_call_misbehaved (call->plugin, call->callback, error, "package '%s' has no digest or no url",
                          package->pub.id);
      return NULL;
    }
  }
  return g_steal_pointer (&packages);
}

GPtrArray *
vf_backend_resolve (VfBackend *backend, const VfBackendRequest *request, GError **error)
{
  g_auto (Request) public_request = {0};
  g_auto (VfCall) call = {0};
  begin (&call, backend, "resolve", VF_CALL_EMITS_PACKAGES);
  request_init (&public_request, request);
  if (!vf_call_end (&call, backend->table->resolve (backend->handle, &call.pub, &public_request.pub), error))
    return NULL;
  return take_packages (&call, TRUE, error);
}

gboolean
vf_backend_fetch (VfBackend *backend, GPtrArray *packages, GError **error)
{
  g_autofree const struct vmforge_package **pointers = vf_package_pointers (packages);
  g_auto (VfCall) call = {0};
  begin (&call, backend, "fetch", 0);
  return vf_call_end (&call, backend->table->fetch (backend->handle, &call.pub, pointers), error);
}

/* Those that have an archive, as the ABI takes them. Free the array with g_free. */
static const struct vmforge_package **
archive_pointers (GPtrArray *packages)
{
  const struct vmforge_package **all = vf_package_pointers (packages), **to = all;
  for (const struct vmforge_package **from = all; *from; from++)
    if (((*from)->flags & VMFORGE_PACKAGE_REMOVE) == 0)
      *to++ = *from;
  *to = NULL;
  return all;
}

static gboolean
has_archives (GPtrArray *packages)
{
  g_autofree const struct vmforge_package **archives = archive_pointers (packages);
  return archives[0] != NULL;
}

gboolean
vf_backend_build_time (VfBackend *backend, GPtrArray *packages, gint64 *seconds, GError **error)
{
  *seconds = -1;
  if (!backend->table->build_time || !has_archives (packages))
    return TRUE;
  g_auto (VfCall) call = {0};
  int64_t answer = -1;
  /* First, so that what is allocated here is not taken for what the callback before leaves. */
  begin (&call, backend, "build_time", 0);
  g_autofree const struct vmforge_package **pointers = archive_pointers (packages);
  if (!vf_call_end (&call, backend->table->build_time (backend->handle, &call.pub, pointers, &answer), error))
    return FALSE;
  if (answer < 0 || answer > MAX_TIME)
    return vf_call_misbehaved (backend->plugin->name, "build_time", error,
                               "%" G_GINT64_FORMAT " is no time in seconds since 1970", (gint64)answer);
  *seconds = answer;
  return TRUE;
}

static struct vmforge_root
make_root (const char *path, int fd)
{
  return (struct vmforge_root){.size = sizeof (struct vmforge_root), .path = path, .fd = fd};
}

gboolean
vf_backend_install (VfBackend *backend, const char *root_path, int root_fd, const VfBackendRequest *request,
                    GPtrArray *packages, GError **error)
{
  g_autofree const struct vmforge_package **pointers = vf_package_pointers (packages);
  struct vmforge_root root = make_root (root_path, root_fd);
  g_auto (Request) public_request = {0};
  g_auto (VfCall) call = {0};
  begin (&call, backend, "install", VF_CALL_HAS_ROOT);
  request_init (&public_request, request);
  int returned = backend->table->install (backend->handle, &call.pub, &root, &public_request.pub, pointers);
  return vf_call_end (&call, returned, error);
}

GPtrArray *
vf_backend_manifest (VfBackend *backend, const char *root_path, int root_fd, GError **error)
{
  struct vmforge_root root = make_root (root_path, root_fd);
  g_auto (VfCall) call = {0};
  begin (&call, backend, "manifest", VF_CALL_HAS_ROOT | VF_CALL_EMITS_PACKAGES);
  if (!vf_call_end (&call, backend->table->manifest (backend->handle, &call.pub, &root), error))
    return NULL;
  return take_packages (&call, FALSE, error);
}

GPtrArray *
vf_backend_boot (VfBackend *backend, const char *root_path, int root_fd,
                 const struct vmforge_boot_request *request, GError **error)
{
  struct vmforge_root root = make_root (root_path, root_fd);
  g_auto (VfCall) call = {0};
  begin (&call, backend, "boot", VF_CALL_HAS_ROOT | VF_CALL_EMITS_ARTEFACTS);
  if (!vf_call_end (&call, backend->table->boot (backend->handle, &call.pub, &root, request), error))
    return NULL;
  return call.results ? g_steal_pointer (&call.results)
                      : g_ptr_array_new_with_free_func ((GDestroyNotify)vf_artefact_free);
}
