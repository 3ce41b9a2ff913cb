/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "check/package-fixture.h"

#include "plan/plan.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"
#include "support/json.h"

#include <fcntl.h>
#include <sched.h>

VfCheckOrder *
vf_check_order_new (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = g_new0 (VfCheckOrder, 1);
  order->check = check;
  order->spec = vmforge_spec_load (check->spec, error);
  if (!order->spec)
    return NULL;
  const VfProfile *profile = order->spec->profile;
  if (g_strcmp0 (profile->plugin, check->plugin->name) != 0) {
    vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is built by the plugin '%s', not by '%s'", check->spec,
                  profile->plugin, check->plugin->name);
    return NULL;
  }
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    order->repositories[i] = vf_plan_collect_repositories (order->spec, (VmforgeStageKind)i, error);
    if (!order->repositories[i])
      return NULL;
  }
  g_autoptr (VfJson) json = vf_node_to_json (profile->node);
  order->profile = vf_json_canonical (json);
  if (!check->host.package_cache)
    check->host.package_cache = g_build_filename (check->shared, "packages", NULL);
  g_autofree char *beside = g_path_get_dirname (check->host.package_cache);
  order->cache_path = g_build_filename (beside, "plugin", NULL);
  return vf_fs_mkdir_p (AT_FDCWD, check->host.package_cache, 0755, error) ? g_steal_pointer (&order) : NULL;
}

void
vf_check_order_free (VfCheckOrder *order)
{
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    g_clear_pointer (&order->repositories[i], g_ptr_array_unref);
    g_clear_pointer (&order->packages[i], g_ptr_array_unref);
    g_clear_pointer (&order->installed[i], g_ptr_array_unref);
  }
  g_clear_pointer (&order->spec, vmforge_spec_free);
  g_free (order->profile);
  g_free (order->cache_path);
  g_free (order);
}

VfBackend *
vf_check_order_open (VfCheckOrder *order, gboolean offline, GError **error)
{
  const VfBackendConfig config = {
      .profile = order->profile,
      .release = order->spec->profile->release,
      .arch = order->spec->profile->arch,
      .cache_path = order->cache_path,
      .mirrors = order->spec->mirrors,
      .offline = offline,
  };
  return vf_backend_open (order->check->plugin->name, &config, &order->check->host, error);
}

VfBackendRequest
vf_check_order_request (VfCheckOrder *order, guint stage)
{
  const VfSpecStage *wanted = &order->spec->stages[stage];
  return (VfBackendRequest){
      .bootstrap = stage == 0,
      .repositories = order->repositories[stage],
      .install = (const char *const *)wanted->packages,
      .remove = (const char *const *)wanted->remove,
      .installed = stage == 0 ? NULL : order->installed[stage - 1],
  };
}

gboolean
vf_check_order_resolve (VfCheckOrder *order, VfBackend *backend, GError **error)
{
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    VfBackendRequest request = vf_check_order_request (order, i);
    g_autofree char *snapshot = NULL;
    if (!vf_backend_refresh (backend, &request, &snapshot, error))
      return FALSE;
    g_clear_pointer (&order->packages[i], g_ptr_array_unref);
    g_clear_pointer (&order->installed[i], g_ptr_array_unref);
    order->packages[i] = vf_backend_resolve (backend, &request, error);
    if (!order->packages[i])
      return FALSE;
    order->installed[i] = vf_plan_apply_packages (request.installed, order->packages[i]);
  }
  return TRUE;
}

VfBackend *
vf_check_order_begin (VfCheckOrder *order, GError **error)
{
  g_autoptr (VfBackend) backend = vf_check_order_open (order, FALSE, error);
  return backend && vf_check_order_resolve (order, backend, error) ? g_steal_pointer (&backend) : NULL;
}

gboolean
vf_check_no_network (GError **error)
{
  return unshare (CLONE_NEWNET) == 0 || vf_error_set_errno (error, "cannot make a network namespace");
}

static gboolean
make_image (const char *path, guint64 bytes, GError **error)
{
  vf_autofd int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return (fd >= 0 && ftruncate (fd, (off_t)bytes) == 0) ||
         vf_error_set_errno (error, "cannot make '%s'", path);
}

static gboolean
root_mount (VfCheckRoot *root, VfCheckOrder *order, guint64 bytes, GError **error)
{
  const char *work = root->check->work;
  g_autofree char *image = g_build_filename (work, "root.img", NULL);
  g_autofree char *target = g_build_filename (work, "root", NULL);
  g_autoptr (VfDiskIds) ids = vf_disk_ids_new ("vmforge-check");
  const VfDiskRange range = {0, bytes};
  const VfFilesystem filesystem = {
      .type = order->spec->filesystem,
      .mkfs = (const char *const *)order->spec->profile->filesystem_features,
  };
  if (!make_image (image, bytes, error) || !vf_fs_mkdir_p (AT_FDCWD, target, 0755, error) ||
      !vf_filesystem_make (&filesystem, image, &range, ids, NULL, error))
    return FALSE;
  root->mount = vf_mount_new (&filesystem, image, &range, target, FALSE, NULL, error);
  root->root = root->mount ? vf_rootfs_open (target, 0, error) : NULL;
  return root->root != NULL;
}

VfCheckRoot *
vf_check_root_new (VfCheckOrder *order, guint64 bytes, GError **error)
{
  g_autoptr (VfCheckRoot) root = g_new0 (VfCheckRoot, 1);
  root->check = order->check;
  if (!root_mount (root, order, bytes, error))
    return NULL;
  root->sandbox.root_path = root->root->path;
  root->sandbox.root_fd = root->root->fd;
  root->check->host.run_in_root = vf_sandbox_run_in_root;
  root->check->host.root_data = &root->sandbox;
  return g_steal_pointer (&root);
}

void
vf_check_root_free (VfCheckRoot *root)
{
  root->check->host.run_in_root = NULL;
  root->check->host.root_data = NULL;
  g_clear_pointer (&root->root, vf_rootfs_close);
  g_clear_pointer (&root->mount, vf_mount_free);
  g_free (root);
}

gboolean
vf_check_root_install (VfCheckRoot *root, VfCheckOrder *order, VfBackend *backend, guint stage,
                       GError **error)
{
  VfBackendRequest request = vf_check_order_request (order, stage);
  return vf_backend_fetch (backend, order->packages[stage], error) &&
         vf_backend_install (backend, root->root->path, root->root->fd, &request, order->packages[stage],
                             error);
}
